"""The application, put together: front-ends' routers and the rules of their paths in, an ASGI application out."""

from collections.abc import Awaitable, Callable, Iterable, Sequence

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from piragua.http import refusals, replies
from piragua.http.gates import Gate
from piragua.http.path_space import PathSpace, PathSpaces
from piragua.http.request_log import RequestLog, RequestRecorder
from piragua.http.route_table import RouteTable
from piragua.http.streams import Streams
from piragua.models import Mode


def build_app(
    routers: Sequence[APIRouter],
    spaces: Sequence[PathSpace],
    *,
    mode: Callable[[], Awaitable[Mode]],
    streams: Streams | None = None,
    request_timeout_seconds: float = 30,
    recorder: RequestRecorder | None = None,
) -> FastAPI:
    """The application. mode: which requests may change something. recorder: is told of every answer.

    streams: ends those that are open when the instance stops. request_timeout_seconds must be longer than
    `operations` hold a poll. Raises ValueError for what the gate cannot guard.
    """
    gate = Middleware(
        Gate,
        spaces=PathSpaces(spaces),
        routes=RouteTable(routes_of(routers)),
        mode=mode,
        streams=streams or Streams(),
        request_timeout_seconds=request_timeout_seconds,
    )
    app = FastAPI(
        openapi_url=None,
        redirect_slashes=False,
        middleware=[Middleware(RequestLog, recorder=recorder), gate],
        exception_handlers={HTTPException: _answer_framework, RequestValidationError: _answer_framework},
    )
    for router in routers:
        app.include_router(router)
    return app


def routes_of(routers: Iterable[APIRouter]) -> list[Route]:
    """All routes. ValueError for what is none, such as a mount, and for one that is there twice."""
    found: list[Route] = []
    known: set[tuple[str, str]] = set()
    for route in (route for router in routers for route in router.routes):
        if not isinstance(route, Route):
            raise ValueError(f"{route!r} is no route that the gate knows")
        keys = {(route.path, method) for method in route.methods or ()}
        if keys & known:
            raise ValueError(f"the route {route.path} is there twice")
        known |= keys
        found.append(route)
    return found


async def _answer_framework(request: Request, error: Exception) -> Response:
    """What the web framework itself turned away; what the gate has words for is raised again as it has it."""
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        raise refusals.Unparsable(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == 404:
        raise refusals.InvalidPath from error
    if error.status_code == 405:
        raise refusals.MethodNotAllowed from error
    return replies.text(error.status_code, str(error.detail))
