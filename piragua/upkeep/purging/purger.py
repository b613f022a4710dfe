"""The workers that purge the deleted volumes of one Gluster volume."""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import anyio

from piragua.errors import GlusterTimeout, MountError, PiraguaError
from piragua.inventory.names import release_left
from piragua.pool.health import PoolHealth
from piragua.quota.limits import Limits
from piragua.tree.hidden import Hidden
from piragua.tree.locking.async_locks import AsyncLock
from piragua.tree.mount import Mount
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.record import Deletion
from piragua.tree.states import DELETED, State
from piragua.upkeep.purging.data_purger import DataPurger
from piragua.upkeep.purging.forgetter import Forgetter
from piragua.upkeep.purging.pace import Pace
from piragua.upkeep.purging.pause import is_paused, require_running
from piragua.upkeep.purging.reasons import Paused, TurnOver
from piragua.upkeep.purging.waiting import WaitingPurges

_log = logging.getLogger(__name__)
_LONGEST_REST_BETWEEN_SECONDS = 1
_LATE_COMMAND_SECONDS = 600
"""A quota command that timed out may still happen for so long, and a limit must not outlive its directory."""


@dataclass(frozen=True)
class PurgeProgress:
    """How far this instance is with a volume. working: right now. waits_for: why it was put off, or ""."""

    working: bool
    entries_removed: int
    waits_for: str


@dataclass(frozen=True)
class Queue:
    """How many volumes a purger works on, could work on, has put off as something is not well, and is to purge
    only when their retention is over; and what it has done since it started."""

    working: int
    due: int
    put_off: int
    retained: int
    entries_removed: int
    volumes_purged: int
    paused: bool


