"""Clients that open connections and say nothing, or too little: they are not waited for."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from piragua.service import serving

pytestmark = pytest.mark.anyio

PATIENCE_SECONDS = 10


async def hello(_: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


@asynccontextmanager
async def served() -> AsyncIterator[int]:
    """A port on which connections are treated as the service treats them."""
    app = Starlette(routes=[Route("/", hello)])
    config = uvicorn.Config(app, http=serving._Impatient, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        answering = asyncio.create_task(server._serve([listening]))
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            await answering


async def answer_to(port: int, text: bytes) -> bytes:
    """All that comes until the connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(text)
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize("beginning", [b"", b"GET / HTTP/1.1\r\nHost: here\r\n"])
async def test_a_head_that_does_not_come_is_not_waited_for(
    beginning: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "_HEAD_TIMEOUT_SECONDS", 0.1)
    async with served() as port:
        assert await answer_to(port, beginning) == b""


async def test_connections_that_are_too_many_are_closed_and_the_others_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "_MOST_CONNECTIONS", 1)
    asked = b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
    async with served() as port:
        _, idle = await asyncio.open_connection("127.0.0.1", port)
        assert await answer_to(port, asked) == b""
        idle.close()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (told := await answer_to(port, asked)):
                await asyncio.sleep(0.01)
        assert told.endswith(b"hello")
