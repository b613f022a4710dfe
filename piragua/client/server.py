"""A server of Piragua, asked over HTTP or HTTPS."""

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from http.client import HTTPException
from typing import IO, Any
from urllib.parse import urlsplit

from piragua.client.tokens import authorization
from piragua.errors import PiraguaError

_LONGEST_ANSWER_BYTES = 64 * 2**20
_PAUSE_SECONDS = 0.5


class ServerError(PiraguaError):
    """The server could not be asked, or refused, in its own words. status: 0 where it did not answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class _Unfollowed(urllib.request.HTTPRedirectHandler):
    """A token is good for one path: where a redirect leads has to be asked anew."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None


class Server:
    """Asks one server. key None: without tokens. cacert: whom to trust beside those that the system does.

    timeout_seconds: for one request. sleep: how to wait between two polls. Every method raises ServerError.
    """

    def __init__(
        self,
        url: str,
        key: bytes | None,
        *,
        cacert: str | None = None,
        timeout_seconds: float = 60,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ServerError(f"the server is given as http://host:port or https://host:port, not {url!r}")
        self._url = url.rstrip("/")
        self._key = key
        self._timeout_seconds = timeout_seconds
        self._sleep = sleep
        handlers: list[urllib.request.BaseHandler] = [_Unfollowed()]
        if parts.scheme == "https":
            handlers.append(urllib.request.HTTPSHandler(context=_trusting(cacert)))
        self._opener = urllib.request.build_opener(*handlers)

    def get(self, path: str) -> Any:
        """The JSON that is there."""
        _, _, body = self._ask("GET", path)
        try:
            return json.loads(body)
        except ValueError:
            raise ServerError(f"{self._url}{path} did not answer with JSON: is it a server of Piragua?") from None

    def delete(self, path: str) -> None:
        """Done when it returns."""
        self._ask("DELETE", path)

    def post(self, path: str, body: object = None) -> None:
        """Done when it returns."""
        self._ask("POST", path, body)

    def begin(self, path: str) -> str:
        """Begins long work; the path to poll."""
        _, headers, _ = self._ask("POST", path)
        return headers.get("Location") or ""

    def finish(self, operation: str, *, timeout_seconds: float) -> str:
        """Waits for the end of long work; the path of the result, "" when there is none."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            _, headers, _ = self._ask("GET", operation)
            if "X-Pending" not in headers:
                return headers.get("Location") or ""
            if time.monotonic() > deadline:
                raise ServerError(f"not over after {timeout_seconds:g} seconds; it goes on: {operation}")
            self._sleep(_PAUSE_SECONDS)

    def _ask(self, method: str, path: str, body: object = None) -> tuple[int, Message, bytes]:
        request = urllib.request.Request(  # noqa: S310 (the scheme was looked at)
            self._url + path, method=method, data=None if body is None else json.dumps(body).encode()
        )
        if body is not None:
            request.add_header("Content-Type", "application/json")
        if self._key is not None:
            # The path that the server is asked for has what the URL itself has before it.
            whole = urlsplit(self._url + path).path
            request.add_header(
                "Authorization", authorization(self._key, method, whole, now_seconds=int(time.time()))
            )
        try:
            with self._opener.open(request, timeout=self._timeout_seconds) as answer:
                return answer.status, answer.headers, answer.read(_LONGEST_ANSWER_BYTES)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 303:
                    return error.code, error.headers, b""
                text = error.read(_LONGEST_ANSWER_BYTES).decode(errors="replace").strip()
            if error.code == 401 and self._key is None:
                text = f"{text}; give the key with --key-file, PIRAGUA_ADMIN_KEY or PIRAGUA_ADMIN_KEY_FILE"
            raise ServerError(text or f"{self._url} answered {error.code}", error.code) from None
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise ServerError(f"{self._url} cannot be asked: {reason}") from None


def _trusting(cacert: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if cacert is not None:
        try:
            context.load_verify_locations(cacert)
        except (OSError, ssl.SSLError) as error:
            raise ServerError(f"--cacert: certificates cannot be read from {cacert}: {error}") from None
    return context
