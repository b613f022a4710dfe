"""Whether the quota daemon of every server runs: without it limits are not kept on its bricks."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

import anyio

from piragua.errors import PiraguaError
from piragua.frontends.metrics.exposition import Sample

_log = logging.getLogger(__name__)

HELPS = {"piragua_quotad_up": "1 while the server's quota daemon runs; localhost is the server that was asked"}


class QuotaDaemons:
    """Asks now and then; `keep` has to run. It takes the Gluster volume's lock for a moment.

    quota_daemons: from the name of a Gluster volume to which servers' daemons run.
    """

    def __init__(
        self,
        quota_daemons: Callable[[str], Awaitable[Mapping[str, bool]]],
        gluster_volumes: Sequence[str],
        *,
        interval_seconds: float = 60,
    ) -> None:
        self._quota_daemons = quota_daemons
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
            self._running[gluster_volume] = await self._quota_daemons(gluster_volume)
        except PiraguaError as error:
            self._running.pop(gluster_volume, None)
            _log.debug("the quota daemons of %s cannot be told: %s", gluster_volume, error)
