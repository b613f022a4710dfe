"""The front-end over the core in memory, and a way to ask it without a socket, to the byte of the path."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any
from urllib.parse import unquote_to_bytes

import httpx
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from piragua.config import ConfiguredVolume, Settings
from piragua.core import Core
from piragua.frontends.application import application
from piragua.frontends.front_end import FrontEnd as RealFrontEnd
from piragua.frontends.health import front_end as health
from piragua.frontends.heketi.front_end import heketi_front_end
from piragua.frontends.metrics.metrics_routes import metrics_router
from piragua.http.body import BodyLimits
from piragua.http.sign_in import sign_in_with_tokens
from piragua.http.tokens import Keys
from piragua.status.counters import Counters
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


NO_SETTINGS = Settings(volumes=(ConfiguredVolume("gv0"),), disable_auth=True)


async def _all_well() -> Sequence[str]:
    return ()


@dataclass
class InMemoryHealth:
    """What is wrong, as a function says it."""

    ask: Callable[[], Awaitable[Sequence[str]]]

    async def problems(self) -> Sequence[str]:
        return await self.ask()


def metrics_of(metrics: Callable[[], Awaitable[bytes]]) -> RealFrontEnd:
    """The route of the metrics, over what that function gives."""
    return RealFrontEnd([metrics_router(metrics)], about="")


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
        core = self.core()
        sign_in = sign_in_with_tokens(self.keys, now_seconds=self.clock)
        front_ends = [
            heketi_front_end(core, sign_in, self.body_limits),
            health.front_end(core, NO_SETTINGS),
            metrics_of(self.inspection.text),
        ]
        return application(
            core,
            front_ends,
            api_docs=self.api_docs,
            request_timeout_seconds=self.request_timeout_seconds,
        )

    def core(self) -> Core:
        """The stand-ins, and nothing where there is none."""
        stand_ins: dict[str, Any] = dict.fromkeys(each.name for each in fields(Core))
        administration = self.administration
        return Core(
            **{
                **stand_ins,
                "volumes": self.volumes,
                "operations": self.operations,
                "topology": self.topology,
                "health": InMemoryHealth(self.health),
                "devices": administration.devices,
                "tags": administration.tags,
                "flags": administration.flags,
                "modes": administration.modes,
                "across_instances": administration.across_instances,
                "log_level": administration.log_level,
                "examination": self.inspection.examination,
                "backup": self.inspection,
                "counters": Counters(),
            }
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
