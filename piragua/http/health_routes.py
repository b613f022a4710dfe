"""/hello, /version, /health and /live: the routes that need no token."""

from fastapi import APIRouter, Response
from pydantic import BaseModel

from piragua import __version__
from piragua.core import Health
from piragua.http import replies
from piragua.http.route_facts import shows, shows_text


class Version(BaseModel):
    version: str


def health_router(health: Health) -> APIRouter:
    """GET only, these exact paths only (docs/heketi-wire.md, 1.1); `health` says what is wrong, if anything."""
    router = APIRouter()

    @router.get("/hello", **shows_text("A greeting"))
    async def hello() -> Response:
        return Response("Hello from Heketi", headers={"Content-Type": "text/plain; charset=UTF-8"})

    @router.get("/version", **shows("Piragua's version", Version))
    async def version() -> Response:
        return replies.json(Version(version=__version__))

    @router.get("/live", **shows_text("Whether the process answers"))
    async def live() -> Response:
        """The process answers; whether it can do its work is said by /health."""
        return Response("alive.", headers={"Content-Type": "text/plain; charset=utf-8"})

    @router.get("/health", **shows_text("Whether it can do its work", or_else={503: "It cannot: the reasons"}))
    async def ready() -> Response:
        reasons = await health()
        if reasons:
            return replies.text(503, "\n".join(" ".join(reason.split()) for reason in reasons))
        return Response("alive.", headers={"Content-Type": "text/plain; charset=utf-8"})

    return router
