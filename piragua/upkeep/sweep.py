"""Brings to an end what crashes left, and puts right what drifted; at the start and now and then, paced.

States that only a dead owner leaves are acted on when they were seen twice, `settled_seconds` of this
process's own clock apart, with the lock free both times: a lock can be lost while its owner lives.
Nothing is removed because a mark is missing.
"""

import logging
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import UTC, datetime
from typing import Protocol

import anyio

from piragua.errors import Conflict, MountError, NameInUse, PiraguaError
from piragua.inventory.inventory import Inventory
from piragua.inventory.names import publish_left
from piragua.log import audit
from piragua.tree import layout
from piragua.tree.locking.async_locks import AsyncLock
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.record import Deletion
from piragua.tree.states import DELETED, SWEPT, Observed, State
from piragua.upkeep.purging.purger import Purger
from piragua.upkeep.throttle import Throttle

_log = logging.getLogger(__name__)

_DAY_SECONDS = 86400
_REMOVED_AFTER_SECONDS = {
    layout.TOMBSTONES: 30 * _DAY_SECONDS,
    layout.FAILURES: _DAY_SECONDS,
    layout.INSTANCES: _DAY_SECONDS,
}
_NAME_LOST_RETENTION_SECONDS = _DAY_SECONDS
_ASKS_THE_THROTTLE_EVERY = 10
_LONGER_WHEN_THROTTLED = 5
_LONGEST_REST_SECONDS = 1


class VolumeRepair(Protocol):
    """Looks after one published volume while all is well."""

    async def round(self, mounted: ProvenMount) -> bool: ...
    async def mend(self, mounted: ProvenMount, observed: Observed) -> None: ...


