"""What every volume of a Gluster volume holds: gathered in the background, kept in memory, told with its age."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import anyio

from piragua.errors import NotMounted, NotReady, PiraguaError
from piragua.inventory.inventory import Inventory
from piragua.models import VolumeUsage
from piragua.pool.topology import Topology
from piragua.tree.counters import QuotaCount
from piragua.tree.mount import Mount
from piragua.tree.proven_mount import ProvenMount

_log = logging.getLogger(__name__)

_READ_AT_ONCE = 20
_REST_OF_A_ROUND = 10
"""A round that took a second is followed by a rest of 10 at least, however short the interval is."""
_RETRY_SECONDS = 5
_SOFT_LIMIT_OPTION = "features.default-soft-limit"
_SOFT_PERCENT = 80


@dataclass(frozen=True)
class Capacity:
    """How large the Gluster volume is and how much is free on it, in bytes."""

    size_bytes: int
    free_bytes: int


class UsageGatherer:
    """Looks at all volumes of one Gluster volume, again and again; each instance does so for itself.

    mount: a mount for counting. interval_seconds: between the beginnings of two rounds; 0: nothing is gathered.
    `keep` has to run. Answers come from memory at once, and cost no call to Gluster.
    """

    def __init__(
        self, inventory: Inventory, mount: Mount, topology: Topology, *, interval_seconds: float = 60
    ) -> None:
        self._inventory = inventory
        self.mount = mount
        self._topology = topology
        self._interval_seconds = interval_seconds
        self._usage: dict[str, VolumeUsage] = {}
        self._problem = ""
        self.begun: datetime | None = None
        self.gathered: datetime | None = None
        self.capacity: Capacity | None = None

    def of(self, volume_id: str) -> VolumeUsage | None:
        """What the volume held when it was last looked at; None as long as it was not, or quota is off."""
        return self._usage.get(volume_id)

    async def keep(self) -> None:
        """Gathers for ever; what goes wrong is logged once and tried again."""
        if self._interval_seconds and self.begun is None:
            self.begun = datetime.now(UTC)
        while self._interval_seconds:
            begun = anyio.current_time()
            try:
                await self.gather()
            except (NotMounted, NotReady) as error:  # who mounts and who lists have logged it
                _log.debug("no usage of %s: %s", self._inventory.mount.gluster_volume, error)
                await anyio.sleep(_RETRY_SECONDS)
            except PiraguaError as error:
                self._say(str(error))
                await anyio.sleep(_RETRY_SECONDS)
            else:
                self._say("")
                took_seconds = anyio.current_time() - begun
                await anyio.sleep(max(self._interval_seconds - took_seconds, _REST_OF_A_ROUND * took_seconds))
        await anyio.sleep_forever()

    async def gather(self) -> None:
        """One round over all volumes. MountError and NotReady when it cannot be done; what was known stays."""
        begun = datetime.now(UTC)
        ids = await self._inventory.ids()
        await self.mount.check()
        mounted = self.mount.current()
        soft_percent = await self._soft_percent()
        for start in range(0, len(ids), _READ_AT_ONCE):
            part = ids[start : start + _READ_AT_ONCE]
            took_seconds = await _timed(partial(self._read, mounted, part, soft_percent))
            await anyio.sleep(took_seconds)  # others come first
        for absent in self._usage.keys() - set(ids):
            del self._usage[absent]
        self.capacity = Capacity(await mounted.size_bytes(), await mounted.free_bytes())
        self.gathered = begun

    async def _read(self, mounted: ProvenMount, volume_ids: list[str], soft_percent: int) -> None:
        now = datetime.now(UTC)
        counted = await mounted.counted(volume_ids)
        for volume_id in volume_ids:
            if volume_id in counted:
                self._usage[volume_id] = usage_of(counted[volume_id], soft_percent, now)
            else:
                self._usage.pop(volume_id, None)

    async def _soft_percent(self) -> int:
        """What the Gluster volume has for all; Gluster's own default while it cannot be asked."""
        try:
            gluster_volume = await self._topology.gluster_volume(self._inventory.mount.gluster_volume)
        except PiraguaError:
            return _SOFT_PERCENT
        text = gluster_volume.options.get(_SOFT_LIMIT_OPTION, "").removesuffix("%")
        return int(text) if text.isascii() and text.isdigit() else _SOFT_PERCENT

    def _say(self, problem: str) -> None:
        if problem and problem != self._problem:
            _log.warning("usage of %s cannot be gathered: %s", self._inventory.mount.gluster_volume, problem)
        self._problem = problem


def usage_of(counted: QuotaCount, soft_percent: int, gathered: datetime) -> VolumeUsage:
    """The same in words of the core. soft_percent: for a volume that has none of its own.

    When a limit counts as exceeded is as in `gluster volume quota V list` (glusterfs 10.3).
    """
    limit_bytes, used_bytes = counted.limit_bytes, counted.used_bytes
    own_percent = soft_percent if counted.soft_percent is None else counted.soft_percent
    return VolumeUsage(
        used_bytes=used_bytes,
        limit_bytes=limit_bytes,
        files=counted.files,
        directories=counted.directories,
        soft_limit_exceeded=limit_bytes is not None and used_bytes >= limit_bytes * own_percent // 100,
        hard_limit_exceeded=limit_bytes is not None and used_bytes >= limit_bytes,
        gathered=gathered,
    )


async def _timed(work: Callable[[], Awaitable[None]]) -> float:
    """How many seconds it took."""
    begun = anyio.current_time()
    await work()
    return anyio.current_time() - begun
