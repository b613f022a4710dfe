"""What every request passes before a route: answer whatever goes wrong; path, token, role, maintenance, route.

The order is Heketi's (docs/heketi-wire.md, 1.1): without a token an unknown path is 401, not 404. Two
differences on purpose: doubled slashes simply work, where Heketi redirects and Go's client turns its
POST into a GET; and the user role may poll and read what it has created.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from urllib.parse import unquote_to_bytes

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from piragua.errors import PiraguaError, cause_of
from piragua.http import error_table, replies
from piragua.http.refusals import (
    AdministratorRequired,
    InvalidPath,
    Maintenance,
    MethodNotAllowed,
    RequestTooSlow,
)
from piragua.http.tokens import Keys, Leeway, Role, role_of
from piragua.log.request_context import current_request
from piragua.models import Mode

_log = logging.getLogger(__name__)

_USER_MAY = re.compile("(?:GET|POST) /volumes|GET /(?:volumes|queue)/[^/]+")
_READING = ("GET", "HEAD")
_SLASHES = re.compile(rb"/{2,}")


def user_may(method: str, path: str) -> bool:
    """Whether the user role may do this; the administrator may do everything."""
    return _USER_MAY.fullmatch(f"{method} {path}") is not None


@dataclass(frozen=True)
class Shape:
    """What a route answers to: a pattern that the whole path matches, and methods. route: for people to read."""

    path: re.Pattern[str]
    methods: frozenset[str]
    route: str = ""


@dataclass(frozen=True, slots=True)
class _Found:
    """A route that a path fits, and how."""

    shape: Shape
    match: re.Match[str]


class FailureGate:
    """Answers what the rest raises, and what takes too long."""

    def __init__(self, app: ASGIApp, *, request_timeout_seconds: float) -> None:
        self._app = app
        self._timeout_seconds = request_timeout_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._bounded(scope, receive, watched)
        except ClientDisconnect:
            return
        except Exception as error:
            _note(scope, error)
            if started:
                raise
            await error_table.answer(error)(scope, receive, send)

    async def _bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(self._timeout_seconds) as deadline:
                await self._app(scope, receive, send)
        except TimeoutError as error:
            if not deadline.expired():
                raise
            text = f"No answer within {self._timeout_seconds:g} seconds: ask again"
            raise RequestTooSlow(text) from error


class RequestGate:
    """Lets a request through to its route, with the path as the route knows it.

    keys None: authentication is off. open_paths answer to GET without a token, and to nothing else.
    mode: which requests may change something.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        keys: Keys | None,
        shapes: Sequence[Shape],
        open_paths: frozenset[str],
        leeway: Leeway,
        clock: Callable[[], float],
        mode: Callable[[], Awaitable[Mode]],
    ) -> None:
        self._app = app
        self._keys = keys
        self._shapes = shapes
        self._open_paths = open_paths
        self._leeway = leeway
        self._clock = clock
        self._mode = mode

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method, raw_path = scope["method"], _raw_path(scope)
        sent = unquote_to_bytes(raw_path)
        path = _SLASHES.sub(b"/", sent).decode("latin-1")
        if method == "GET" and path in self._open_paths:
            _note_route(path)
        else:
            found = self._find(path)
            fitting = next((each for each in found if method in each.shape.methods), None)
            _note_found(fitting or next(iter(found), None))
            self._admit(scope, method, sent, path)
            await self._require_allowed(scope, method, path)
            if b"%2f" in raw_path.lower() or not found:
                raise InvalidPath
            if fitting is None:
                raise MethodNotAllowed
            redirect = _redirect(scope, method, path)
            if redirect is not None:
                await redirect(scope, receive, send)
                return
        await self._app({**scope, "path": path, "raw_path": path.encode()}, receive, send)

    def _admit(self, scope: Scope, method: str, sent: bytes, path: str) -> None:
        if self._keys is None:
            return
        # Of several headers the first counts.
        authorization = next((value for name, value in scope["headers"] if name == b"authorization"), None)
        role = role_of(
            authorization,
            method=method,
            path=sent,
            keys=self._keys,
            now_seconds=int(self._clock()),
            leeway=self._leeway,
        )
        context = current_request.get()
        if context is not None:
            context.role = role.value
        if role is Role.USER and not user_may(method, path):
            raise AdministratorRequired

    async def _require_allowed(self, scope: Scope, method: str, path: str) -> None:
        """Maintenance for what an administrator lets nobody, or only callers on this server, change.

        The way out, POST /admin, is always open; Heketi refuses that as well (docs/heketi-wire.md, 3.2).
        """
        if method in _READING or (method == "POST" and path == "/admin"):
            return
        mode = await self._mode()
        if mode is Mode.READ_ONLY or (mode is Mode.LOCAL_CLIENT and not _is_local(scope)):
            raise Maintenance("Service disabled for maintenance")

    def _find(self, path: str) -> list[_Found]:
        """The routes that the path fits, with a slash at its end too."""
        plain = _without_slash(path)
        return [_Found(shape, match) for shape in self._shapes if (match := shape.path.fullmatch(plain))]


def _redirect(scope: Scope, method: str, path: str) -> Response | None:
    """From a route with a slash at its end to the route; None for a route."""
    plain = _without_slash(path)
    if plain == path:
        return None
    query = scope.get("query_string", b"").decode("latin-1")
    return replies.moved(f"{plain}?{query}" if query else plain, with_body=method == "GET")


def _without_slash(path: str) -> str:
    return path[:-1] if path.endswith("/") and path != "/" else path


def _note_found(found: _Found | None) -> None:
    if found is not None:
        volume_id = found.match.groupdict().get("volume_id") or ""
        _note_route(found.shape.route, volume_id.replace("-", "").lower())


def _note_route(route: str, volume_id: str = "") -> None:
    context = current_request.get()
    if context is not None:
        context.route, context.volume_id = route, volume_id


def _is_local(scope: Scope) -> bool:
    """Whether the caller is on this server, as far as the connection, or a trusted proxy, says."""
    client = scope.get("client")
    try:
        address = ip_address(client[0] if client else "")
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def _raw_path(scope: Scope) -> bytes:
    raw: bytes | None = scope.get("raw_path")
    return raw if raw is not None else str(scope["path"]).encode()


def _note(scope: Scope, error: Exception) -> None:
    """Defects with their traceback; refusals of the storage as a line; what clients do wrong only as theirs."""
    context = current_request.get()
    if error_table.is_unexpected(error):
        _log.error("%s %r failed", scope["method"], scope["path"], exc_info=error)
        return
    words = " ".join((str(error) or error_table.row_of(error).text or "").split())
    if context is not None:
        context.error = words
    if error_table.row_of(error).status >= 500:
        cause = cause_of(error) if isinstance(error, PiraguaError) else words
        _log.warning("%s %r: %s", scope["method"], scope["path"], words, extra={"cause": cause})
