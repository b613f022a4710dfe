"""Forgets a volume whose data is purged: its limit, then its directory with its record."""

import errno
import logging

import anyio

from piragua.errors import MountError, NotMounted
from piragua.log import audit
from piragua.pool.health import Health, PoolHealth
from piragua.quota.limits import Limits
from piragua.tree.hidden import Hidden
from piragua.tree.locking.async_locks import AsyncLock
from piragua.tree.own_files import feed
from piragua.tree.proven_mount import ProvenMount
from piragua.upkeep.purging.reasons import NotYet

_log = logging.getLogger(__name__)
_HEALTH_IS_FRESH_SECONDS = 5


class Forgetter:
    """On one Gluster volume. hidden: finds what keeps an emptied `/<id>` from being removed."""

    def __init__(self, limits: Limits, pool_health: PoolHealth, hidden: Hidden | None = None) -> None:
        self._limits = limits
        self._pool_health = pool_health
        self._hidden = hidden
        self.volumes_purged = 0
        self._health = Health(("not looked at yet",))
        self._health_at = float("-inf")
        self._asking = anyio.Lock()

    async def forget(self, mounted: ProvenMount, volume_id: str, lock: AsyncLock) -> None:
        """Forgets an empty `/<id>`, whose lock the caller holds, and its limit; NotYet when all is not well."""
        problem = (await self._current_health(mounted)).problem_with(volume_id)
        if problem:
            raise NotYet(problem)
        await self._require(mounted, lock)
        await mounted.write_tombstone(volume_id)
        observed = await mounted.observe(volume_id)
        may_limit_files = observed.bounds.files is not None or bool(observed.record_unreadable)
        every_glusterd = self._require_no_glusterd_away  # before and after: one can come back in between
        await self._limits.remove(mounted, volume_id, files=may_limit_files, allowed=every_glusterd)
        await every_glusterd()
        await self._require(mounted, lock)
        await self._remove_directory(mounted, volume_id, "" if observed.record is None else observed.record.name)
        self.volumes_purged += 1
        audit.changed("purge", volume_id)
        await mounted.tell(volume_id, feed.PURGED)

    async def _require_no_glusterd_away(self) -> None:
        """One that has missed that the limit is gone must learn it while the directory is still there: NotYet."""
        problem = await self._pool_health.glusterd_away()
        if problem:
            raise NotYet(problem)

    async def _remove_directory(self, mounted: ProvenMount, volume_id: str, name: str) -> None:
        try:
            await mounted.forget(volume_id)
        except MountError as error:
            if isinstance(error, NotMounted):
                raise
            if error.errno == errno.ENOTEMPTY and name and self._hidden is not None:
                await self._bring_to_sight(self._hidden, volume_id, name)
            raise NotYet(f"its directory cannot be removed: {error}") from error

    @staticmethod
    async def _bring_to_sight(hidden: Hidden, volume_id: str, name: str) -> None:
        """What a listing does not show is emptied the next time, when one does."""
        try:
            if await hidden.bring_to_sight(volume_id, name):
                _log.info("volume %s has something on a brick that no listing showed", volume_id)
        except MountError as error:
            _log.debug("what keeps volume %s from being removed cannot be looked for: %s", volume_id, error)

    async def _require(self, mounted: ProvenMount, lock: AsyncLock) -> None:
        """The lock is still ours and every brick is there; asked right before what cannot be undone."""
        await lock.require()
        if not await self._pool_health.connected(mounted):
            raise NotYet("this client does not reach every brick")

    async def _current_health(self, mounted: ProvenMount) -> Health:
        """How the pool is; one question serves a batch."""
        async with self._asking:
            if anyio.current_time() - self._health_at > _HEALTH_IS_FRESH_SECONDS:
                self._health = await self._pool_health.observe(mounted)
                self._health_at = anyio.current_time()
            return self._health
