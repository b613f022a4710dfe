"""As much of a client of Heketi's API as a first try needs."""

import time

from piragua.errors import PiraguaError
from piragua.remote.answer import Answer
from piragua.remote.errors import ServerError
from piragua.remote.server import Server

POLL_SECONDS = 0.1


class NotDoneInTime(PiraguaError):
    """The server still works on it."""


class HeketiClient:
    """Calls the server at url with the administrator's key. timeout_seconds: for a request, and for long work."""

    def __init__(self, url: str, key: str, timeout_seconds: float = 60) -> None:
        # A proxy that the environment names is not for this machine's own address.
        self._server = Server(url, key.encode(), timeout_seconds=timeout_seconds, through_proxy=False)
        self._timeout_seconds = timeout_seconds

    def is_healthy(self) -> bool:
        """Whether GET /health says that all is well."""
        try:
            self._server.text("/health")
        except ServerError:
            return False
        return True

    def create_volume(self, size_gib: int) -> Answer:
        """Make a volume and return what the server says about it. Raises PiraguaError."""
        operation = self._server.begin("POST", "/volumes", {"size": size_gib})
        deadline = time.monotonic() + self._timeout_seconds
        while time.monotonic() < deadline:
            path = self._server.poll(operation)
            if path is not None:
                return self._server.get(path)
            time.sleep(POLL_SECONDS)
        raise NotDoneInTime(f"POST /volumes: not done within {self._timeout_seconds:g} s")
