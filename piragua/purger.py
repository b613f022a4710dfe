"""Empties deleted volumes in the background and takes them away for good.

A queue of ids for each Gluster volume; the trash on the Gluster volume is the real queue, and the sweep puts
into this one what it finds there. The order never changes: emptied, and only while all is well: tombstone,
limit off, directory off. A limit that outlives its directory could not be removed any more (glusterfs 10.3).
"""

import errno
import logging
import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import anyio

from piragua import audit
from piragua.errors import GlusterTimeout, MountError, NameInUse, NotMounted, PiraguaError
from piragua.kept.purging import purge_state_of
from piragua.limits import Limits
from piragua.models import PurgeState
from piragua.pool_health import Health, PoolHealth
from piragua.traffic import Traffic
from piragua.tree import feed
from piragua.tree.hidden import Hidden
from piragua.tree.mount import Mount
from piragua.tree.mounted import AsyncLock, Mounted
from piragua.tree.purge import STANCHED_LIMIT_BYTES, Emptier, write_ballast
from piragua.tree.record import Gone
from piragua.tree.states import DELETED, State

_log = logging.getLogger(__name__)
_ENTRIES_AT_A_TIME = 100
_MANY_WAIT = 50
_LONGEST_REST_BETWEEN_SECONDS = 1
_HEALTH_IS_FRESH_SECONDS = 5
_LONGEST_PAUSE_SECONDS = 300
_LATE_COMMAND_SECONDS = 600
"""A quota command that timed out may still happen for so long, and a limit must not outlive its directory."""


class NotYet(PiraguaError):
    """The volume cannot be taken away now; it is tried again later."""


class TurnOver(PiraguaError):
    """The volume is so large that others get their turn first; it goes on after them."""


class Paused(PiraguaError):
    """An administrator lets nothing be purged now; it goes on when that ends."""


