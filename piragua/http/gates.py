"""What every request passes before a route: answer whatever goes wrong; path, sign-in, role, maintenance, route.

The order is Heketi's (docs/heketi-wire.md, 1.1): without a token an unknown path is 401, not 404. Two
differences on purpose: doubled slashes simply work, where Heketi redirects and Go's client turns its
POST into a GET; and the user role may poll and read what it has created.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from urllib.parse import unquote_to_bytes

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from piragua.errors import PiraguaError, cause_of
from piragua.http import replies
from piragua.http.error_table import is_unexpected
from piragua.http.path_space import PathSpaces, SignInAttempt
from piragua.http.refusals import (
    AdministratorRequired,
    InvalidPath,
    Maintenance,
    MethodNotAllowed,
    RequestTooSlow,
)
from piragua.http.route_marks import Mark
from piragua.http.route_table import Fit, RouteTable, without_slash
from piragua.http.streams import Streams
from piragua.log.request_context import current_request
from piragua.models import Mode

_log = logging.getLogger(__name__)

_READING = ("GET", "HEAD")
_SLASHES = re.compile(rb"/{2,}")


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request as the gate sees it. path: with single slashes. fit: the route that it is for, if there is one."""

    scope: Scope
    sent: bytes
    path: str
    found: list[Fit]
    fit: Fit | None

    @property
    def method(self) -> str:
        method: str = self.scope["method"]
        return method

    def has(self, mark: Mark) -> bool:
        """Whether the route has that mark, and the path needs no redirect to it."""
        return self.fit is not None and self.fit.exactly and mark in self.fit.marks


class Gate:
    """Lets a request through to its route, with the path as the route knows it, and answers what goes wrong.

    spaces: whose rules hold for which path. mode: which requests may change something. A route finds the role of
    its caller in `request.state.role`.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        spaces: PathSpaces,
        routes: RouteTable,
        mode: Callable[[], Awaitable[Mode]],
        streams: Streams,
        request_timeout_seconds: float,
    ) -> None:
        self._app = app
        self._streams = streams
        self._spaces = spaces
        self._routes = routes
        self._mode = mode
        self._timeout_seconds = request_timeout_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._pass_no_request(scope, receive, send)
            return
        asked = self._asked(scope)
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._bounded(asked, receive, watched)
        except ClientDisconnect:
            return
        except Exception as error:
            answer = self._spaces.of(asked.path).answer(error)
            _note(scope, error, answer)
            if started:
                raise
            await answer(scope, receive, send)

    async def _pass_no_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A WebSocket is refused: nothing here would sign it in."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._app(scope, receive, send)

    def _asked(self, scope: Scope) -> _Asked:
        sent = unquote_to_bytes(_raw_path(scope))
        path = _SLASHES.sub(b"/", sent).decode("latin-1")
        found = [each for each in self._routes.find(path) if _leads_there(each, scope)]
        fit = next((each for each in found if scope["method"] in each.methods), None)
        return _Asked(scope, sent, path, found, fit)

    async def _bounded(self, asked: _Asked, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(self._timeout_seconds) as deadline:
                if asked.has(Mark.STREAM):
                    send = _unbounded_once_it_began(send, deadline)
                await self._let_through(asked, receive, send)
        except TimeoutError as error:
            if not deadline.expired():
                raise
            text = f"No answer within {self._timeout_seconds:g} seconds: ask again"
            raise RequestTooSlow(text) from error

    async def _let_through(self, asked: _Asked, receive: Receive, send: Send) -> None:
        _note_fit(asked.fit or next(iter(asked.found), None))
        without_token = asked.has(Mark.WITHOUT_TOKEN)
        role = "" if without_token else await self._admit(asked)
        await self._require_allowed(asked)
        redirect = None if without_token else _checked(asked)
        if redirect is not None:
            await redirect(asked.scope, receive, send)
            return
        state = {**asked.scope.get("state", {}), "role": role}
        inner = {**asked.scope, "path": asked.path, "raw_path": asked.path.encode(), "state": state}
        if asked.has(Mark.STREAM):
            await self._streams.run(self._app, inner, receive, send)
        else:
            await self._app(inner, receive, send)

    async def _admit(self, asked: _Asked) -> str:
        """The caller's role; "" where everybody is let in."""
        space = self._spaces.of(asked.path)
        if space.sign_in is None:
            return ""
        scope = asked.scope
        attempt = SignInAttempt(
            asked.method, asked.sent, scope["headers"], _address(scope), scope.get("query_string", b"")
        )
        role = await space.sign_in(attempt)
        context = current_request.get()
        if context is not None:
            context.role = role
        if not space.may(role, asked.method, asked.path):
            raise AdministratorRequired
        return role

    async def _require_allowed(self, asked: _Asked) -> None:
        """Maintenance for what an administrator lets nobody, or only callers on this server, change.

        A marked route is open all the same: the way out. Heketi refuses it as well (docs/heketi-wire.md, 3.2).
        """
        if asked.method in _READING or asked.has(Mark.IN_READ_ONLY_MODE):
            return
        mode = await self._mode()
        if mode is Mode.READ_ONLY or (mode is Mode.LOCAL_CLIENT and not _is_local(asked.scope)):
            raise Maintenance("Service disabled for maintenance")


