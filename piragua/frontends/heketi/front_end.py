"""Heketi's REST API."""

import re

from piragua.config import Settings
from piragua.core import Core
from piragua.frontends.front_end import FrontEnd
from piragua.frontends.heketi.error_table import TABLE
from piragua.frontends.heketi.router import heketi_routers
from piragua.http.body import BodyLimits
from piragua.http.path_space import PathSpace, SignIn
from piragua.http.sign_in import keys_of, sign_in_with_tokens

_USER_MAY = re.compile("(?:GET|POST) /volumes|GET /(?:volumes|queue)/[^/]+")
_ABOUT = (
    "Heketi's API, as Piragua serves it. Errors are plain text, one message in one line. What takes time is"
    " answered with 202 and a Location to poll. Bodies are JSON, whatever their Content-Type."
)


def front_end(core: Core, settings: Settings) -> FrontEnd:
    """All of Heketi's routes, and the rules of all paths that are nobody else's."""
    return heketi_front_end(core, sign_in_with_tokens(keys_of(settings)), BodyLimits())


def heketi_front_end(core: Core, sign_in: SignIn | None, limits: BodyLimits) -> FrontEnd:
    """The same, with plain arguments."""
    space = PathSpace("", sign_in, may=may, answer=TABLE.answer)
    return FrontEnd(heketi_routers(core, limits), space, about=_ABOUT)


def may(role: str, method: str, path: str) -> bool:
    """Whether the role may do this: users create and list volumes, read one, and poll; administrators do all."""
    return role != "user" or _USER_MAY.fullmatch(f"{method} {path}") is not None
