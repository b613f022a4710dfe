"""What exists on one Gluster volume, in memory, brought up to date before every answer.

An answer costs one stat of the change feed while nothing changed, and a look at what changed otherwise. The
root is listed at the start, when the feed was lost, and now and then for what was made or removed by hand.
Memory is a shortcut to the list, never the truth about one volume: that is always looked at.
"""

import logging
from bisect import bisect_left
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from contextlib import suppress

import anyio

from piragua.errors import NotReady, PiraguaError
from piragua.tree.mount import Mount
from piragua.tree.own_files.feed import MADE, NOWHERE, Position, Told
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.states import DELETED, LISTED, Observed, State

_log = logging.getLogger(__name__)
_SETTLED = LISTED | DELETED | {State.NOT_OURS}
_LOOKS_AT_ONCE = 300
_WATCH_MAKERS_SECONDS = 1


class Inventory:
    """The volumes of one Gluster volume. `keep` has to run for as long as answers are wanted.

    relist_seconds: after that long the root is listed again. wait_seconds: how long an answer waits for a
    complete list. retry_seconds: how soon a listing that failed is tried again.
    """

    def __init__(
        self, mount: Mount, *, relist_seconds: float = 20, wait_seconds: float = 20, retry_seconds: float = 1
    ) -> None:
        self.mount = mount
        self._relist_seconds = relist_seconds
        self._wait_seconds = wait_seconds
        self._retry_seconds = retry_seconds
        self._seen: dict[str, Observed] = {}
        self._listed: list[str] = []  # of those, what a list has, in order: to look for it anew takes too long
        self._found: set[str] = set()  # by a listing; not looked at yet
        self._unsettled: set[str] = set()  # can change without another line in the feed
        self._being_made: set[str] = set()  # while their locks are held, a line comes before what they become
        self._position: Position | None = None
        self._mounted: ProvenMount | None = None
        self._refreshing = anyio.Lock()
        self._rounds = 0
        self._last_done = 0
        self._lists_begun = 0
        self._last_complete = 0
        self._failure: tuple[int, PiraguaError] | None = None
        self._ended = anyio.Event()
        self._wanted = anyio.Event()

    def knows(self, volume_id: str) -> bool:
        """Whether a listing or the feed has named that id here."""
        return volume_id in self._seen

    def note(self, observed: Observed) -> None:
        """Takes over what was just made here, of which the feed speaks as well."""
        if observed.volume_id not in self._seen:
            self._keep(observed)

    def any_id(self) -> str | None:
        """Some volume that was seen last; None when none was."""
        return next((each for each, observed in self._seen.items() if observed.state is State.VOLUME), None)

    async def ids(self) -> list[str]:
        """Ids of all volumes, sorted. NotReady or MountError while they cannot be told."""
        await self.observe_many()
        return list(self._listed)

    async def limits_bytes(self) -> int:
        """The sum of all limits: recorded ones, the trash included, and those of volumes that are being made.

        Exact under the quota lock, for one listing of the root.
        """
        all_observed = dict(await self.observe_many())
        mounted = self.mount.current()
        unfinished = await mounted.ids_in_root() - {
            each for each, observed in all_observed.items() if _is_made(observed)
        }
        all_observed |= await mounted.observe_many(unfinished, limits=True)
        return sum(_counted_bytes(observed) for observed in all_observed.values())

    async def observe_many(self) -> dict[str, Observed]:
        """The last look at everything in the root whose name is a UUID, brought up to date."""
        with anyio.move_on_after(self._wait_seconds):
            if not await self._refreshed():
                await self._new_list()
            return self._seen
        self.mount.current()
        raise NotReady(f"the list of volumes on {self.mount.gluster_volume} is not complete yet")

    async def _new_list(self) -> None:
        """Waits for a listing that begins from now on; raises what made it fail."""
        before = self._lists_begun
        while self._last_complete <= before:
            if self._failure is not None and self._failure[0] > before:
                raise self._failure[1]
            self._wanted.set()
            await self._ended.wait()

    async def keep(self) -> None:
        """Lists the root at the start, now and then, and when the feed was lost; never returns."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._keep_watching_makers)
            await self._keep_listing()

    async def _keep_listing(self) -> None:
        while True:
            try:
                await self._list()
                pause_seconds = self._relist_seconds
            except PiraguaError as error:
                if self._failure is None or str(self._failure[1]) != str(error):
                    _log.warning("listing %s failed: %s", self.mount.gluster_volume, error)
                pause_seconds = self._retry_seconds
                self._failure = self._lists_begun, error
                self._end_list()
            with anyio.move_on_after(pause_seconds):
                await self._wanted.wait()
            self._wanted = anyio.Event()

    async def _keep_watching_makers(self) -> None:
        """A create whose instance died leaves its lock, and no line in the feed.

        Answers need not look at what is being made: hundreds of creates can wait for their limits.
        """
        while True:
            await anyio.sleep(_WATCH_MAKERS_SECONDS)
            with suppress(PiraguaError):  # who mounts and who lists have logged it
                being_made = frozenset(self._being_made)
                free = being_made - await self.mount.current().held_ids(being_made)
                self._unsettled |= free & self._being_made

    async def _refreshed(self) -> bool:
        """Reads what the feed has got since; False when everything has to be listed.

        Callers who wait meanwhile share one round that began after they asked.
        """
        asked = self._rounds
        async with self._refreshing:
            mounted = self.mount.current()
            if self._last_done > asked and self._follows_feed(mounted):
                return True
            self._rounds += 1
            if not self._follows_feed(mounted):
                return False
            end = await mounted.feed_position()
            told: Told = {}
            if self._position is not None and end != self._position:
                since = await mounted.told_since(self._position, end)
                if since is None:
                    self._position = None
                    return False
                told, end = since
            made = frozenset(each for each, what in told.items() if what == {MADE}) - self._unsettled
            seen = frozenset(each for each in made if self._is_published(each))
            changed = (told.keys() | self._unsettled) - seen
            await self._look_again(mounted, self._found, told=changed, made=made)
            self._position, self._last_done = end, self._rounds
            return True

    async def _list(self) -> None:
        """A listing of the root, and a look at what it shows new and at what it misses."""
        self._lists_begun += 1
        begun = self._lists_begun
        mounted = self.mount.current()
        before = await mounted.feed_position()
        there = await mounted.ids_in_root()
        if self._follows_feed(mounted):
            # Answers go on meanwhile: a look that began before one of theirs must not replace it.
            self._found |= there ^ self._seen.keys()
            if not await self._refreshed():
                self._wanted.set()  # the feed or the mount is another one by now: everything is listed anew
                return
        else:
            there |= await mounted.named_ids(there)
            await self._look_again(mounted, (), told=there.union(self._seen))
            async with self._refreshing:
                self._mounted, self._position = mounted, before
        self._last_complete = begun
        self._end_list()

    def _end_list(self) -> None:
        self._ended.set()
        self._ended = anyio.Event()

    def _follows_feed(self, mounted: ProvenMount) -> bool:
        """Whether memory is a whole list of that mount, and there is a feed that tells of changes since."""
        return mounted is self._mounted and self._position is not None and self._position != NOWHERE

    def _is_published(self, volume_id: str) -> bool:
        return volume_id in self._seen and self._seen[volume_id].state is State.VOLUME

    async def _look_again(
        self,
        mounted: ProvenMount,
        found: Iterable[str],
        *,
        told: AbstractSet[str],
        made: frozenset[str] = frozenset(),
    ) -> None:
        """A look at each. What is locked may change right after: it is looked at again the next time.

        told: those whose line in the feed may have been read already; it came before what it tells of. made: of
        those, the ones of which it told nothing but that: once they are volumes, the next change has a line of
        its own, whoever has a lock.
        """
        ids = sorted({*told, *found})
        for start in range(0, len(ids), _LOOKS_AT_ONCE):
            part = ids[start : start + _LOOKS_AT_ONCE]
            busy = await mounted.held_ids(each for each in part if each not in made)
            for volume_id, observed in (await mounted.observe_many(part)).items():
                settled = observed.state is State.VOLUME if volume_id in made else observed.state in _SETTLED
                self._keep(observed)
                for each in (self._found, self._unsettled, self._being_made):
                    each.discard(volume_id)
                if observed.state is State.BEING_MADE and volume_id not in told:
                    self._being_made.add(volume_id)
                elif observed.state is not State.ABSENT and (volume_id in busy or not settled):
                    self._unsettled.add(volume_id)

    def _keep(self, observed: Observed) -> None:
        if observed.state is State.ABSENT:
            self._seen.pop(observed.volume_id, None)
        else:
            self._seen[observed.volume_id] = observed
        place = bisect_left(self._listed, observed.volume_id)
        was_listed = self._listed[place : place + 1] == [observed.volume_id]
        if was_listed and observed.state not in LISTED:
            del self._listed[place]
        elif not was_listed and observed.state in LISTED:
            self._listed.insert(place, observed.volume_id)


def _is_made(observed: Observed) -> bool:
    return observed.state is not State.BEING_MADE


def _counted_bytes(observed: Observed) -> int:
    """What that volume counts in the sum of limits."""
    if observed.record is None:
        return observed.limit_bytes or 0
    made = observed.state in LISTED | DELETED or observed.limit_bytes is not None
    return observed.record.size_bytes if made else 0
