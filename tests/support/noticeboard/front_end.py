"""Routes below /board, which answer in JSON, and a password in place of tokens."""

import asyncio
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse, StreamingResponse
from piragua.frontends.noticeboard.settings import NoticeboardSettings  # type: ignore[import-not-found]

from piragua.config import Settings
from piragua.core import Core
from piragua.errors import OutOfSpace
from piragua.frontends.front_end import FrontEnd
from piragua.http.error_table import BASE
from piragua.http.path_space import PathSpace, SignInAttempt
from piragua.http.refusals import TokenRefused
from piragua.http.route_marks import for_browsers, in_read_only_mode, stream, without_token

PASSWORD = b"let me read"
kept = asyncio.Event()
ticking = asyncio.Event()


def front_end(core: Core, settings: Settings) -> FrontEnd:
    """The board over that core."""
    most: int = settings.of(NoticeboardSettings).most_notices
    space = PathSpace("/board", _sign_in, may=_may, answer=_answer)
    return FrontEnd([_router(core, most), _door()], space, keeps=[_keep])


async def _keep() -> None:
    kept.set()
    await asyncio.sleep(3600)


async def _sign_in(attempt: SignInAttempt) -> str:
    if attempt.header(b"x-password") != PASSWORD:
        raise TokenRefused("the password is wrong")
    return "reader"


def _may(role: str, method: str, path: str) -> bool:
    return method != "DELETE"


def _answer(error: BaseException) -> Response:
    row = BASE.row_of(error)
    return JSONResponse({"error": type(error).__name__, "says": row.text_of(error)}, row.status)


def _router(core: Core, most_notices: int) -> APIRouter:
    router = APIRouter(prefix="/board")
    notices: list[str] = []

    @router.get("/about")
    @without_token
    async def about() -> dict[str, int]:
        return {"most": most_notices}

    @router.get("/notices/")
    async def read() -> list[str]:
        return notices

    @router.post("/notices/")
    async def write(request: Request) -> list[str]:
        if len(notices) >= most_notices:
            raise OutOfSpace("the board is full")
        notices.append((await request.body()).decode())
        return notices

    @router.post("/bell")
    @in_read_only_mode
    async def ring() -> str:
        return "ding"

    @router.delete("/notices/")
    async def clear() -> None:
        notices.clear()

    @router.get("/volumes")
    async def volumes() -> list[str]:
        return await core.volumes.ids()

    @router.get("/broken")
    async def broken() -> None:
        raise RuntimeError("a defect")

    @router.get("/ticks/{seconds}")
    @stream
    async def ticks(seconds: float) -> Response:
        return StreamingResponse(_ticks(seconds), media_type="text/event-stream")

    @router.get("/secret")
    async def secret(request: Request) -> str:
        return f"only for a {request.state.role}"

    @router.get("/sleep/{seconds}")
    async def sleep(seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "awake"

    @router.get("/late-ticks/{seconds}")
    @stream
    async def late_ticks(seconds: float) -> Response:
        await asyncio.sleep(seconds)
        return StreamingResponse(_ticks(0), media_type="text/event-stream")

    @router.get("/{asset}")
    @without_token
    async def asset(asset: str) -> str:
        return asset

    return router


def _door() -> APIRouter:
    router = APIRouter()

    @router.get("/")
    @without_token
    @for_browsers
    async def door() -> Response:
        return RedirectResponse("/board/about")

    return router


async def _ticks(seconds: float) -> AsyncIterator[str]:
    yield "data: first\n\n"
    ticking.set()
    await asyncio.sleep(seconds)
    yield "data: last\n\n"