def _unbounded_once_it_began(send: Send, deadline: asyncio.Timeout) -> Send:
    """A stream's answer may take as long as it likes once it began."""

    async def watched(message: Message) -> None:
        if message["type"] == "http.response.start":
            deadline.reschedule(None)
        await send(message)

    return watched


def _leads_there(fit: Fit, scope: Scope) -> bool:
    """Whether such a request is told of it: of a route without a token only its own (docs/heketi-wire.md, 1.1)."""
    if Mark.FOR_BROWSERS in fit.marks and not _wants_a_page(scope):
        return False
    return Mark.WITHOUT_TOKEN not in fit.marks or (fit.exactly and scope["method"] in fit.methods)


def _wants_a_page(scope: Scope) -> bool:
    accepted = b",".join(value for name, value in scope["headers"] if name == b"accept")
    return any(each.split(b";")[0].strip().lower() == b"text/html" for each in accepted.split(b","))


def _checked(asked: _Asked) -> Response | None:
    """From a path with a slash at its end that is no route to the route; None for a route.

    Raises InvalidPath, MethodNotAllowed.
    """
    if b"%2f" in _raw_path(asked.scope).lower() or not asked.found:
        raise InvalidPath
    if asked.fit is None:
        raise MethodNotAllowed
    if asked.fit.exactly:
        return None
    query = asked.scope.get("query_string", b"").decode("latin-1")
    plain = without_slash(asked.path)
    return replies.moved(f"{plain}?{query}" if query else plain, with_body=asked.method == "GET")


def _note_fit(fit: Fit | None) -> None:
    context = current_request.get()
    if context is not None and fit is not None:
        context.route, context.volume_id = fit.route, fit.volume_id
        context.polled = Mark.POLLED in fit.marks


def _is_local(scope: Scope) -> bool:
    """Whether the caller is on this server, as far as the connection, or a trusted proxy, says."""
    try:
        address = ip_address(_address(scope))
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def _raw_path(scope: Scope) -> bytes:
    raw: bytes | None = scope.get("raw_path")
    return raw if raw is not None else str(scope["path"]).encode()


def _note(scope: Scope, error: Exception, answer: Response) -> None:
    """Defects with their traceback; refusals of the storage as a line; what clients do wrong only as theirs."""
    context = current_request.get()
    if is_unexpected(error):
        _log.error("%s %r failed", scope["method"], scope["path"], exc_info=error)
        return
    words = " ".join((str(error) or bytes(answer.body).decode(errors="replace")).split())
    if context is not None:
        context.error = words
    if answer.status_code >= 500:
        cause = cause_of(error) if isinstance(error, PiraguaError) else words
        _log.warning("%s %r: %s", scope["method"], scope["path"], words, extra={"cause": cause})
