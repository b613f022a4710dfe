"""All of Heketi's routes."""

from fastapi import APIRouter, Response

from piragua.core import Core
from piragua.frontends.heketi.admin_routes import admin_router
from piragua.frontends.heketi.block_routes import block_router
from piragua.frontends.heketi.cluster_routes import cluster_router
from piragua.frontends.heketi.db_routes import db_router
from piragua.frontends.heketi.device_routes import device_router
from piragua.frontends.heketi.node_routes import node_router
from piragua.frontends.heketi.original_routes import original_router
from piragua.frontends.heketi.queue_routes import queue_router
from piragua.frontends.heketi.volume_routes import volume_router
from piragua.http.body import BodyLimits
from piragua.http.ids import register_path_types
from piragua.http.route_facts import shows_text
from piragua.http.route_marks import without_token


def heketi_routers(core: Core, limits: BodyLimits) -> list[APIRouter]:
    """The routers, a subject each."""
    register_path_types()
    return [
        _hello_router(),
        volume_router(core, limits),
        original_router(core, limits),
        cluster_router(core, limits),
        node_router(core, limits),
        device_router(core, limits),
        block_router(core, limits),
        admin_router(core, limits),
        db_router(core),
        queue_router(core),
    ]


def _hello_router() -> APIRouter:
    """GET only, this exact path only (docs/heketi-wire.md, 1.1)."""
    router = APIRouter()

    @router.get("/hello", **shows_text("A greeting"))
    @without_token
    async def hello() -> Response:
        return Response("Hello from Heketi", headers={"Content-Type": "text/plain; charset=UTF-8"})

    return router
