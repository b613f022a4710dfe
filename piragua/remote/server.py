"""A server of Piragua, asked over HTTP or HTTPS by a program that waits for each answer."""

from contextlib import closing
from typing import TYPE_CHECKING

from piragua.remote.answer import Answer, Query

if TYPE_CHECKING:
    from piragua.remote.exchange import Received


class Server:
    """Asks one server. key None: without tokens. cacert: whom to trust beside those that the system does.

    insecure: any certificate is trusted. timeout_seconds: for connecting, and for each piece of the answer.
    through_proxy: whether the proxy that the environment names is used.
    Every method raises ServerError and WrongSetting, the constructor WrongSetting. There is nothing to close.
    """

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
        self._http = connection.client()
        self.url = connection.url

    def get(self, path: str, query: Query = ()) -> Answer:
        """The JSON object that is there."""
        return self._exchange.object_in(path, self._ask("GET", path, query=query))

    def text(self, path: str) -> str:
        """The text that is there."""
        return self._ask("GET", path).body.decode(errors="replace")

    def entries(self, path: str, member: str, query: Query = ()) -> list[Answer]:
        """The JSON objects that the answer has in that member."""
        return self._exchange.entries_in(path, member, self.get(path, query))

    def put(self, path: str, body: object) -> Answer:
        """The JSON object that is there afterwards."""
        return self._exchange.object_in(path, self._ask("PUT", path, body))

    def patch(self, path: str, body: object) -> Answer:
        """The JSON object that is there afterwards."""
        return self._exchange.object_in(path, self._ask("PATCH", path, body))

    def delete(self, path: str) -> None:
        """Done when it returns."""
        self._ask("DELETE", path)

    def post(self, path: str, body: object = None) -> None:
        """Done when it returns."""
        self._ask("POST", path, body)

    def begin(self, method: str, path: str, body: object = None) -> str:
        """Begins long work; the path to poll."""
        return self._exchange.operation_in(path, self._ask(method, path, body))

    def poll(self, operation: str) -> str | None:
        """None while long work goes on (the server holds the answer for some seconds).

        At its end the path of the result, "" when there is none. ServerError says how it failed.
        """
        return self._exchange.result_in(self._ask("GET", operation))

    def _ask(self, method: str, path: str, body: object = None, query: Query = ()) -> "Received":
        with self._exchange.failures():
            request = self._exchange.request(method, path, body, query)
            with closing(self._http.send(request, stream=True)) as response:
                received = self._exchange.receive(response)
                with received.reading():
                    if received.has_wanted_body:
                        for piece in response.iter_raw():
                            if not received.add(piece):
                                break
        return self._exchange.accepted(path, received)
