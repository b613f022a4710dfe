"""A client that waits as Heketi's Go client does: a poll at once, then 400 ms of sleep when told to wait."""

import http.client
import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from piragua.remote.tokens import authorization

POLL_SECONDS = 0.4
IDLE_SECONDS = 2


class Refused(Exception):
    """An answer that is no success."""


@dataclass
class Waits:
    """What a client had to put up with."""

    sleeps: int = 0
    slept_seconds: float = 0
    too_many: int = 0
    seconds: list[float] = field(default_factory=list)


class Client:
    """One client with one connection; `waits` counts."""

    def __init__(self, url: str, key: str) -> None:
        self._key = key
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
        self._used_at = time.monotonic()
        self.waits = Waits()

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, http.client.HTTPMessage, bytes]:
        """One request: status, headers, body."""
        data = None if body is None else json.dumps(body).encode()
        now_seconds = int(time.time())
        header = authorization(self._key.encode(), method, path, now_seconds=now_seconds, life_seconds=300)
        headers = {"Authorization": header}
        if time.monotonic() - self._used_at > IDLE_SECONDS:
            self._connection.close()  # a server closes idle connections; the next request opens one
        self._connection.request(method, path, data, headers)
        answer = self._connection.getresponse()
        self._used_at = time.monotonic()
        return answer.status, answer.headers, answer.read()

    def get(self, path: str) -> dict[str, Any]:
        """The decoded answer; Refused."""
        status, _, data = self.ask("GET", path)
        if status != 200:
            raise Refused(f"GET {path}: {status} {data.decode()}")
        found: dict[str, Any] = json.loads(data)
        return found

    def work(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """A long request until its final answer; the seconds go into `waits`. Refused."""
        start = time.perf_counter()
        status, headers, data = self.ask(method, path, body)
        if status == 429:
            self.waits.too_many += 1
        if status != 202:
            raise Refused(f"{method} {path}: {status} {data.decode()}")
        location = headers["Location"]
        while True:
            status, headers, data = self.ask("GET", location)
            if headers["X-Pending"] == "true":
                self.waits.sleeps += 1
                self.waits.slept_seconds += POLL_SECONDS
                time.sleep(POLL_SECONDS)
            elif status == 303:
                location = headers["Location"]
            elif status in (200, 204):
                self.waits.seconds.append(time.perf_counter() - start)
                return json.loads(data) if data else {}
            else:
                raise Refused(f"{method} {path}: {status} {data.decode()}")

    def create(self, size_gib: int = 1) -> dict[str, Any]:
        """A new volume."""
        return self.work("POST", "/volumes", {"size": size_gib, "gid": 2000})