@dataclass(frozen=True)
class Progress:
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
    doubled each time. turn_seconds: how long a large volume is emptied while others wait. stanch_seconds: how long
    clients may write into what is emptied. ask_seconds: how often a purger that an administrator paused asks
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
        self._limits = limits
        self._pool_health = pool_health
        self.workers = workers
        self._pause_seconds = pause_seconds
        self._turn_seconds = turn_seconds
        self._stanch_seconds = stanch_seconds
        self._ask_seconds = ask_seconds
        self._rests = rests
        self._hidden = hidden
        self._traffic = Traffic()
        self._now = now
        self._due: dict[str, float] = {}
        self._pauses: dict[str, float] = {}
        self._working: set[str] = set()
        self._removed: dict[str, int] = {}
        self._entries_removed = 0
        self._volumes_purged = 0
        self._reasons: dict[str, str] = {}
        self._paused = False
        self._changed = anyio.Event()
        self._health = Health(("not looked at yet",))
        self._health_at = float("-inf")
        self._asking = anyio.Lock()

    @property
    def waiting(self) -> int:
        """Volumes that are still to be purged, as far as is known here."""
        return len(self._due) + len(self._working)

    def queue(self) -> Queue:
        """What waits here, and what was done."""
        now = anyio.current_time()
        put_off = len(self._pauses.keys() - self._working)
        due = sum(at <= now and each not in self._pauses for each, at in self._due.items())
        return Queue(
            working=len(self._working),
            due=due,
            put_off=put_off,
            retained=max(0, len(self._due) - due - put_off),
            entries_removed=self._entries_removed,
            volumes_purged=self._volumes_purged,
            paused=self._paused,
        )

    def progress(self, volume_id: str) -> Progress | None:
        """How far this instance is with that volume; None while it has not begun."""
        reason = self._reasons.get(volume_id, "")
        if not reason and volume_id not in self._removed:
            return None  # also while it is looked at whether it may be purged
        return Progress(volume_id in self._working, self._removed.get(volume_id, 0), reason)

    def add(self, volume_id: str) -> None:
        """Purges that volume if its time has come. What was put off keeps its turn."""
        if volume_id not in self._working and volume_id not in self._pauses:
            now = anyio.current_time()
            self._due[volume_id] = min(self._due.get(volume_id, now), now)
            self._wake()

    def add_now(self, volume_id: str) -> None:
        """The same, also if it was put off."""
        self._pauses.pop(volume_id, None)
        self._due.pop(volume_id, None)
        self.add(volume_id)

    def look_again(self) -> None:
        """Asks at once whether it may go on, when somebody has just said so."""
        self._wake()

    async def keep(self) -> None:
        """Purges for ever."""
        async with anyio.create_task_group() as group:
            for _ in range(self.workers):
                group.start_soon(self._work)

    async def _work(self) -> None:
        while True:
            await self._until_running()
            volume_id = await self._next()
            begun = anyio.current_time()
            await self._work_on(volume_id)
            worked_seconds = anyio.current_time() - begun  # in which a large one has rested already
            await self._rest(min(self._rests * worked_seconds, _LONGEST_REST_BETWEEN_SECONDS))

    async def _work_on(self, volume_id: str) -> None:
        self._working.add(volume_id)
        self._reasons.pop(volume_id, None)
        try:
            await self.purge(volume_id)
            self._forget(volume_id)
        except (TurnOver, Paused):
            self._due[volume_id] = anyio.current_time()
            self._wake()
        except PiraguaError as error:
            self._put_off(volume_id, error)
        except Exception as error:
            _log.exception("purging volume %s failed for a reason that is a bug", volume_id)
            self._put_off(volume_id, error)
        finally:
            self._working.discard(volume_id)

    async def _rest(self, seconds: float) -> None:
        """Leaves the bricks to requests, if there are any, and if few volumes wait.

        A stream of deletes must not fill the trash for ever.
        """
        now = anyio.current_time()
        if sum(at <= now for at in self._due.values()) >= _MANY_WAIT:
            return
        with suppress(MountError):  # the next purge says so
            await self._traffic.rest(self._mount.current(), seconds)

    async def _until_running(self) -> None:
        """Waits while an administrator lets nothing be purged."""
        while await self._is_paused():
            with anyio.move_on_after(self._ask_seconds):
                await self._changed.wait()

    async def _is_paused(self) -> bool:
        """False also while the mount is away, which every purge then says for itself."""
        paused = False
        with suppress(MountError):
            paused = await purge_state_of(self._mount.current()) is PurgeState.PAUSED
            if paused is not self._paused:
                _log.info("purging on %s %s", self._mount.gluster_volume, "is paused" if paused else "goes on")
                self._paused = paused
        return paused

    def _forget(self, volume_id: str) -> None:
        self._pauses.pop(volume_id, None)
        self._removed.pop(volume_id, None)
        self._reasons.pop(volume_id, None)

    async def _next(self) -> str:
        """The id whose time has come first; waits for it."""
        while True:
            now = anyio.current_time()
            first = min(self._due, key=self._due.__getitem__, default=None)
            if first is not None and self._due[first] <= now:
                del self._due[first]
                return first
            with anyio.move_on_after(None if first is None else self._due[first] - now):
                await self._changed.wait()

    def _put_off(self, volume_id: str, error: Exception) -> None:
        pause_seconds = min(self._pauses.get(volume_id, self._pause_seconds / 2) * 2, _LONGEST_PAUSE_SECONDS)
        if isinstance(error, GlusterTimeout):
            pause_seconds = _LATE_COMMAND_SECONDS
        if volume_id not in self._pauses:
            _log.info("volume %s is purged later: %s", volume_id, error)
        self._reasons[volume_id] = str(error)
        self._pauses[volume_id] = pause_seconds
        self._due[volume_id] = anyio.current_time() + pause_seconds
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    async def purge(self, volume_id: str) -> None:
        """Takes a deleted volume away for good, as far as that is possible now.

        TurnOver, Paused, NotYet, Conflict or StorageError when it is not. Does nothing to what no mark calls
        deleted, and to what is still in its retention.
        """
        mounted = self._mount.current()
        await self._require_running(mounted)
        lock = await mounted.take_id(volume_id, timeout_seconds=0)
        try:
            unread = await mounted.take_unread(volume_id)
            try:
                await self._purge(mounted, volume_id, lock, unread)
            finally:
                await unread.release()
        finally:
            await lock.release()

    async def _purge(self, mounted: Mounted, volume_id: str, lock: AsyncLock, unread: AsyncLock) -> None:
        if await self._may_empty(mounted, volume_id):
            await lock.require()
            await unread.require()
            await self._release_name(mounted, volume_id)
            await self._empty(mounted, volume_id)
            await self._require_running(mounted)
            await self.take_away(mounted, volume_id, lock)

    async def _require_running(self, mounted: Mounted) -> None:
        """Paused while an administrator lets nothing be purged."""
        if await purge_state_of(mounted) is PurgeState.PAUSED:
            raise Paused("an administrator has paused purging")

    async def _may_empty(self, mounted: Mounted, volume_id: str) -> bool:
        """Whether the volume is deleted and its retention is over; marks it as being purged."""
        seen = await mounted.look(volume_id)
        if seen.state not in DELETED:
            return False
        if seen.state is State.TRASH and seen.gone is not None:
            if not seen.gone.due(self._now()):
                self.add_later(volume_id, seen.gone)
                return False
            gone = Gone(seen.gone.deleted, seen.gone.retention_seconds, purging=True)
            await mounted.mark_gone(volume_id, gone)
        return True

    @staticmethod
    async def _release_name(mounted: Mounted, volume_id: str) -> None:
        """Frees a name that a delete or a restore which died has left with it, or an empty file of that name."""
        record = (await mounted.look(volume_id)).record
        if record is None or await mounted.holder_of(record.name) not in (volume_id, ""):
            return
        with suppress(NameInUse):  # whoever works with that name sees for himself that it is free
            name_lock = await mounted.take_name(record.name, timeout_seconds=0)
            try:
                await mounted.release_name(record.name, volume_id)
                await mounted.release_name(record.name, "")
            finally:
                await name_lock.release()

    def add_later(self, volume_id: str, gone: Gone) -> None:
        """Purges that volume when its retention is over."""
        left_seconds = gone.retention_seconds - (self._now() - gone.deleted).total_seconds()
        self._due[volume_id] = anyio.current_time() + min(max(left_seconds, 0), 86400)
        self._wake()

    async def _empty(self, mounted: Mounted, volume_id: str) -> None:
        """Removes everything in `/<id>`; when that takes longer, nobody can make anything new in it."""
        begun = anyio.current_time()
        if not await self._empty_some(mounted, volume_id, begun, stanch_after_seconds=self._stanch_seconds):
            await self._stanch(mounted, volume_id)
            await self._empty_some(mounted, volume_id, begun)

    async def _empty_some(
        self, mounted: Mounted, volume_id: str, begun: float, *, stanch_after_seconds: float = math.inf
    ) -> bool:
        """Removes in steps, between which others get their turn; False when it is time to stop writers."""
        emptier = mounted.emptier(volume_id)
        before = self._removed.get(volume_id, 0)
        try:
            while not await self._step(mounted, emptier):
                removed = emptier.removed
                self._count(volume_id, before + removed)
                self._mount.current()
                await self._require_running(mounted)
                lasted_seconds = anyio.current_time() - begun
                if lasted_seconds > self._turn_seconds and self._others_wait():
                    raise TurnOver(f"{removed} entries removed, and others wait")
                if lasted_seconds > stanch_after_seconds:
                    return False
                if removed > 0 and removed % 100_000 < _ENTRIES_AT_A_TIME:
                    _log.info("purging volume %s: %d entries removed", volume_id, removed)
        except MountError as error:
            if error.errno != errno.ENOTEMPTY or stanch_after_seconds == math.inf:
                raise
            return False
        finally:
            self._count(volume_id, before + emptier.removed)
            emptier.close()
        return True

    def _count(self, volume_id: str, removed: int) -> None:
        """removed: all that was removed of that volume so far."""
        self._entries_removed += removed - self._removed.get(volume_id, 0)
        self._removed[volume_id] = removed

    async def _step(self, mounted: Mounted, emptier: Emptier) -> bool:
        """Removes some entries and rests; True when all is empty."""
        begun = anyio.current_time()
        is_empty = await mounted.blocking(lambda: emptier.work(_ENTRIES_AT_A_TIME), timeout_seconds=60)
        if not is_empty:
            await self._rest(self._rests * (anyio.current_time() - begun))
        return is_empty

    async def _stanch(self, mounted: Mounted, volume_id: str) -> None:
        """Makes its limit smaller than what it holds: then quota refuses every write, mkdir and create in it.

        Where that fails, emptying goes on as it is. A command that timed out may still happen, and then its limit
        must not outlive the directory: GlusterTimeout.
        """
        try:
            await mounted.blocking(partial(write_ballast, mounted.handle, volume_id))
            await self._limits.set(mounted, volume_id, STANCHED_LIMIT_BYTES)
        except GlusterTimeout:
            raise
        except PiraguaError as error:
            _log.debug("writers of volume %s cannot be stopped: %s", volume_id, error)

    def _others_wait(self) -> bool:
        return any(due <= anyio.current_time() for due in self._due.values())

    async def take_away(self, mounted: Mounted, volume_id: str, lock: AsyncLock) -> None:
        """Removes an empty `/<id>`, whose lock the caller holds, with its limit; NotYet when all is not well."""
        problem = (await self._current_health(mounted)).problem_with(volume_id)
        if problem:
            raise NotYet(problem)
        await self._require(mounted, lock)
        await mounted.write_tombstone(volume_id)
        seen = await mounted.look(volume_id)
        may_limit_files = seen.bounds.files is not None or bool(seen.record_unreadable)
        every_glusterd = self._require_no_glusterd_away  # before and after: one can come back in between
        await self._limits.remove(mounted, volume_id, files=may_limit_files, allowed=every_glusterd)
        await every_glusterd()
        await self._require(mounted, lock)
        await self._remove(mounted, volume_id, "" if seen.record is None else seen.record.name)
        self._volumes_purged += 1
        audit.changed("purge", volume_id)
        await mounted.tell(volume_id, feed.PURGED)

    async def _require_no_glusterd_away(self) -> None:
        """One that has missed that the limit is gone must learn it while the directory is still there: NotYet."""
        problem = await self._pool_health.glusterd_away()
        if problem:
            raise NotYet(problem)

    async def _remove(self, mounted: Mounted, volume_id: str, name: str) -> None:
        try:
            await mounted.remove(volume_id)
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

    async def _require(self, mounted: Mounted, lock: AsyncLock) -> None:
        """The lock is still ours and every brick is there; asked right before what cannot be undone."""
        await lock.require()
        if not await self._pool_health.connected(mounted):
            raise NotYet("this client does not reach every brick")

    async def _current_health(self, mounted: Mounted) -> Health:
        """How the pool is; one question serves a batch."""
        async with self._asking:
            if anyio.current_time() - self._health_at > _HEALTH_IS_FRESH_SECONDS:
                self._health = await self._pool_health.look(mounted)
                self._health_at = anyio.current_time()
            return self._health
