"""Front-ends put together: what one instance answers over HTTP, and what they keep running."""

from collections.abc import Sequence

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from piragua.core import Core
from piragua.frontends.front_end import FrontEnd
from piragua.http.app import build_app, routes_of
from piragua.http.docs_routes import docs_router
from piragua.http.openapi import description
from piragua.http.path_space import PathSpaces
from piragua.http.route_marks import Mark, marks_of
from piragua.http.streams import Streams


def application(
    core: Core,
    front_ends: Sequence[FrontEnd],
    *,
    api_docs: bool = False,
    streams: Streams | None = None,
    request_timeout_seconds: float = 30,
) -> FastAPI:
    """The application that answers for all of them. The arguments are those of `build_app`.

    api_docs: their routes are described at /docs. ValueError when they do not go together.
    """
    routers = [router for front_end in front_ends for router in front_end.routers]
    if api_docs:
        routers.append(_docs(front_ends))
    return build_app(
        routers,
        [front_end.space for front_end in front_ends if front_end.space is not None],
        mode=core.modes.current,
        streams=streams,
        request_timeout_seconds=request_timeout_seconds,
        recorder=core.counters,
    )


def _docs(front_ends: Sequence[FrontEnd]) -> APIRouter:
    """What needs no token comes first."""
    described = [front_end for front_end in front_ends if front_end.about is not None]
    routers = [router for front_end in described for router in front_end.routers]
    routes = [route for route in routes_of(routers) if isinstance(route, APIRoute)]
    routes.sort(key=lambda route: Mark.WITHOUT_TOKEN not in marks_of(route.endpoint))
    space = PathSpaces([each.space for each in described if each.space is not None]).of("/")
    about = " ".join(filter(None, (front_end.about for front_end in described)))
    with_tokens = space.sign_in is not None
    return docs_router(lambda: description(routes, may=space.may, with_tokens=with_tokens, about=about))
