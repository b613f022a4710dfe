"""Answers that go on for as long as they like, until the instance stops."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Streams:
    """All of an instance."""

    def __init__(self) -> None:
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Those that are open end as if they were complete, and later ones as soon as they began."""
        self._stopping.set()

    async def run(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request whose answer is a stream."""
        began, over = asyncio.Event(), False

        async def watched(message: Message) -> None:
            nonlocal over
            await send(message)
            over = message["type"] == "http.response.body" and not message.get("more_body", False)
            began.set()

        answering = asyncio.ensure_future(app(scope, receive, watched))
        to_be_ended = asyncio.ensure_future(self._stopped_after(began))
        try:
            await asyncio.wait((answering, to_be_ended), return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                await answering
        finally:
            for task in (answering, to_be_ended):
                task.cancel()
            await asyncio.wait((answering, to_be_ended))
        if not over and to_be_ended.done() and not to_be_ended.cancelled():
            await send({"type": "http.response.body", "body": b""})

    async def _stopped_after(self, began: asyncio.Event) -> None:
        await self._stopping.wait()
        await began.wait()
