"""One proven mount of a Gluster volume, for the core: every blocking function of this package as a coroutine.

An operation works with one of these from beginning to end. All methods raise MountError, and MountTimeout
when a file call hangs.
"""

import errno
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TypeVar

import anyio

from piragua.errors import Conflict, MountError, MountTimeout, NameInUse, PiraguaError
from piragua.tree import connections, counters, directories, layout
from piragua.tree.copying.copy import Copier, DataPath
from piragua.tree.counters import QuotaCount
from piragua.tree.handle import Handle
from piragua.tree.locking import locks
from piragua.tree.locking.async_locks import AsyncLock, AsyncLocks
from piragua.tree.locking.quota_lock import QuotaLock
from piragua.tree.own_files import feed, marks, numbered_files, small_files
from piragua.tree.own_files.numbered_files import NumberedFile
from piragua.tree.purge import DataPurge
from piragua.tree.record import Deletion, Record
from piragua.tree.states import Observed, State
from piragua.tree.threads import FileThreads

T = TypeVar("T")

_LOOKS_IN_ONE_CALL = 20
_FILES_IN_ONE_CALL = 200
_CALLS_AT_ONCE = 6


class ProvenMount:
    """The coroutines; `handle` is the proof that it is the right mount.

    limit_threads: for what asks for a limit, which hangs while quotad is dead; the rest must not wait for that.
    wait_threads: for waits for the quota lock, which another instance may hold for minutes while the mount works.
    """

    def __init__(
        self,
        handle: Handle,
        threads: FileThreads,
        limit_threads: FileThreads,
        wait_threads: FileThreads | None = None,
    ) -> None:
        self.handle = handle
        self._threads = threads
        self._limit_threads = limit_threads
        self._locks = locks.Locks(handle)
        async_locks = AsyncLocks(self._locks, handle.path, threads, wait_threads or threads)
        self._take, self._quota_lock = async_locks.take, QuotaLock(async_locks)

    @property
    def gluster_volume(self) -> str:
        """Its name."""
        return self.handle.gluster_volume

    async def set_up(self, *, timeout_seconds: float = 30) -> None:
        """Makes Piragua's own files on a Gluster volume that has none yet."""
        await self._run(partial(small_files.make_lock_file, self.handle))
        async with self._lock(locks.SETUP, timeout_seconds):
            await self._run(partial(small_files.set_up, self.handle))

    # Looking

    async def observe(self, volume_id: str) -> Observed:
        """One look at `/<id>`. An id that no listing, feed or answer has named must not be held by a maker."""
        observed = await self._run(partial(directories.observe_marks, self.handle, self._locks, volume_id))
        if observed is not None and observed.state is not State.BEING_MADE:
            return observed
        return await self._ask_limit(partial(directories.observe, self.handle, self._locks, volume_id))

    async def observe_inside(self, volume_id: str) -> Observed:
        """The same, with what lies in `/<id>` and its limit, whatever its state is."""
        return await self._ask_limit(partial(directories.observe_inside, self.handle, self._locks, volume_id))

    async def observe_made(self, volume_id: str, name: str, lock: AsyncLock) -> Observed:
        """A look, in one file call, at what is made under that lock; Conflict when the lock was lost."""
        return await self._ask_limit(partial(self._observe_made, volume_id, name, lock))

    def _observe_made(self, volume_id: str, name: str, lock: AsyncLock) -> Observed:
        lock.require_here()
        return directories.observe_made(self.handle, volume_id, name)

    async def observe_many(self, volume_ids: Iterable[str], *, limits: bool = False) -> dict[str, Observed]:
        """A look at each, some in every file call and some calls at once.

        limits: what is being made has its contents and its limit in it as well.
        """
        seen = dict[str, Observed]()

        async def look_at(part: list[str]) -> None:
            marked = await self._run(partial(self._observe_each, part, directories.observe_marks))
            seen.update({each: observed for each, observed in marked.items() if observed is not None})
            rest = [
                each
                for each, observed in marked.items()
                if observed is None or (limits and _is_being_made(observed))
            ]
            if rest:
                all_observed = await self._ask_limit(partial(self._observe_each, rest, directories.observe))
                seen.update({each: observed for each, observed in all_observed.items() if observed is not None})

        await self._in_parts(volume_ids, look_at)
        return seen

    async def held_ids(self, volume_ids: Iterable[str]) -> frozenset[str]:
        """Those that somebody works on."""
        held = set[str]()

        async def probe(part: list[str]) -> None:
            held.update(await self._run(partial(self._held_of, part)))

        await self._in_parts(volume_ids, probe)
        return frozenset(held)

    async def _in_parts(self, volume_ids: Iterable[str], work: Callable[[list[str]], Awaitable[None]]) -> None:
        ids = list(volume_ids)
        limiter = anyio.CapacityLimiter(_CALLS_AT_ONCE)

        async def limited(part: list[str]) -> None:
            async with limiter:
                await work(part)

        try:
            async with anyio.create_task_group() as group:
                for start in range(0, len(ids), _LOOKS_IN_ONE_CALL):
                    group.start_soon(limited, ids[start : start + _LOOKS_IN_ONE_CALL])
        except* PiraguaError as several:
            raise several.exceptions[0] from several

    def _observe_each(
        self, volume_ids: list[str], observed: Callable[[Handle, locks.Locks, str], Observed | None]
    ) -> dict[str, Observed | None]:
        return {each: self._observe_one(each, observed) for each in volume_ids}

    def _observe_one(
        self, volume_id: str, observed: Callable[[Handle, locks.Locks, str], Observed | None]
    ) -> Observed | None:
        """A look; a directory that only gives EIO, as a split-brain does, is unclear and holds up no others."""
        try:
            return observed(self.handle, self._locks, volume_id)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return Observed(volume_id, deletion_unreadable="it cannot be read: input/output error")

    def _held_of(self, volume_ids: list[str]) -> list[str]:
        return [each for each in volume_ids if self._locks.is_held(locks.id_offset(each))]

    async def ids_in_root(self) -> frozenset[str]:
        """Ids of all directories in the root whose name is a UUID."""
        names = await self._run(self.handle.entries)
        return frozenset(each for each in map(layout.id_of, names) if each is not None)

    async def named_ids(self, known: frozenset[str], *, timeout_seconds: float = 60) -> frozenset[str]:
        """Ids that have a name, those of known left out where they are the name."""
        call = partial(small_files.named_ids, self.handle, known)
        return await self._run(call, timeout_seconds=timeout_seconds)

    async def limit(self, volume_id: str) -> int | None:
        """The limit on `/<id>` in bytes; None: none of its own, or it is not there."""
        try:
            return await self._ask_limit(partial(directories.limit, self.handle, volume_id))
        except MountError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise

    async def size_bytes(self) -> int:
        """The size of the whole Gluster volume."""
        return await self._run(partial(directories.size_bytes, self.handle.fd))

    async def free_bytes(self) -> int:
        """What is free on the whole Gluster volume."""
        return await self._run(partial(directories.free_bytes, self.handle.fd))

    async def used_bytes(self, volume_id: str, *, timeout_seconds: float) -> int:
        """What `/<id>` holds, counted file by file: for an original without a limit."""
        call = partial(directories.used_bytes, self.handle, volume_id, timeout_seconds)
        return await self._run(call, timeout_seconds=timeout_seconds + 1)

    async def counted(self, volume_ids: Iterable[str]) -> dict[str, QuotaCount]:
        """What quota counts in each, in one file call, through a mount for counting; of those that it counts."""
        return await self._run(partial(counters.read_all, self.handle, list(volume_ids)))

    async def gfid(self, volume_id: str) -> str:
        """Gluster's own id of `/<id>`: 32 hex digits."""
        return await self._run(partial(directories.gfid, self.handle, volume_id))

    async def lookup(self, volume_id: str) -> bool:
        """Looks up the directory and what lies in it, which makes both on new bricks; False if absent."""
        return await self._run(partial(directories.lookup, self.handle, volume_id))

    async def has_lost_modes(self, volume_id: str, name: str) -> bool:
        """Whether Gluster took owner and mode from the directory or from its data directory."""
        return await self._run(partial(directories.has_lost_modes, self.handle, volume_id, name))

    async def give_back_modes(self, volume_id: str, record: Record) -> None:
        """Owner and mode as a create sets them, where they were lost."""
        await self._run(partial(directories.give_back_modes, self.handle, volume_id, record))

    async def brick_count(self) -> int:
        """How many bricks this client knows, connected or not."""
        return len(await self._run(partial(connections.bricks, self.handle)))

    async def disconnected_bricks(self) -> list[str]:
        """Bricks that this client has no connection to, by the name of their client translator."""
        return await self._run(partial(connections.disconnected, self.handle))

    # Changing

    async def make(self, volume_id: str, record: Record) -> None:
        """`/<id>`, its record, and the data directory with its owner and mode; nothing is published."""
        await self._run(partial(directories.make, self.handle, volume_id, record))

    async def publish(self, volume_id: str, name: str) -> None:
        """Name, feed line, mark. NameInUse when another volume has the name."""
        if await self._run(partial(self._publish, volume_id, name)) != volume_id:
            raise NameInUse(name)

    def _publish(self, volume_id: str, name: str) -> str:
        holder = small_files.claim_name(self.handle, name, volume_id)
        if holder == volume_id:
            feed.append(self.handle, volume_id, feed.MADE)
            directories.mark_published(self.handle, volume_id)
        return holder

    async def mark_published(self, volume_id: str) -> None:
        """The mark alone: for an original that is changed for the first time, and for one that has lost it."""
        await self._run(partial(directories.mark_published, self.handle, volume_id))

    async def write_record(self, volume_id: str, record: Record) -> None:
        """Says so in the feed and replaces the record. Who reads that line looks again until the lock is free."""
        await self.tell(volume_id, "changed")
        await self._run(partial(directories.write_record, self.handle, volume_id, record))

    async def remove_empty_data(self, volume_id: str, name: str) -> None:
        """Removes the data directory of a create that was given up; MountError if there is anything in it."""
        await self._run(partial(directories.remove_empty_data, self.handle, volume_id, name))

    async def mark_deleted(self, volume_id: str, deletion: Deletion) -> None:
        """Feed line, then the mark: from then on the volume is deleted for every client."""

        def mark() -> None:
            feed.append(self.handle, volume_id, feed.PURGING if deletion.purging else "deleted")
            directories.mark_deleted(self.handle, volume_id, deletion)

        await self._run(mark)

    async def open_again(self, volume_id: str) -> None:
        """The mode of a volume, where one says "deleted"."""
        await self._run(partial(directories.open_again, self.handle, volume_id))

    async def unmark_deleted(self, volume_id: str) -> None:
        """Empties the mark: from then on the volume is there for every client. `tell` comes before."""
        await self._run(partial(directories.unmark_deleted, self.handle, volume_id))

    async def tell(self, volume_id: str, what: str) -> None:
        """A line in the feed, readable for all when this returns."""
        await self._run(partial(feed.append, self.handle, volume_id, what))

    async def write_tombstone(self, volume_id: str) -> None:
        """Remembers that the volume was purged, for when a returning brick brings it back."""
        await self._run(partial(small_files.write_tombstone, self.handle, volume_id))

    async def has_tombstone(self, volume_id: str) -> bool:
        """Whether the volume was purged; the directory itself is not looked up."""
        return await self._run(partial(directories.has_tombstone, self.handle, volume_id))

    async def forget(self, volume_id: str) -> None:
        """Removes an emptied `/<id>` with its record; its limit is off."""
        await self._run(partial(directories.forget, self.handle, volume_id))

    def copier(self, source: DataPath, target: DataPath) -> Copier:
        """What copies one data directory into another, new one; its `work` goes through `blocking`."""
        return Copier(self.handle, source, target)

    def data_purge(self, volume_id: str) -> DataPurge:
        """What removes all that is in `/<id>`; its `work` goes through `blocking`."""
        return DataPurge(self.handle, volume_id)

    async def blocking(self, call: Callable[[], T], *, timeout_seconds: float | None = None) -> T:
        """Runs a blocking function of this package in a thread, with the deadline of file calls."""
        return await self._run(call, timeout_seconds=timeout_seconds)

    # Names and failures

    async def holder_of(self, name: str) -> str | None:
        """The id in the file of that name; "" when it holds none, None without a file."""
        return await self._run(partial(small_files.holder_of, self.handle, name))

    async def claim_name(self, name: str, volume_id: str) -> None:
        """That id has the name from then on. NameInUse when another has it."""
        if await self._run(partial(small_files.claim_name, self.handle, name, volume_id)) != volume_id:
            raise NameInUse(name)

    async def release_name(self, name: str, volume_id: str) -> None:
        """Frees the name, if that id still has it."""
        await self._run(partial(small_files.release_name, self.handle, name, volume_id))

    async def write_failure(self, nonce: str, text: str) -> None:
        """Keeps why an operation failed."""
        await self._run(partial(small_files.write_failure, self.handle, nonce, text))

    async def read_failure(self, nonce: str) -> str | None:
        """Why that operation failed; None if nothing is kept."""
        return await self._run(partial(small_files.read_failure, self.handle, nonce))

    async def remove_old_files(
        self, folder: str, *, older_than_seconds: float, now_seconds: float, but: Collection[str] = ()
    ) -> int:
        """Removes old files of a folder of ours (`layout.TOMBSTONES`, `layout.FAILURES`); how many.

        but: names of those that stay. Some in every file call: after a month of many deletes, one call for all
        would be taken for one that hangs.
        """
        there = await self._run(partial(small_files.names_in, self.handle, folder))
        names = [name for name in there if name not in but]
        removed = 0
        for start in range(0, len(names), _FILES_IN_ONE_CALL):
            call = partial(
                small_files.remove_old_files,
                self.handle,
                folder,
                names[start : start + _FILES_IN_ONE_CALL],
                older_than_seconds=older_than_seconds,
                now_seconds=now_seconds,
            )
            removed += await self._run(call)
        return removed

    # What all instances share: short settings, and numbered files in folders of ours (`layout.TAGS`, `INSTANCES`)

    async def setting(self, key: str, *, timeout_seconds: float | None = None) -> bytes | None:
        """What was set; None where nothing was."""
        return await self._run(partial(marks.read, self.handle, key), timeout_seconds=timeout_seconds)

    async def set(self, key: str, data: bytes) -> None:
        """Sets it, below 1 KiB, for all instances from now on."""
        await self._run(partial(marks.write, self.handle, key, data))

    async def read_files(self, folder: str, keys: Iterable[str] | None = None) -> dict[str, bytes]:
        """What is in that folder, by key; of all keys, or of those."""
        return await self._run(partial(numbered_files.read_folder, self.handle, folder, keys))

    async def file_numbers(self, folder: str) -> dict[str, int]:
        """By key, a number that every change raises: one listing."""
        return await self._run(partial(numbered_files.numbers, self.handle, folder))

    async def read_numbered_files(self, folder: str) -> dict[str, NumberedFile]:
        """All that is in that folder, by key, with its numbers."""
        return await self._run(partial(numbered_files.read_numbered, self.handle, folder))

    async def change_tags(
        self, key: str, change: Callable[[bytes | None], bytes], *, timeout_seconds: float = 10
    ) -> bytes:
        """Replaces tags by what change makes of them, one line, and gives that; Conflict when others are at it."""
        async with self._lock(locks.TAGS, timeout_seconds) as lock:
            data = change(await self._run(partial(numbered_files.read, self.handle, layout.TAGS, key)))
            await lock.require()
            await self.write_file(layout.TAGS, key, data)
        return data

    async def write_file(self, folder: str, key: str, data: bytes) -> None:
        """Writes data, one line, under a key that nobody else writes."""
        await self._run(partial(numbered_files.replace, self.handle, folder, key, data))

    async def remove_file(self, folder: str, key: str) -> None:
        """Removes what is under a key that nobody else writes."""
        await self._run(partial(numbered_files.remove, self.handle, folder, key))

    # The feed

    async def feed_position(self) -> feed.Position:
        """Where the feed ends now."""
        return await self._run(partial(feed.position, self.handle))

    async def told_since(self, read: feed.Position, end: feed.Position) -> tuple[feed.Told, feed.Position] | None:
        """What the feed tells between the two; None when everything has to be listed."""
        return await self._run(partial(feed.told_since, self.handle, read, end))

    async def feed_lines_since(self, read: feed.Position, end: feed.Position) -> list[str] | None:
        """The feed's lines between the two; None when it is another file by now."""
        found = await self._run(partial(feed.lines_since, self.handle, read, end))
        return None if found is None else found[0]

    # Locks

    async def take_id(self, volume_id: str, *, timeout_seconds: float) -> AsyncLock:
        """The lock of a volume; Conflict when somebody else works on it for that long."""
        return await self._take(
            locks.id_offset(volume_id), timeout_seconds, "another operation works on this volume"
        )

    async def take_name(self, name: str, *, timeout_seconds: float) -> AsyncLock:
        """The lock of a name; NameInUse when somebody else holds it for that long."""
        try:
            return await self._take(locks.name_offset(name), timeout_seconds, name)
        except Conflict:
            raise NameInUse(name) from None

    async def take_operation(self, nonce: str) -> AsyncLock:
        """The lock of an operation, which its owner holds until the end."""
        return await self._take(locks.operation_offset(nonce), 0, "an operation with this nonce runs already")

    async def take_reading(self, volume_id: str, *, timeout_seconds: float) -> AsyncLock:
        """The lock of whoever reads a volume's data, which many can hold; Conflict while it is purged."""
        offset = locks.reading_offset(volume_id)
        return await self._take(offset, timeout_seconds, "the volume is being purged", shared=True)

    async def take_unread(self, volume_id: str) -> AsyncLock:
        """The lock of whoever purges a volume; Conflict while its data is read."""
        return await self._take(locks.reading_offset(volume_id), 0, "a clone reads this volume")

    async def id_is_held(self, volume_id: str) -> bool:
        """Whether anybody works on that volume."""
        return await self._run(partial(self._locks.is_held, locks.id_offset(volume_id)))

    async def operation_is_held(self, nonce: str) -> bool:
        """Whether the owner of that operation is at work."""
        return await self._run(partial(self._locks.is_held, locks.operation_offset(nonce)))

    async def held_operations(self, nonces: Iterable[str]) -> frozenset[str]:
        """Those whose owner is at work."""
        asked = list(nonces)

        def held() -> list[str]:
            return [each for each in asked if self._locks.is_held(locks.operation_offset(each))]

        return frozenset(await self._run(held))

    def quota_lock(
        self, *, queue_seconds: float, timeout_seconds: float, urgent: bool = True
    ) -> AbstractAsyncContextManager[None]:
        """The lock for one quota command, here (queue_seconds) and across instances (timeout_seconds).

        In order of arrival, but what is not urgent is passed over for a while. Conflict when it does not come.
        """
        return self._quota_lock.held(queue_seconds=queue_seconds, timeout_seconds=timeout_seconds, urgent=urgent)

    @asynccontextmanager
    async def _lock(self, offset: int, timeout_seconds: float) -> AsyncIterator[AsyncLock]:
        held = await self._take(offset, timeout_seconds, "another instance holds the lock")
        try:
            yield held
        finally:
            await held.release()

    async def _run(self, call: Callable[[], T], *, timeout_seconds: float | None = None) -> T:
        return await self._threads.run(self.handle.path, call, timeout_seconds=timeout_seconds)

    async def _ask_limit(self, call: Callable[[], T]) -> T:
        """Of what asks for a limit. It must not go on among the rest: some of it can hang for a minute."""
        try:
            return await self._limit_threads.run(self.handle.path, call)
        except MountTimeout as error:
            reason = str(error).removeprefix(f"{self.handle.path}: ")
            raise MountTimeout(self.handle.path, 0, f"{reason}; {limits_hang(self.gluster_volume)}") from error


def limits_hang(gluster_volume: str) -> str:
    """What a limit that cannot be read points to (glusterfs 10.3: statvfs hangs for a minute then)."""
    return f"limits cannot be read, as while a quotad is dead: gluster volume start {gluster_volume} force"


def _is_being_made(observed: Observed) -> bool:
    return observed.state is State.BEING_MADE