class Purger:
    """Purges the volumes of one Gluster volume. `keep` has to run.

    workers: volumes that are purged at once. pause_seconds: how long to leave alone what cannot be purged now,
    doubled each time. turn_seconds: how long a large volume is purged while others wait. stanch_seconds: how long
    clients may write into what is purged. ask_seconds: how often a purger that an administrator paused asks
    whether it may go on. rests: while volumes are made and changed, by any instance, purging rests so many times
    as long as it works. hidden: finds what keeps an emptied `/<id>` from being removed. now: the time (UTC).
    """

    def __init__(
        self,
        mount: Mount,
        limits: Limits,
        pool_health: PoolHealth,
        *,
        workers: int = 2,
        pause_seconds: float = 2,
        turn_seconds: float = 30,
        stanch_seconds: float = 5,
        ask_seconds: float = 2,
        rests: float = 4,
        hidden: Hidden | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._mount = mount
        self.workers = workers
        self._ask_seconds = ask_seconds
        self._now = now
        self._waiting = WaitingPurges(pause_seconds)
        self._pace = Pace(mount, self._waiting, rests)
        self._data_purger = DataPurger(
            mount, limits, self._waiting, self._pace, turn_seconds=turn_seconds, stanch_seconds=stanch_seconds
        )
        self._forgetter = Forgetter(limits, pool_health, hidden)
        self._working: set[str] = set()
        self._reasons: dict[str, str] = {}
        self._paused = False

    @property
    def waiting(self) -> int:
        """Volumes that are still to be purged, as far as is known here."""
        return len(self._waiting) + len(self._working)

    def queue(self) -> Queue:
        """What waits here, and what was done."""
        due, put_off = self._waiting.fresh, self._waiting.put_off(but=self._working)
        return Queue(
            working=len(self._working),
            due=due,
            put_off=put_off,
            retained=max(0, len(self._waiting) - due - put_off),
            entries_removed=self._data_purger.entries_removed,
            volumes_purged=self._forgetter.volumes_purged,
            paused=self._paused,
        )

    def progress(self, volume_id: str) -> PurgeProgress | None:
        """How far this instance is with that volume; None while it has not begun."""
        reason, removed = self._reasons.get(volume_id, ""), self._data_purger.removed(volume_id)
        if not reason and removed is None:
            return None  # also while it is looked at whether it may be purged
        return PurgeProgress(volume_id in self._working, removed or 0, reason)

    def add(self, volume_id: str) -> None:
        """Purges that volume if its time has come. What was put off keeps its turn."""
        if volume_id not in self._working:
            self._waiting.add(volume_id)

    def add_now(self, volume_id: str) -> None:
        """The same, also if it was put off."""
        self._waiting.put_off_no_more(volume_id)
        self.add(volume_id)

    def add_later(self, volume_id: str, deletion: Deletion) -> None:
        """Purges that volume when its retention is over."""
        left_seconds = deletion.retention_seconds - (self._now() - deletion.deleted).total_seconds()
        self._waiting.add_later(volume_id, left_seconds)

    def look_again(self) -> None:
        """Asks at once whether it may go on, when somebody has just said so."""
        self._waiting.wake()

    async def keep(self) -> None:
        """Purges for ever."""
        async with anyio.create_task_group() as group:
            for _ in range(self.workers):
                group.start_soon(self._work)

    async def _work(self) -> None:
        while True:
            await self._until_running()
            volume_id = await self._waiting.next()
            begun = anyio.current_time()
            await self._work_on(volume_id)
            worked_seconds = anyio.current_time() - begun  # in which a large one has rested already
            await self._pace.rest(worked_seconds, longest_seconds=_LONGEST_REST_BETWEEN_SECONDS)

    async def _work_on(self, volume_id: str) -> None:
        self._working.add(volume_id)
        self._reasons.pop(volume_id, None)
        try:
            await self.purge(volume_id)
            self._drop(volume_id)
        except (TurnOver, Paused):
            self._waiting.add_behind(volume_id)
        except PiraguaError as error:
            self._put_off(volume_id, error)
        except Exception as error:
            _log.exception("purging volume %s failed for a reason that is a bug", volume_id)
            self._put_off(volume_id, error)
        finally:
            self._working.discard(volume_id)

    async def _until_running(self) -> None:
        """Waits while an administrator lets nothing be purged."""
        while await self._is_paused():
            with anyio.move_on_after(self._ask_seconds):
                await self._waiting.change()

    async def _is_paused(self) -> bool:
        """False also while the mount is away, which every purge then says for itself."""
        paused = False
        with suppress(MountError):
            paused = await is_paused(self._mount.current())
            if paused is not self._paused:
                _log.info("purging on %s %s", self._mount.gluster_volume, "is paused" if paused else "goes on")
                self._paused = paused
        return paused

    def _drop(self, volume_id: str) -> None:
        self._waiting.put_off_no_more(volume_id)
        self._data_purger.drop(volume_id)
        self._reasons.pop(volume_id, None)

    def _put_off(self, volume_id: str, error: Exception) -> None:
        if not self._waiting.is_put_off(volume_id):
            _log.info("volume %s is purged later: %s", volume_id, error)
        self._reasons[volume_id] = str(error)
        pause_seconds = _LATE_COMMAND_SECONDS if isinstance(error, GlusterTimeout) else None
        self._waiting.add_put_off(volume_id, pause_seconds=pause_seconds)

    async def purge(self, volume_id: str) -> None:
        """Purges a deleted volume and forgets it, as far as that is possible now.

        TurnOver, Paused, NotYet, Conflict or StorageError when it is not. Does nothing to what no mark calls
        deleted, and to what is still in its retention.
        """
        mounted = self._mount.current()
        await require_running(mounted)
        lock = await mounted.take_id(volume_id, timeout_seconds=0)
        try:
            unread = await mounted.take_unread(volume_id)
            try:
                await self._purge(mounted, volume_id, lock, unread)
            finally:
                await unread.release()
        finally:
            await lock.release()

    async def _purge(self, mounted: ProvenMount, volume_id: str, lock: AsyncLock, unread: AsyncLock) -> None:
        if await self._may_purge(mounted, volume_id):
            await lock.require()
            await unread.require()
            await self._release_name(mounted, volume_id)
            await self._data_purger.purge(mounted, volume_id)
            await require_running(mounted)
            await self.forget(mounted, volume_id, lock)

    async def _may_purge(self, mounted: ProvenMount, volume_id: str) -> bool:
        """Whether the volume is deleted and its retention is over; marks it as being purged."""
        observed = await mounted.observe(volume_id)
        if observed.state not in DELETED:
            return False
        if observed.state is State.TRASH and observed.deletion is not None:
            if not observed.deletion.due(self._now()):
                self.add_later(volume_id, observed.deletion)
                return False
            deletion = Deletion(observed.deletion.deleted, observed.deletion.retention_seconds, purging=True)
            await mounted.mark_deleted(volume_id, deletion)
        return True

    @staticmethod
    async def _release_name(mounted: ProvenMount, volume_id: str) -> None:
        record = (await mounted.observe(volume_id)).record
        if record is not None:
            await release_left(mounted, volume_id, record.name)

    async def forget(self, mounted: ProvenMount, volume_id: str, lock: AsyncLock) -> None:
        """Forgets an empty `/<id>`, whose lock the caller holds, and its limit; NotYet when all is not well."""
        await self._forgetter.forget(mounted, volume_id, lock)
