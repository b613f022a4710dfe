"""A server of Piragua, asked over HTTP or HTTPS by a program that does other things meanwhile."""

from typing import TYPE_CHECKING

from piragua.remote.answer import Answer, Query

if TYPE_CHECKING:
    from piragua.remote.exchange import Received


class AsyncServer:
    """Server, for an event loop: the same arguments, methods and errors. One object serves many tasks at once."""

    def __init__(
        self,
        url: str,
        key: bytes | None,
        *,
        cacert: str | None = None,
        insecure: bool = False,
        timeout_seconds: float = 60,
        through_proxy: bool = True,
    ) -> None:
        # Slow to load, and only who asks a server needs them.
        from piragua.remote.connection import Connection
        from piragua.remote.exchange import Exchange

        connection = Connection(url, cacert=cacert, insecure=insecure, through_proxy=through_proxy)
        self._exchange = Exchange(connection, key, timeout_seconds)
        self._http = connection.async_client()
        self.url = connection.url

    async def get(self, path: str, query: Query = ()) -> Answer:
        """The JSON object that is there."""
        return self._exchange.object_in(path, await self._ask("GET", path, query=query))

    async def text(self, path: str) -> str:
        """The text that is there."""
        return (await self._ask("GET", path)).body.decode(errors="replace")

    async def entries(self, path: str, member: str, query: Query = ()) -> list[Answer]:
        """The JSON objects that the answer has in that member."""
        return self._exchange.entries_in(path, member, await self.get(path, query))

    async def put(self, path: str, body: object) -> Answer:
        """The JSON object that is there afterwards."""
        return self._exchange.object_in(path, await self._ask("PUT", path, body))

    async def patch(self, path: str, body: object) -> Answer:
        """The JSON object that is there afterwards."""
        return self._exchange.object_in(path, await self._ask("PATCH", path, body))

    async def delete(self, path: str) -> None:
        """Done when it returns."""
        await self._ask("DELETE", path)

    async def post(self, path: str, body: object = None) -> None:
        """Done when it returns."""
        await self._ask("POST", path, body)

    async def begin(self, method: str, path: str, body: object = None) -> str:
        """Begins long work; the path to poll."""
        return self._exchange.operation_in(path, await self._ask(method, path, body))

    async def poll(self, operation: str) -> str | None:
        """None while long work goes on (the server holds the answer for some seconds).

        At its end the path of the result, "" when there is none. ServerError says how it failed.
        """
        return self._exchange.result_in(await self._ask("GET", operation))

    async def _ask(self, method: str, path: str, body: object = None, query: Query = ()) -> "Received":
        with self._exchange.failures():
            request = self._exchange.request(method, path, body, query)
            response = await self._http.send(request, stream=True)
            try:
                received = self._exchange.receive(response)
                with received.reading():
                    if received.has_wanted_body:
                        async for piece in response.aiter_raw():
                            if not received.add(piece):
                                break
            finally:
                await response.aclose()
        return self._exchange.accepted(path, received)
