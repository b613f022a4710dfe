"""All extensions, with their own OpenAPI description."""

from collections.abc import Sequence
from typing import TypeVar

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from piragua.core import Operations, OperationsAcrossInstances
from piragua.frontends.v1.core import Listing, Trash, Volumes
from piragua.frontends.v1.trash_routes import trash_router
from piragua.frontends.v1.usage_routes import usage_router
from piragua.frontends.v1.volume_routes import volume_router
from piragua.http.body import BodyLimits
from piragua.http.ids import register_path_types
from piragua.http.openapi import description
from piragua.http.route_facts import shows_object

Job = TypeVar("Job")

_ABOUT = (
    "What Piragua can do and Heketi's API has no words for, for administrators. Tokens, errors (plain text) and"
    " long work (202 and a Location to poll below /queue/) are as in Heketi's API."
)


def extensions_router(
    trash: Trash[Job],
    volumes: Volumes[Job],
    listing: Listing,
    operations: Operations[Job],
    across_instances: OperationsAcrossInstances,
    *,
    with_tokens: bool,
    limits: BodyLimits | None = None,
    more: Sequence[APIRouter] = (),
) -> APIRouter:
    """The routes below /piragua/v1/. with_tokens False: authentication is off. more: further ones of them."""
    register_path_types()
    limits = limits or BodyLimits()
    routers = [
        trash_router(trash, operations, limits),
        volume_router(volumes, listing, operations, limits),
        usage_router(listing, across_instances),
        *more,
    ]
    router = APIRouter(routes=[route for each in routers for route in each.routes])

    @router.get("/piragua/v1/openapi.json", **shows_object("This description"))
    async def openapi() -> Response:
        routes = [route for route in router.routes if isinstance(route, APIRoute)]
        return JSONResponse(description(routes, open_paths=frozenset(), with_tokens=with_tokens, about=_ABOUT))

    return router
