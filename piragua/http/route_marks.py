"""What the gate has to know of a route, said where the route is made, on its endpoint:

@router.get("/live", **shows_text("Whether the process answers"))
@without_token
async def live() -> Response: ...
"""

from collections.abc import Callable
from enum import Flag, auto
from typing import Any, TypeVar

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

_ATTRIBUTE = "_piragua_marks"


class Mark(Flag):
    """Exceptions from the rules of all routes."""

    NONE = 0
    WITHOUT_TOKEN = auto()
    STREAM = auto()
    IN_READ_ONLY_MODE = auto()
    FOR_BROWSERS = auto()
    POLLED = auto()


def without_token(endpoint: Endpoint) -> Endpoint:
    """Nobody is asked to sign in for it. Its path as it stands, with its methods; nothing else leads to it."""
    return _marked(endpoint, Mark.WITHOUT_TOKEN)


def stream(endpoint: Endpoint) -> Endpoint:
    """Its answer has to begin in time like any other, and may then go on for as long as it likes."""
    return _marked(endpoint, Mark.STREAM)


def in_read_only_mode(endpoint: Endpoint) -> Endpoint:
    """It is open also while an administrator lets nothing be changed."""
    return _marked(endpoint, Mark.IN_READ_ONLY_MODE)


def for_browsers(endpoint: Endpoint) -> Endpoint:
    """It is there only for who asks for text/html: a page at `/`. For all others there is no such route."""
    return _marked(endpoint, Mark.FOR_BROWSERS)


def polled(endpoint: Endpoint) -> Endpoint:
    """It is asked for all the time, so that a line of the log for each request would be too many."""
    return _marked(endpoint, Mark.POLLED)


def marks_of(endpoint: Callable[..., Any]) -> Mark:
    """All marks of an endpoint."""
    marks: Mark = getattr(endpoint, _ATTRIBUTE, Mark.NONE)
    return marks


def _marked(endpoint: Endpoint, mark: Mark) -> Endpoint:
    setattr(endpoint, _ATTRIBUTE, marks_of(endpoint) | mark)
    return endpoint
