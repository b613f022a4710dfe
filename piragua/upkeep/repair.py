"""Keeps published volumes as their records say: limits that were lost, bricks that are new, peers that missed one.

Limits only while all is well: a brick that was away can show an old one (glusterfs 10.3).
"""

import logging
from typing import Protocol

from piragua.errors import GlusterError, PiraguaError
from piragua.log import audit
from piragua.pool.health import Health, PoolHealth
from piragua.pool.requirements import shows_limits
from piragua.pool.topology import Topology
from piragua.quota.limits import Limits
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.states import Observed, State
from piragua.upkeep import mends

_log = logging.getLogger(__name__)
_WALKS = 2
"""Rounds over all directories after the bricks changed: a single one missed some (glusterfs 10.3)."""


class QuotaRecords(Protocol):
    """The part of `piragua.gluster.quota_conf.QuotaConf` that is needed here."""

    async def limited_gfids(self, volume: str) -> frozenset[str]:
        """gfids (32 hex digits) of all directories with a limit in this server's own quota.conf."""


class NoRecords:
    """For a glusterd whose files are out of sight."""

    async def limited_gfids(self, volume: str) -> frozenset[str]:
        """Raises GlusterError: it cannot be told."""
        raise GlusterError(("system::", "getwd"), 0, f"the quota.conf of {volume} is not looked at")


class Repair:
    """What one Gluster volume's sweep does for published volumes."""

    def __init__(
        self, topology: Topology, quota_records: QuotaRecords, limits: Limits, pool_health: PoolHealth
    ) -> None:
        self._topology = topology
        self._quota_records = quota_records
        self._limits = limits
        self._pool_health = pool_health
        self._bricks: tuple[object, ...] | None = None
        self._walks = 0
        self._walk = False
        self._health = Health(("not looked at yet",))
        self._recorded: frozenset[str] | None = None

    async def round(self, mounted: ProvenMount) -> bool:
        """Finds out, once for all volumes of a round, what is to be looked after; whether all is well.

        StorageError.
        """
        gluster_volume = await self._topology.gluster_volume_now(mounted.gluster_volume)
        if self._bricks != gluster_volume.bricks:
            self._bricks, self._walks = gluster_volume.bricks, _WALKS
        self._walk = self._walks > 0
        self._health = await self._pool_health.observe(mounted)
        if not shows_limits(gluster_volume):
            self._health = Health(("quota is off, or its limits cannot be seen",))
        well = not self._health.problems
        self._recorded = await self._records(mounted) if well else None
        # Until this client has seen the new bricks, it looks directories up without them.
        if well and await mounted.brick_count() == len(gluster_volume.bricks):
            self._walks = max(self._walks - 1, 0)
        return well and not self._health.healing

    async def mend(self, mounted: ProvenMount, observed: Observed) -> None:
        """Looks after one volume. StorageError."""
        if self._walk:
            await mounted.lookup(observed.volume_id)
        if observed.record is not None and await mounted.has_lost_modes(observed.volume_id, observed.record.name):
            await self._give_back_modes(mounted, observed)
        if observed.record is not None:
            await self._mend_limit(mounted, observed)

    async def _give_back_modes(self, mounted: ProvenMount, observed: Observed) -> None:
        async with mends.locked(mounted, observed.volume_id, wait_seconds=0) as now:
            if await mends.give_back_modes(mounted, now):
                audit.changed("give back owner and mode", observed.volume_id)
                _log.warning(
                    "volume %s: owner and mode of its directories were lost and are set", observed.volume_id
                )

    async def _mend_limit(self, mounted: ProvenMount, observed: Observed) -> None:
        record = observed.record
        if record is None:
            return
        problem = self._health.problem_with(observed.volume_id)
        if problem:
            _log.debug("the limit of volume %s is left alone for now: %s", observed.volume_id, problem)
            return
        limit_bytes = await mounted.limit(observed.volume_id)
        if limit_bytes is None:
            await self._set_again(mounted, observed, "its limit was gone")
        elif limit_bytes > record.size_bytes:
            await self._adopt_limit(mounted, observed, limit_bytes)
        elif limit_bytes < record.size_bytes:
            _log.warning(
                "volume %s: its limit is %d bytes, its record says %d",
                observed.volume_id,
                limit_bytes,
                record.size_bytes,
            )
        elif await self._lacks_record(mounted, await mounted.gfid(observed.volume_id)):
            await self._set_again(mounted, observed, "this server's quota.conf had no record of its limit")

    async def _lacks_record(self, mounted: ProvenMount, gfid: str) -> bool:
        """Read again before that is said: the volume can have been made since the round began."""
        if self._recorded is None or gfid in self._recorded:
            return False
        self._recorded = await self._records(mounted)
        return self._recorded is not None and gfid not in self._recorded

    async def _set_again(self, mounted: ProvenMount, observed: Observed, why: str) -> None:
        async with mends.locked(mounted, observed.volume_id, wait_seconds=0) as now:
            if now.state is State.VOLUME and now.record is not None:
                await mends.set_limit_again(mounted, self._limits, now, now.record.size_bytes)
                audit.changed("set the limit again", observed.volume_id)
                _log.warning(
                    "volume %s: %s; it was set to %d bytes", observed.volume_id, why, now.record.size_bytes
                )

    async def _adopt_limit(self, mounted: ProvenMount, observed: Observed, limit_bytes: int) -> None:
        async with mends.locked(mounted, observed.volume_id, wait_seconds=0) as now:
            if now.state is State.VOLUME and now.record == observed.record and now.record is not None:
                await mends.adopt_limit(mounted, observed.volume_id, now.record, limit_bytes)
                audit.changed("adopt the limit", observed.volume_id)
                _log.warning("volume %s: its limit of %d bytes was adopted", observed.volume_id, limit_bytes)

    async def _records(self, mounted: ProvenMount) -> frozenset[str] | None:
        try:
            return await self._quota_records.limited_gfids(mounted.gluster_volume)
        except PiraguaError as error:
            _log.debug("quota.conf of this server cannot be read: %s", error)
            return None
