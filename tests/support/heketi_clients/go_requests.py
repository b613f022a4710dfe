"""How Heketi's Go client asks, polls and retries (docs/heketi-wire.md, 6.1).

It polls at once and then every 400 ms, takes nothing but 202 with a Location, 200 with `X-Pending: true`, and a
final answer without that header; follows redirects with a fresh token for each hop; and asks again, when an
operation is refused with 429, up to seven times.
"""

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import httpx

from tests.support.heketi_clients.go_decoding import HeketiError, check
from tests.support.heketi_clients.tokens import token

_REDIRECTS = {301: "GET", 302: "GET", 303: "GET", 307: None, 308: None}
_TRIES = 7
_BUSY_SECONDS = 10


class GoRequests:
    """url is put before every path as it is, a slash at its end included.

    sleeps counts the waits between polls, requests lists `METHOD target -> status`, busy_seconds what it would
    have waited at least after each 429; busy_sleep is called with that instead.
    """

    def __init__(
        self,
        url: str,
        user: str,
        key: str | bytes,
        *,
        timeout_seconds: float = 60,
        poll_seconds: float = 0.4,
        busy_sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = url
        self._user = user
        self._key = key.encode() if isinstance(key, str) else key
        self._timeout_seconds = timeout_seconds
        self._poll_seconds = poll_seconds
        self._busy_sleep = busy_sleep
        self.sleeps = 0
        self.requests: list[str] = []
        self.busy_seconds: list[int] = []

    def get(self, path: str, shape: dict[str, Any]) -> dict[str, Any]:
        """GET: 200 and JSON of that shape."""
        return decoded(self.ask("GET", path), shape)

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """One request that is answered at once."""
        reply = self._send(method, self._url + path, body)
        if "x-pending" in reply.headers:
            raise HeketiError(f"X-Pending on what is no poll: {method} {path}")
        return reply

    def operation(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """The final answer of what is begun by that request."""
        first = self._begun(method, path, body)
        if first.status_code != 202:
            raise HeketiError(message(first))
        return self.end_of(first)

    def _begun(self, method: str, path: str, body: dict[str, Any] | None) -> httpx.Response:
        for _ in range(_TRIES):
            reply = self.ask(method, path, body)
            if reply.status_code != 429:
                break
            wait = reply.headers.get("retry-after", "")
            self.busy_seconds.append(int(wait) if wait.isdecimal() else _BUSY_SECONDS)
            self._busy_sleep(self.busy_seconds[-1])
        return reply

    def end_of(self, first: httpx.Response) -> httpx.Response:
        """Polls where a 202 points to."""
        if "location" not in first.headers:
            raise HeketiError("http: no Location header in response")
        queue = urljoin(str(first.request.url), first.headers["location"])
        deadline = time.monotonic() + self._timeout_seconds
        while True:
            reply = self._send("GET", queue)
            pending = reply.headers.get("x-pending")
            if pending is None:
                return reply
            if pending != "true":  # the Python client takes any value for "not over yet"
                raise HeketiError(f"X-Pending: {pending} on a final answer")
            if reply.status_code != 200:
                raise HeketiError(message(reply))
            if time.monotonic() > deadline:
                raise HeketiError(f"still pending after {self._timeout_seconds} seconds")
            self.sleeps += 1
            time.sleep(self._poll_seconds)

    def _send(self, method: str, url: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """One request and the redirects after it, on a connection of its own, as heketi-cli does."""
        while True:
            path = unquote(urlsplit(url).path)
            bearer = token(self._user, self._key, method, path, now_seconds=int(time.time()))
            headers = {"Authorization": f"bearer {bearer}", "User-Agent": "Go-http-client/1.1"}
            if body is not None:
                headers["Content-Type"] = "application/json"
            content = None if body is None else json.dumps(body)
            with httpx.Client(timeout=self._timeout_seconds, trust_env=False) as connection:
                reply = connection.request(method, url, headers=headers, content=content)
            self.requests.append(f"{method} {path} -> {reply.status_code}")
            if reply.status_code not in _REDIRECTS or "location" not in reply.headers:
                return reply
            if "x-pending" in reply.headers:
                raise HeketiError(f"X-Pending on a final answer: {reply.status_code}")
            url = urljoin(url, reply.headers["location"])
            if _REDIRECTS[reply.status_code] is not None:
                method, body = "GET", None


def decoded(reply: httpx.Response, shape: dict[str, Any]) -> dict[str, Any]:
    """JSON of that shape, of an answer with 200."""
    require(reply, 200)
    value = json.loads(reply.content)
    check(value, shape)
    if not isinstance(value, dict):
        raise HeketiError("json: cannot unmarshal into Go value")
    return value


def require(reply: httpx.Response, *statuses: int) -> None:
    """HeketiError, with the text of the answer, for any other status."""
    if reply.status_code not in statuses:
        raise HeketiError(message(reply))


def message(reply: httpx.Response) -> str:
    """What the client shows: the body, or that there is none."""
    text = reply.text[:4096].strip()
    return text or f"server did not provide a message (status {reply.status_code}: {reply.reason_phrase})"
