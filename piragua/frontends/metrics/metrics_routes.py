"""/metrics, which needs no token (docs/heketi-wire.md, 1.1, 4.5)."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Response

from piragua.http.route_facts import shows_text
from piragua.http.route_marks import polled, without_token


def metrics_router(metrics: Callable[[], Awaitable[bytes]]) -> APIRouter:
    """GET only, this exact path only."""
    router = APIRouter()

    @router.get("/metrics", **shows_text("Metrics for Prometheus"))
    @without_token
    @polled
    async def show() -> Response:
        return Response(await metrics(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    return router
