"""All routes of this version of the API, with their own OpenAPI description."""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from piragua.core import Core
from piragua.frontends.v1.status_routes import status_router
from piragua.frontends.v1.trash_routes import trash_router
from piragua.frontends.v1.usage_routes import usage_router
from piragua.frontends.v1.volume_routes import volume_router
from piragua.http.body import BodyLimits
from piragua.http.ids import register_path_types
from piragua.http.openapi import description
from piragua.http.path_space import May
from piragua.http.route_facts import shows_object

_ABOUT = (
    "What Piragua can do and Heketi's API has no words for, for administrators. Tokens, errors (plain text) and"
    " long work (202 and a Location to poll below /queue/) are as in Heketi's API."
)


def v1_router(core: Core, limits: BodyLimits, may: May, *, with_tokens: bool) -> APIRouter:
    """The routes below /piragua/v1/. may: who may do what there. with_tokens False: authentication is off."""
    register_path_types()
    routers = [
        trash_router(core, limits),
        volume_router(core, limits),
        usage_router(core),
        status_router(core),
    ]
    router = APIRouter(routes=[route for each in routers for route in each.routes])

    @router.get("/piragua/v1/openapi.json", **shows_object("This description"))
    async def openapi() -> Response:
        routes = [route for route in router.routes if isinstance(route, APIRoute)]
        return JSONResponse(description(routes, may=may, with_tokens=with_tokens, about=_ABOUT))

    return router
