"""What every request leaves behind: a line in the log, one in the audit trail if it may change something, a count.

It is the first that sees a request and the last that sees its answer, so that nothing is left out.
"""

import logging
import re
import secrets
import time
from typing import Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from piragua.log import audit
from piragua.log.request_context import RequestContext, current_request

_log = logging.getLogger("piragua.requests")

_ACCEPTABLE_ID = re.compile(rb"[A-Za-z0-9_-]{1,64}")
"""No dot: a token has two."""

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_READING = frozenset(("GET", "HEAD", "OPTIONS"))
_CLIENT_WENT_AWAY = 499


class RequestRecorder(Protocol):
    """Whoever counts: `piragua.status.counters.Counters`."""

    def answered(self, method: str, route: str, status: int, seconds: float) -> None: ...


class RequestLog:
    """ASGI middleware; the ones inside of it fill in what they find out (`piragua.log.request_context`)."""

    def __init__(self, app: ASGIApp, *, recorder: RequestRecorder | None = None) -> None:
        self._app = app
        self._recorder = recorder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        sent_id = next((value for name, value in scope["headers"] if name == b"x-request-id"), None)
        request_id = _accepted(sent_id)
        status = 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if sent_id is not None:  # nobody else gets a header that Heketi would not send
                    message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        method = scope["method"] if scope["method"] in _METHODS else "other"  # it can be any word, a key too
        context = RequestContext(request_id, method, scope["path"], client=_address(scope))
        token = current_request.set(context)
        try:
            await self._app(scope, receive, watched)
        finally:
            self._tell(context, status or _CLIENT_WENT_AWAY, time.perf_counter() - begun)
            current_request.reset(token)

    def _tell(self, context: RequestContext, status: int, seconds: float) -> None:
        if self._recorder is not None:
            self._recorder.answered(context.method, context.route, status, seconds)
        level = logging.DEBUG if context.polled else logging.INFO
        if _log.isEnabledFor(level):
            _log.log(
                level, "%s %s", context.method, context.route, extra={"fields": _fields(context, status, seconds)}
            )
        if context.method not in _READING:
            audit.asked_for(context, status, _outcome_of(status))


def _fields(context: RequestContext, status: int, seconds: float) -> dict[str, object]:
    fields = {**context.who(), "method": context.method, "path": context.path, "status": status}
    if context.volume_id:
        fields["volume"] = context.volume_id
    fields["outcome"] = _outcome_of(status)
    fields["seconds"] = round(seconds, 4)
    if context.error and status < 500:  # what the storage did not do is told once, with its cause
        fields["error"] = context.error
    return fields


def _accepted(sent: bytes | None) -> str:
    """The client's id if it is one that can stand in a log, else one of our own."""
    if sent is not None and _ACCEPTABLE_ID.fullmatch(sent):
        return sent.decode()
    return secrets.token_hex(8)


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def _outcome_of(status: int) -> str:
    if status == 202:
        return "accepted"
    if status < 400:
        return "succeeded"
    return "refused" if status < 500 else "failed"
