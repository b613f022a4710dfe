"""The list of all front-ends. To add one, add its folder's name.

Only what is asked for is loaded: a command that reads the settings has no use for routes.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from piragua.config import Settings
from piragua.config.settings import FrontEndSettings
from piragua.errors import PiraguaError

if TYPE_CHECKING:
    from piragua.core import Core
    from piragua.frontends.front_end import FrontEnd

FRONT_ENDS = ("heketi", "health", "metrics", "v1")


def front_ends(core: "Core", settings: Settings) -> list["FrontEnd"]:
    """All front-ends over that core, in the order of the list."""
    return [import_module(f"{__package__}.{name}.front_end").front_end(core, settings) for name in FRONT_ENDS]


def front_end_settings() -> list[type[FrontEndSettings]]:
    """The settings of all front-ends that have some, in the order of the list."""
    names = [f"{__package__}.{name}.settings" for name in FRONT_ENDS]
    modules = [import_module(name) for name in names if find_spec(name) is not None]
    return [
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, FrontEndSettings) and kind.__module__ == module.__name__
    ]


def failure_text(error: PiraguaError) -> str:
    """What clients are told of long work that failed. They ask for it at /queue, which is Heketi's."""
    text: str = import_module(f"{__package__}.heketi.error_table").sentence(error)
    return text
