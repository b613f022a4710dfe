"""Settings of the noticeboard."""

from typing import Annotated

from piragua.config.settings import FrontEndSettings, parsed, setting
from piragua.config.values import count


class NoticeboardSettings(FrontEndSettings):
    """How much fits."""

    most_notices: Annotated[int, parsed(count)] = setting(
        "PIRAGUA_NOTICEBOARD_MOST", 10, "How many notices hang there.", "10"
    )
