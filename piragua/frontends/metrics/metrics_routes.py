"""/metrics, which needs no token (docs/heketi-wire.md, 1.1, 4.5)."""

from fastapi import APIRouter, Response

from piragua.core import Metrics
from piragua.http.route_facts import shows_text


def metrics_router(metrics: Metrics) -> APIRouter:
    """GET only, this exact path only."""
    router = APIRouter()

    @router.get("/metrics", **shows_text("Metrics for Prometheus"))
    async def show() -> Response:
        return Response(await metrics(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    return router
