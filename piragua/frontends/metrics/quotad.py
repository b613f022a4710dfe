"""Whether the quota daemon of every server runs: without it limits are not kept on its bricks."""

import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

import anyio

from piragua.errors import PiraguaError
from piragua.frontends.metrics.exposition import Sample

_log = logging.getLogger(__name__)

HELPS = {"piragua_quotad_up": "1 while the server's quota daemon runs; localhost is the server that was asked"}


class QuotaDaemonCommands(Protocol):
    """The part of `piragua.gluster.gluster.Gluster` that is needed here."""

    async def quota_daemons(self, volume: str) -> Mapping[str, bool]: ...


class QuotaDaemons:
    """Asks Gluster now and then; `keep` has to run. It takes the Gluster volume's lock for a moment."""

    def __init__(
        self, gluster: QuotaDaemonCommands, gluster_volumes: Sequence[str], *, interval_seconds: float = 60
    ) -> None:
        self._gluster = gluster
        self._gluster_volumes = tuple(gluster_volumes)
        self._interval_seconds = interval_seconds
        self._running: dict[str, Mapping[str, bool]] = {}

    async def keep(self) -> None:
        """Never returns."""
        while True:
            for name in self._gluster_volumes:
                await self._ask(name)
            await anyio.sleep(self._interval_seconds)

    def samples(self) -> list[Sample]:
        """As they were last seen. Nothing of a Gluster volume that could not be asked about."""
        return [
            Sample("piragua_quotad_up", {"gluster_volume": name, "hostname": server}, int(runs))
            for name, servers in self._running.items()
            for server, runs in servers.items()
        ]

    async def _ask(self, gluster_volume: str) -> None:
        try:
            self._running[gluster_volume] = await self._gluster.quota_daemons(gluster_volume)
        except PiraguaError as error:
            self._running.pop(gluster_volume, None)
            _log.debug("the quota daemons of %s cannot be told: %s", gluster_volume, error)
