"""The turn for one quota command, in this process and across instances."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from piragua.errors import Conflict
from piragua.tree.locking.async_locks import AsyncLock, AsyncLocks
from piragua.tree.locking.fair_lock import FairLock

_TURNS_IN_A_ROW = 4
"""So many commands of this instance follow each other before another instance gets its turn."""


class QuotaLock:
    """Of one mount; everybody here has the same one."""

    def __init__(self, locks: AsyncLocks) -> None:
        self._locks = locks
        self._fair_lock = FairLock()
        self._lock: AsyncLock | None = None
        self._in_a_row = 0

    @asynccontextmanager
    async def taken(self, *, queue_seconds: float, timeout_seconds: float, urgent: bool) -> AsyncIterator[None]:
        """It is ours inside, got here (queue_seconds) and across instances (timeout_seconds).

        In order of arrival, but what is not urgent is passed over for a while. Conflict when it does not come.
        """
        await self._take_turn(queue_seconds, urgent)
        try:
            held = await self._lock_of_turn(timeout_seconds)
            try:
                yield
            finally:
                await self._end(held)
        finally:
            self._fair_lock.give_back()

    async def _take_turn(self, queue_seconds: float, urgent: bool) -> None:
        try:
            with anyio.fail_after(queue_seconds):
                await self._fair_lock.take(urgent=urgent)
        except TimeoutError:
            raise Conflict("the queue for quota commands did not move in time") from None
        finally:
            if not self._fair_lock.taken and self._lock is not None:  # it was kept for us, who left
                self._lock.release_later()
                self._lock = None

    async def _lock_of_turn(self, timeout_seconds: float) -> AsyncLock:
        """The lock across instances: the one of the turn before, or a new one."""
        kept, self._lock = self._lock, None
        self._in_a_row = 0 if kept is None else self._in_a_row + 1
        return kept or await self._locks.wait_for_quota(timeout_seconds)

    async def _end(self, held: AsyncLock) -> None:
        """Keeps the lock for the next one here, which saves a file call and a wait, but not for long."""
        if self._fair_lock.awaited and self._in_a_row + 1 < _TURNS_IN_A_ROW:
            self._lock = held
        else:
            await held.release()
