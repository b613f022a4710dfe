"""What goes to a server, and what its answer means. Nothing here waits: Server and AsyncServer do."""

import json
import ssl
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlencode, urlsplit

import httpx

from piragua import __version__
from piragua.errors import PiraguaError
from piragua.remote.answer import Answer, Query
from piragua.remote.connection import Connection
from piragua.remote.errors import ServerError, WrongSetting
from piragua.remote.tokens import authorization

_LONGEST_ANSWER_BYTES = 64 * 2**20
_LONGEST_REFUSAL_BYTES = 2**16
_NO_SUCH_ROUTE = "Invalid path or request"


class Received:
    """An answer whose body comes in pieces. status, headers, body: as the server sent them, without decoding."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.body = bytearray()

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def has_wanted_body(self) -> bool:
        """A redirect's says nothing, and a page of what stands before the server is no sentence of its own."""
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return self.is_success or (self.status != 303 and kind != "text/html")

    def add(self, piece: bytes) -> bool:
        """Whether more is wanted. What is too long is cut, and then is no JSON."""
        self.body += piece
        return len(self.body) < (_LONGEST_ANSWER_BYTES if self.is_success else _LONGEST_REFUSAL_BYTES)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """A refusal counts although its sentence does not arrive."""
        try:
            yield
        except httpx.TransportError:
            if self.is_success:
                raise
            self.body.clear()


class Exchange:
    """The requests to the server at the end of a connection, and what its answers mean."""

    def __init__(self, connection: Connection, key: bytes | None, timeout_seconds: float) -> None:
        parts = urlsplit(connection.url)
        self._url = connection.url
        self._origin = connection.origin
        self._path_before = parts.path
        self._target_before = f"{parts.scheme}://{parts.netloc}" if connection.is_forwarded else ""
        self._key = key
        self._timeout = httpx.Timeout(timeout_seconds).as_dict()

    def request(self, method: str, path: str, body: object = None, query: Query = ()) -> httpx.Request:
        """path: from the root of the server, percent-encoded. body: sent as JSON, None for none."""
        full_path = self._path_before + path
        target = f"{self._target_before}{full_path}"
        if query:
            target += f"?{urlencode(query)}"
        # A kept connection may be gone by the next request, and not every request can be sent twice.
        headers = {"Connection": "close", "Accept-Encoding": "identity", "User-Agent": f"piragua/{__version__}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self._key is not None:
            signed_path = full_path.partition("?")[0]
            headers["Authorization"] = authorization(self._key, method, signed_path, now_seconds=int(time.time()))
        return httpx.Request(
            method,
            self._origin,
            headers=headers,
            content=None if body is None else json.dumps(body).encode(),
            # The target is sent as it stands: httpx would tidy a path that is part of the URL.
            extensions={"timeout": self._timeout, "target": target.encode()},
        )

    @contextmanager
    def failures(self) -> Iterator[None]:
        """What keeps a request from being answered becomes ServerError, or WrongSetting."""
        handled_by_caller = sys.exception()
        try:
            yield
        except (httpx.HTTPError, OSError, UnicodeError) as error:
            raise self._failure(error, _system_error(error, handled_by_caller)) from None

    def receive(self, response: httpx.Response) -> Received:
        """The answer without its body, of which the pieces are to be added."""
        return Received(response)

    def accepted(self, path: str, received: Received) -> Received:
        """The answer, if it is no refusal. A redirect is an answer: a token is good for one path. ServerError."""
        if received.is_success or received.status == 303:
            return received
        text = received.body.decode(errors="replace").strip()
        if received.status == 404 and text == _NO_SUCH_ROUTE:
            text = f"{self._url} has no {path}: it is no server of Piragua, or one that is older than this program"
        if received.status == 401 and self._key is None:
            text = f"{text}; give the key with --key-file, PIRAGUA_ADMIN_KEY or PIRAGUA_ADMIN_KEY_FILE"
        raise ServerError(text or f"{self._url} answered {received.status}", received.status)

    def object_in(self, path: str, received: Received) -> Answer:
        """The JSON object. Raises WrongSetting."""
        try:
            answer = json.loads(received.body)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise self._not_piragua(path)
        return answer

    def entries_in(self, path: str, member: str, answer: Answer) -> list[Answer]:
        """The JSON objects in that member. Raises WrongSetting."""
        found = answer.get(member)
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise self._not_piragua(path)
        return found

    def operation_in(self, path: str, received: Received) -> str:
        """Where to poll long work. Raises WrongSetting."""
        operation = received.headers.get("Location")
        if not operation:
            raise self._not_piragua(path)
        return operation

    def result_in(self, received: Received) -> str | None:
        """Of a poll: None while the work goes on, then the path of its result, "" when there is none."""
        return None if "X-Pending" in received.headers else received.headers.get("Location") or ""

    def _not_piragua(self, path: str) -> WrongSetting:
        return WrongSetting(f"{self._url}{path} answered what Piragua does not: is it a server of Piragua?")

    def _failure(self, error: Exception, cause: OSError | None) -> PiraguaError:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return WrongSetting(
                f"the certificate of {self._url} is not trusted ({cause.verify_message}): --cacert says whom to"
                " trust"
            )
        reason = "timed out" if isinstance(error, httpx.TimeoutException) else str(cause or error)
        return ServerError(f"{self._url} cannot be asked: {reason or type(error).__name__}")


def _system_error(error: BaseException | None, end: BaseException | None) -> OSError | None:
    """What the system said, below what the libraries make of it; of several addresses, what the last one said.

    httpcore keeps it as the context only. end: where the context of somebody else begins.
    """
    while error is not None and error is not end and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    found = error if isinstance(error, OSError) and error is not end else None
    while found is not None and found.__cause__ is not None:
        cause = found.__cause__
        deeper = cause.exceptions[-1] if isinstance(cause, BaseExceptionGroup) else cause
        if not isinstance(deeper, OSError):
            break
        found = deeper
    return found
