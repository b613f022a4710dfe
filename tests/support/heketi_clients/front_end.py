"""The front-end over the core in memory, and a way to ask it without a socket, to the byte of the path."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import unquote_to_bytes

import httpx
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from piragua.http.app import build_app
from piragua.http.body import BodyLimits
from piragua.http.tokens import Keys
from tests.support.heketi_clients.in_memory import (
    InMemoryAdministration,
    InMemoryInspection,
    InMemoryOperations,
    InMemoryTopology,
    InMemoryVolumes,
)
from tests.support.heketi_clients.tokens import token

ADMIN_KEY = b"the administrator's key, which is long enough for anything"
USER_KEY = b"the user's key, which is as long as the administrator's one"
KEYS = {"admin": ADMIN_KEY, "user": USER_KEY}


async def _all_well() -> Sequence[str]:
    return ()


def _to_exactly(target: str, app: ASGIApp) -> ASGIApp:
    """The application, asked for the target as it stands: a client would tidy its dots away."""
    raw_path, _, query = target.encode().partition(b"?")
    path = unquote_to_bytes(raw_path).decode("utf-8", errors="replace")

    async def asked(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "path": path, "raw_path": raw_path, "query_string": query}, receive, send)

    return asked


@dataclass
class FrontEnd:
    """The application with stand-ins behind it."""

    topology: InMemoryTopology = field(default_factory=InMemoryTopology)
    volumes: InMemoryVolumes = field(default_factory=InMemoryVolumes)
    operations: InMemoryOperations = field(default_factory=InMemoryOperations)
    administration: InMemoryAdministration = field(default_factory=InMemoryAdministration)
    inspection: InMemoryInspection = field(default_factory=InMemoryInspection)
    api_docs: bool = False
    keys: Keys | None = field(default_factory=lambda: Keys(ADMIN_KEY, USER_KEY))
    health: Callable[[], Awaitable[Sequence[str]]] = _all_well
    body_limits: BodyLimits = field(default_factory=BodyLimits)
    request_timeout_seconds: float = 30
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        self.volumes.topology = self.topology

    @cached_property
    def app(self) -> FastAPI:
        """Built once, as an instance builds it."""
        return build_app(
            self.volumes,
            self.operations,
            self.topology,
            self.keys,
            health=self.health,
            administration=self.administration.parts(),
            inspection=self.inspection.parts(),
            api_docs=self.api_docs,
            body_limits=self.body_limits,
            request_timeout_seconds=self.request_timeout_seconds,
            clock=self.clock,
        )

    async def ask(
        self,
        method: str,
        target: str,
        body: str | bytes | AsyncIterator[bytes] | None = None,
        *,
        role: str | None = "admin",
        authorization: Sequence[str] = (),
        content_type: str | None = None,
        caller: str = "10.9.9.9",
    ) -> httpx.Response:
        """One request. role None: no token. authorization: these header values, and no token of ours."""
        headers = [("Authorization", value) for value in authorization]
        if role is not None and not authorization:
            headers.append(("Authorization", f"bearer {self.token_for(role, method, target)}"))
        if content_type is not None:
            headers.append(("Content-Type", content_type))
        transport = httpx.ASGITransport(_to_exactly(target, self.app), client=(caller, 40000))
        async with httpx.AsyncClient(transport=transport) as client:
            return await client.request(method, "http://piragua/", headers=headers, content=body)

    def token_for(self, role: str, method: str, target: str) -> str:
        """A token for the target as Go signs it: decoded, without query."""
        path = unquote_to_bytes(target.split("?")[0]).decode("utf-8", errors="surrogateescape")
        return token(role, KEYS[role], method, path, now_seconds=int(self.clock()))