class Sweep:
    """Sweeps one Gluster volume. `keep` has to run.

    interval_seconds: between two sweeps; retry_seconds: after one that could not be done.
    settled_seconds: between the two looks. pace_seconds: the shortest pause after each volume, five times as long
    while volumes are made or changed. rests: it rests at least so many times as long as it works. now: the time
    (UTC), monotonic: this process's own clock in seconds.
    """

    def __init__(
        self,
        inventory: Inventory,
        purger: Purger,
        repair: VolumeRepair,
        *,
        interval_seconds: float = 300,
        retry_seconds: float = 5,
        settled_seconds: float = 600,
        pace_seconds: float = 0.01,
        rests: float = 3,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inventory = inventory
        self._purger = purger
        self._repair = repair
        self._interval_seconds = interval_seconds
        self._retry_seconds = retry_seconds
        self._settled_seconds = settled_seconds
        self._pace_seconds = pace_seconds
        self._rests = rests
        self._now = now
        self._monotonic = monotonic
        self._first_seen: dict[str, tuple[State, float]] = {}
        self._unwell_pause_seconds = retry_seconds
        self._wanted = anyio.Event()
        self._throttle = Throttle()
        self._hurries = False

    def wake(self) -> None:
        """The next sweep begins now, or right after the one that runs, and does not rest for requests."""
        self._wanted.set()
        self._hurries = True

    async def keep(self) -> None:
        """Sweeps for ever; what goes wrong is logged and tried again."""
        while True:
            pause_seconds = self._interval_seconds
            self._wanted = anyio.Event()
            try:
                all_was_well = await self.sweep()
                pause_seconds = self._pause_after(all_was_well=all_was_well)
                # Quota can still be off when its loss is noticed; what was woken for that is done later.
                self._hurries = self._wanted.is_set() or (self._hurries and not all_was_well)
            except PiraguaError as error:
                _log.debug("the sweep of %s stopped: %s", self._inventory.mount.gluster_volume, error)
                pause_seconds = self._retry_seconds
            except Exception:
                _log.exception("the sweep of %s failed for a reason that is a bug", self._inventory.mount.path)
            with anyio.move_on_after(pause_seconds):
                await self._wanted.wait()

    def _pause_after(self, *, all_was_well: bool) -> float:
        """Soon again when not all could be looked after, as when servers start together, and then less often."""
        if all_was_well:
            self._unwell_pause_seconds = self._retry_seconds
            return self._interval_seconds
        pause_seconds = min(self._unwell_pause_seconds, self._interval_seconds)
        self._unwell_pause_seconds = 2 * pause_seconds
        return pause_seconds

    async def sweep(self) -> bool:
        """One round over everything in the root; whether the pool was well enough and everything was put right.

        NotReady and MountError when it cannot be told what is there.
        """
        mounted = self._inventory.mount.current()
        all_observed = await self._inventory.observe_many()
        for observed in all_observed.values():
            if observed.state in DELETED:  # at once: after a start the trash need not wait for the whole round
                self._purger.add(observed.volume_id)
        ids = set(all_observed)
        self._first_seen = {each: seen for each, seen in self._first_seen.items() if each in ids}
        all_was_well = await self._repair.round(mounted)
        for number, volume_id in enumerate(sorted(ids)):
            if number % _ASKS_THE_THROTTLE_EVERY == 0:
                pause_seconds = await self._pace(mounted)
            begun = anyio.current_time()
            try:
                await self._look_after(mounted, await mounted.observe(volume_id))
            except Conflict:
                _log.debug("volume %s is being worked on", volume_id)
            except PiraguaError as error:
                _log.warning("volume %s: %s", volume_id, error)
                all_was_well = False
            await anyio.sleep(max(pause_seconds, self._rest_after(anyio.current_time() - begun)))
        await self._remove_old_files(mounted, ids)
        return all_was_well

    async def _pace(self, mounted: ProvenMount) -> float:
        """Seconds between two volumes: longer while requests are served, unless somebody woke the sweep."""
        if not self._hurries:
            with suppress(MountError):  # a look says so, of its volume alone
                if await self._throttle.is_needed(mounted):
                    return self._pace_seconds * _LONGER_WHEN_THROTTLED
        return self._pace_seconds

    def _rest_after(self, worked_seconds: float) -> float:
        """Seconds, unless somebody woke the sweep."""
        return 0 if self._hurries else min(self._rests * worked_seconds, _LONGEST_REST_SECONDS)

    async def _look_after(self, mounted: ProvenMount, observed: Observed) -> None:
        if observed.state in SWEPT:
            if self._settled(observed):
                await self._end(mounted, observed)
            return
        self._first_seen.pop(observed.volume_id, None)
        if observed.state in DELETED:
            self._purger.add(observed.volume_id)
        elif observed.state is State.VOLUME:
            await self._repair.mend(mounted, observed)
        elif observed.state in (State.UNCLEAR, State.LEFT_ALONE):
            reason = (
                observed.record_unreadable or observed.deletion_unreadable or "its marks contradict each other"
            )
            _log.warning("volume %s is left alone (%s): %s", observed.volume_id, observed.state.value, reason)

    def _settled(self, observed: Observed) -> bool:
        """Whether it was in that state, with the lock free, long ago and still is."""
        if observed.locked:
            self._first_seen.pop(observed.volume_id, None)
            return False
        state, since = self._first_seen.setdefault(observed.volume_id, (observed.state, self._monotonic()))
        if state is not observed.state:
            self._first_seen[observed.volume_id] = (observed.state, self._monotonic())
            return False
        return self._monotonic() - since >= self._settled_seconds

    async def _end(self, mounted: ProvenMount, observed: Observed) -> None:
        """Does what the table says, with the lock of the volume held and after one more look."""
        lock = await mounted.take_id(observed.volume_id, timeout_seconds=0)
        try:
            again = await mounted.observe(observed.volume_id)
            if self._same(observed, again):
                _log.info("volume %s is %s", observed.volume_id, observed.state.value)
                await self._act(mounted, observed, lock)
                self._first_seen.pop(observed.volume_id, None)
        finally:
            await lock.release()

    @staticmethod
    def _same(before: Observed, now: Observed) -> bool:
        """Nothing changed but the lock, which is ours now."""
        fields = (
            "published",
            "deletion",
            "closed",
            "record",
            "record_unreadable",
            "entries",
            "data",
            "limit_bytes",
        )
        return now.exists and all(getattr(before, field) == getattr(now, field) for field in fields)

    async def _act(self, mounted: ProvenMount, observed: Observed, lock: AsyncLock) -> None:
        if observed.state is State.COMPLETE:
            await self._publish(mounted, observed, lock)
        elif observed.state is State.CLONE_GIVEN_UP:
            await mounted.mark_deleted(observed.volume_id, Deletion(self._now(), 0))
            audit.changed("give up the clone", observed.volume_id)
            self._purger.add(observed.volume_id)
        else:
            if observed.entries:
                await mounted.remove_empty_data(observed.volume_id, observed.entries[0])
            await self._purger.forget(mounted, observed.volume_id, lock)

    async def _publish(self, mounted: ProvenMount, observed: Observed, lock: AsyncLock) -> None:
        """What was meant is finished; unless its name is another's by now: then it goes to the trash for a day."""
        if observed.record is None:
            return
        await lock.require()
        try:
            await publish_left(mounted, observed.volume_id, observed.record.name)
            audit.changed("finish the create", observed.volume_id)
        except NameInUse:
            deletion = Deletion(self._now(), _NAME_LOST_RETENTION_SECONDS)
            await mounted.mark_deleted(observed.volume_id, deletion)
            audit.changed("delete what lost its name", observed.volume_id)
            self._purger.add_later(observed.volume_id, deletion)

    async def _remove_old_files(self, mounted: ProvenMount, ids: Collection[str]) -> None:
        """The tombstone of what is still there stays: without it what a brick brought back would be a volume."""
        now_seconds = self._now().timestamp()
        for folder, age_seconds in _REMOVED_AFTER_SECONDS.items():
            await mounted.remove_old_files(
                folder, older_than_seconds=age_seconds, now_seconds=now_seconds, but=ids
            )
