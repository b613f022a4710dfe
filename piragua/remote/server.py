"""A server of Piragua, asked over HTTP or HTTPS."""

import json
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from email.message import Message
from http.client import HTTPException
from typing import IO, Any
from urllib.parse import urlencode, urlsplit

from piragua.errors import PiraguaError
from piragua.remote.tokens import authorization

_LONGEST_ANSWER_BYTES = 64 * 2**20
_LONGEST_TEXT_BYTES = 2**16
_NO_SUCH_ROUTE = "Invalid path or request"
_URL = re.compile(r"(?i:https?)://[!-~]+")

Answer = dict[str, Any]
Query = Sequence[tuple[str, str]]


class ServerError(PiraguaError):
    """The server could not be asked, or refused, in its own words. status: 0 where it did not answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class WrongSetting(PiraguaError):
    """What says where the server is, or whom to trust, cannot be right."""


class _Unfollowed(urllib.request.HTTPRedirectHandler):
    """A token is good for one path: where a redirect leads has to be asked anew."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None


class Server:
    """Asks one server. key None: without tokens. cacert: whom to trust beside those that the system does.

    insecure: any certificate is trusted. timeout_seconds: for one request. Every method raises ServerError,
    and WrongSetting.
    """

    def __init__(
        self,
        url: str,
        key: bytes | None,
        *,
        cacert: str | None = None,
        insecure: bool = False,
        timeout_seconds: float = 60,
    ) -> None:
        if not _URL.fullmatch(url) or not _has_host_and_port(url):
            raise WrongSetting(f"the server is given as http://host:port or https://host:port, not {url!r}")
        self.url = url.rstrip("/")
        self._key = key
        self._timeout_seconds = timeout_seconds
        handlers: list[urllib.request.BaseHandler] = [_Unfollowed()]
        if urlsplit(url).scheme == "https":
            handlers.append(urllib.request.HTTPSHandler(context=_trusting(cacert, insecure=insecure)))
        self._opener = urllib.request.build_opener(*handlers)

    def get(self, path: str, query: Query = ()) -> Answer:
        """The JSON object that is there."""
        return self._object("GET", path, query=query)

    def entries(self, path: str, member: str, query: Query = ()) -> list[Answer]:
        """The JSON objects that the answer has in that member."""
        answer = self.get(path, query)
        found = answer.get(member)
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise self._not_piragua(path)
        return found

    def put(self, path: str, body: object) -> Answer:
        """The JSON object that is there afterwards."""
        return self._object("PUT", path, body)

    def patch(self, path: str, body: object) -> Answer:
        """The JSON object that is there afterwards."""
        return self._object("PATCH", path, body)

    def delete(self, path: str) -> None:
        """Done when it returns."""
        self._ask("DELETE", path)

    def post(self, path: str, body: object = None) -> None:
        """Done when it returns."""
        self._ask("POST", path, body)

    def begin(self, method: str, path: str, body: object = None) -> str:
        """Begins long work; the path to poll."""
        _, headers, _ = self._ask(method, path, body)
        operation = headers.get("Location")
        if not operation:
            raise self._not_piragua(path)
        return operation

    def poll(self, operation: str) -> str | None:
        """None while long work goes on (the server holds the answer for some seconds).

        At its end the path of the result, "" when there is none. ServerError says how it failed.
        """
        _, headers, _ = self._ask("GET", operation)
        return None if "X-Pending" in headers else headers.get("Location") or ""

    def _object(self, method: str, path: str, body: object = None, query: Query = ()) -> Answer:
        _, _, text = self._ask(method, path, body, query)
        try:
            answer = json.loads(text)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise self._not_piragua(path)
        return answer

    def _not_piragua(self, path: str) -> WrongSetting:
        return WrongSetting(f"{self.url}{path} answered what Piragua does not: is it a server of Piragua?")

    def _ask(self, method: str, path: str, body: object = None, query: Query = ()) -> tuple[int, Message, bytes]:
        url = self.url + path
        request = urllib.request.Request(  # noqa: S310 (the scheme was looked at)
            f"{url}?{urlencode(query)}" if query else url,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
        )
        if body is not None:
            request.add_header("Content-Type", "application/json")
        if self._key is not None:
            # The path that the server is asked for has what the URL itself has before it.
            header = authorization(self._key, method, urlsplit(url).path, now_seconds=int(time.time()))
            request.add_header("Authorization", header)
        try:
            with self._opener.open(request, timeout=self._timeout_seconds) as answer:
                return answer.status, answer.headers, answer.read(_LONGEST_ANSWER_BYTES)
        except urllib.error.HTTPError as error:
            if error.code == 303:
                error.close()
                return error.code, error.headers, b""
            text = _refusal(error)
            if error.code == 404 and text == _NO_SUCH_ROUTE:
                text = (
                    f"{self.url} has no {path}: it is no server of Piragua, or one that is older than this program"
                )
            if error.code == 401 and self._key is None:
                text = f"{text}; give the key with --key-file, PIRAGUA_ADMIN_KEY or PIRAGUA_ADMIN_KEY_FILE"
            raise ServerError(text or f"{self.url} answered {error.code}", error.code) from None
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            if isinstance(reason, ssl.SSLCertVerificationError):
                why = reason.verify_message
                raise WrongSetting(
                    f"the certificate of {self.url} is not trusted ({why}): --cacert says whom to trust"
                ) from None
            raise ServerError(f"{self.url} cannot be asked: {reason}") from None


def _has_host_and_port(url: str) -> bool:
    """Whether it names a host; a port has to be a number that can be one."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _refusal(error: urllib.error.HTTPError) -> str:
    """The server's own sentence; "" where there is none, as in a page of what stands before it."""
    with error, suppress(OSError, HTTPException):
        if error.headers.get_content_type() != "text/html":
            return error.read(_LONGEST_TEXT_BYTES).decode(errors="replace").strip()
    return ""


def _trusting(cacert: str | None, *, insecure: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if cacert is not None:
        try:
            context.load_verify_locations(cacert)
        except (OSError, ssl.SSLError) as error:
            raise WrongSetting(f"--cacert: certificates cannot be read from {cacert}: {error}") from None
    return context
