"""The front-end, put together: plain arguments in, an ASGI application out."""

import re
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from piragua.core import Administration, Health, Inspection, Operations, Topology, Volumes
from piragua.frontends.heketi.admin_routes import admin_router
from piragua.frontends.heketi.block_routes import block_router
from piragua.frontends.heketi.cluster_routes import cluster_router
from piragua.frontends.heketi.db_routes import db_router
from piragua.frontends.heketi.device_routes import device_router
from piragua.frontends.heketi.node_routes import node_router
from piragua.frontends.heketi.original_routes import original_router
from piragua.frontends.heketi.queue_routes import queue_router
from piragua.frontends.heketi.volume_routes import volume_router
from piragua.frontends.metrics.metrics_routes import metrics_router
from piragua.http import error_table
from piragua.http.body import BodyLimits
from piragua.http.docs_routes import docs_router
from piragua.http.gates import FailureGate, RequestGate, Shape
from piragua.http.health_routes import health_router
from piragua.http.ids import register_path_types
from piragua.http.openapi import description
from piragua.http.request_log import RequestLog, RequestRecorder
from piragua.http.tokens import Keys, Leeway

Job = TypeVar("Job")
_TYPE_IN_PATH = re.compile(r":\w+}")


def build_app(
    volumes: Volumes[Job],
    operations: Operations[Job],
    topology: Topology,
    keys: Keys | None,
    *,
    health: Health,
    administration: Administration,
    inspection: Inspection,
    extensions: Sequence[APIRouter] = (),
    api_docs: bool = False,
    body_limits: BodyLimits | None = None,
    leeway: Leeway | None = None,
    request_timeout_seconds: float = 30,
    recorder: RequestRecorder | None = None,
    clock: Callable[[], float] = time.time,
) -> FastAPI:
    """The application that speaks Heketi's API.

    keys None turns authentication off. administration: what administrators look at and set. inspection: what
    is looked into as a whole. extensions: routes beside Heketi's, for administrators. api_docs: Heketi's routes
    are described at /docs. clock gives seconds since 1970, for the times in tokens.
    request_timeout_seconds must be longer than `operations` hold a poll. recorder: is told of every answer.
    """
    register_path_types()
    limits = body_limits or BodyLimits()
    open_routers = [health_router(health), metrics_router(inspection.metrics)]
    devices = administration.devices
    routers = [
        volume_router(volumes, operations, topology, devices, limits),
        original_router(volumes, operations, topology, devices, limits),
        cluster_router(volumes, topology, administration.flags, limits),
        node_router(topology, administration, limits),
        device_router(volumes, topology, administration, limits),
        block_router(volumes, topology, limits),
        admin_router(administration, limits),
        db_router(topology, administration, inspection),
        queue_router(operations),
    ]
    if api_docs:
        open_routers.append(_docs([*open_routers, *routers], open_routers, with_tokens=keys is not None))
    request_gate = Middleware(
        RequestGate,
        keys=keys,
        shapes=_shapes([*routers, *extensions]),
        open_paths=frozenset(shape.path for shape in _routes(open_routers)),
        leeway=leeway or Leeway(),
        clock=clock,
        mode=administration.modes.current,
    )
    app = FastAPI(
        openapi_url=None,
        redirect_slashes=False,
        middleware=[
            Middleware(RequestLog, recorder=recorder),
            Middleware(FailureGate, request_timeout_seconds=request_timeout_seconds),
            request_gate,
        ],
        exception_handlers={HTTPException: _answer_framework},
    )
    for router in [*open_routers, *routers, *extensions]:
        app.include_router(router)
    return app


def _docs(routers: Sequence[APIRouter], open_routers: Sequence[APIRouter], *, with_tokens: bool) -> APIRouter:
    open_paths = frozenset(route.path for route in _routes(open_routers))
    routes = [route for route in _routes(routers) if isinstance(route, APIRoute)]
    return docs_router(lambda: description(routes, open_paths=open_paths, with_tokens=with_tokens))


def _routes(routers: Iterable[APIRouter]) -> list[Route]:
    return [route for router in routers for route in router.routes if isinstance(route, Route)]


def _shapes(routers: Iterable[APIRouter]) -> list[Shape]:
    """What the gate must know of the routes, taken from them, so that nothing is said twice."""
    return [
        Shape(route.path_regex, frozenset(route.methods or ()), _TYPE_IN_PATH.sub("}", route.path))
        for route in _routes(routers)
    ]


async def _answer_framework(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return error_table.framework_refusal(error)
    return error_table.answer(error)
