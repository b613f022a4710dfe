"""All extensions, with their own OpenAPI description."""

from collections.abc import Sequence
from typing import TypeVar

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from piragua.extensions.core import Trash
from piragua.extensions.trash_routes import trash_router
from piragua.heketi.body import BodyLimits
from piragua.heketi.core import Operations
from piragua.heketi.ids import register_path_types
from piragua.heketi.openapi import description
from piragua.heketi.route_facts import shows_object

Job = TypeVar("Job")

_ABOUT = (
    "What Piragua can do and Heketi's API has no words for, for administrators. Tokens, errors (plain text) and"
    " long work (202 and a Location to poll below /queue/) are as in Heketi's API."
)


def extensions_router(
    trash: Trash[Job],
    operations: Operations[Job],
    *,
    with_tokens: bool,
    limits: BodyLimits | None = None,
    more: Sequence[APIRouter] = (),
) -> APIRouter:
    """The routes below /piragua/v1/. with_tokens False: authentication is off. more: further ones of them."""
    register_path_types()
    router = trash_router(trash, operations, limits or BodyLimits())
    for each in more:
        router.include_router(each)

    @router.get("/piragua/v1/openapi.json", **shows_object("This description"))
    async def openapi() -> Response:
        routes = [route for route in router.routes if isinstance(route, APIRoute)]
        return JSONResponse(description(routes, open_paths=frozenset(), with_tokens=with_tokens, about=_ABOUT))

    return router
