"""/version, /live and /health, which need no token."""

from fastapi import APIRouter, Response
from pydantic import BaseModel

from piragua import __version__
from piragua.core import Core
from piragua.http import replies
from piragua.http.route_facts import shows, shows_text
from piragua.http.route_marks import polled, without_token


class Version(BaseModel):
    version: str


def health_router(core: Core) -> APIRouter:
    """GET only, these exact paths only (docs/heketi-wire.md, 1.1)."""
    router = APIRouter()

    @router.get("/version", **shows("Piragua's version", Version))
    @without_token
    async def version() -> Response:
        return replies.json(Version(version=__version__))

    @router.get("/live", **shows_text("Whether the process answers"))
    @without_token
    @polled
    async def live() -> Response:
        """The process answers; whether it can do its work is said by /health."""
        return Response("alive.", headers={"Content-Type": "text/plain; charset=utf-8"})

    @router.get("/health", **shows_text("Whether it can do its work", or_else={503: "It cannot: the reasons"}))
    @without_token
    @polled
    async def ready() -> Response:
        reasons = await core.health.problems()
        if reasons:
            return replies.text(503, "\n".join(" ".join(reason.split()) for reason in reasons))
        return Response("alive.", headers={"Content-Type": "text/plain; charset=utf-8"})

    return router
