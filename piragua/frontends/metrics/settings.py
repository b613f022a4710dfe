"""Settings of this front-end."""

from typing import Annotated

from piragua.config import values
from piragua.config.settings import FrontEndSettings, parsed, setting


class MetricsSettings(FrontEndSettings):
    """How much `/metrics` says of single volumes."""

    metrics_volumes: Annotated[int, parsed(values.count_or_none)] = setting(
        "PIRAGUA_METRICS_VOLUMES",
        1000,
        "Up to how many volumes `/metrics` has size, use and files of each by its id. With more volumes, or "
        "`0`, it has sums only.",
        "1000",
    )
    metrics_names: Annotated[bool, parsed(values.boolean)] = setting(
        "PIRAGUA_METRICS_NAMES",
        False,
        "`true`: `/metrics`, which asks for no token, also has names, namespaces and claims of these volumes.",
        "false",
    )
