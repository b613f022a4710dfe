"""The locks of one mount as coroutines: tried and held in threads, never by the event loop."""

from functools import partial

import anyio

from piragua.errors import Conflict, MountError, MountTimeout
from piragua.tree.locking import locks
from piragua.tree.threads import FileThreads

_FIRST_PAUSE_SECONDS = 0.005
_LONGEST_PAUSE_SECONDS = 0.1


class AsyncLock:
    """A lock that is held. where names the mount in errors."""

    def __init__(self, threads: FileThreads, where: str, held: locks.HeldLock) -> None:
        self._threads = threads
        self._where = where
        self._held = held

    async def require(self) -> None:
        """Asks for it once more, before a step that cannot be undone; Conflict when it was lost. MountError."""
        await self._threads.run(self._where, self.require_here)

    def require_here(self) -> None:
        """The same, for a thread that makes file calls."""
        if not self._held.still_held():
            raise Conflict("the lock was lost while the work was under way")

    async def release(self) -> None:
        """Frees it; also when the caller is being cancelled. A mount that is gone has freed it already."""
        with anyio.CancelScope(shield=True):
            try:
                await self._threads.run(self._where, self._held.release)
            except MountError:  # it hangs, or was not even tried: a lock must not stay behind
                self._held.release_later()

    def release_later(self) -> None:
        """Frees it in the background, as soon as the mount answers; returns at once."""
        self._held.release_later()


class AsyncLocks:
    """Takes them, by the offset that `locks` gives.

    where: names the mount in errors. wait_threads: for waits for the quota lock, which another instance may hold
    for minutes while the mount works.
    """

    def __init__(
        self, lock_file: locks.Locks, where: str, threads: FileThreads, wait_threads: FileThreads
    ) -> None:
        self._lock_file = lock_file
        self._where = where
        self._threads = threads
        self._wait_threads = wait_threads

    async def take(self, offset: int, timeout_seconds: float, refusal: str, *, shared: bool = False) -> AsyncLock:
        """That lock, tried again and again; Conflict with the refusal when it stays another's. MountError."""
        deadline = anyio.current_time() + timeout_seconds
        pause_seconds = _FIRST_PAUSE_SECONDS
        while True:
            try_lock = partial(self._lock_file.try_lock, offset, shared=shared)
            held = await self._threads.run(self._where, try_lock, unwanted=_release_unwanted)
            if held is not None:
                return AsyncLock(self._threads, self._where, held)
            if anyio.current_time() + pause_seconds > deadline:
                raise Conflict(refusal)
            await anyio.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)

    async def wait_for_quota(self, timeout_seconds: float) -> AsyncLock:
        """The quota lock, in order of arrival; Conflict when it does not come. MountError.

        One blocking wait in a thread; if nobody waits for it any more, it gives the lock back.
        """
        wait = partial(self._lock_file.wait, locks.QUOTA)
        try:
            held = await self._wait_threads.run(
                self._where, wait, timeout_seconds=timeout_seconds, unwanted=locks.HeldLock.release_later
            )
        except MountTimeout:
            raise Conflict(
                f"the turn for quota commands did not come within {timeout_seconds:g} s: another instance has it"
            ) from None
        return AsyncLock(self._threads, self._where, held)


def _release_unwanted(held: locks.HeldLock | None) -> None:
    if held is not None:
        held.release_later()
