"""Piragua's own API, below /piragua/v1/."""

from piragua.config import Settings
from piragua.core import Core
from piragua.frontends.front_end import FrontEnd
from piragua.frontends.v1.error_table import TABLE
from piragua.frontends.v1.router import v1_router
from piragua.http.body import BodyLimits
from piragua.http.path_space import PathSpace, SignIn
from piragua.http.sign_in import keys_of, sign_in_with_tokens


def front_end(core: Core, settings: Settings) -> FrontEnd:
    """The routes, for administrators only."""
    return v1_front_end(core, sign_in_with_tokens(keys_of(settings)), BodyLimits())


def v1_front_end(core: Core, sign_in: SignIn | None, limits: BodyLimits) -> FrontEnd:
    """The same, with plain arguments."""
    space = PathSpace("/piragua/v1", sign_in, may=may, answer=TABLE.answer)
    return FrontEnd([v1_router(core, limits, may, with_tokens=sign_in is not None)], space)


def may(role: str, method: str, path: str) -> bool:
    """Whether the role may do this."""
    return role == "admin"
