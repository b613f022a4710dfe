"""Whether this instance lives and is well."""

from piragua.config import Settings
from piragua.core import Core
from piragua.frontends.front_end import FrontEnd
from piragua.frontends.health.routes import health_router


def front_end(core: Core, settings: Settings) -> FrontEnd:
    """Routes that need no token, among the paths of others."""
    return FrontEnd([health_router(core)], about="")
