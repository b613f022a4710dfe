"""The lock for one quota command, in this process and across instances."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from piragua.errors import Conflict
from piragua.tree.locking.async_locks import AsyncLock, AsyncLocks
from piragua.tree.locking.fair_lock import FairLock

_COMMANDS_IN_A_ROW = 4
"""So many commands of this instance follow each other before another instance gets the lock."""


class QuotaLock:
    """Of one mount; everybody here has the same one."""

    def __init__(self, locks: AsyncLocks) -> None:
        self._locks = locks
        self._fair_lock = FairLock()
        self._lock: AsyncLock | None = None
        self._in_a_row = 0

    @asynccontextmanager
    async def held(self, *, queue_seconds: float, timeout_seconds: float, urgent: bool) -> AsyncIterator[None]:
        """It is ours inside, got here (queue_seconds) and across instances (timeout_seconds).

        In order of arrival, but what is not urgent is passed over for a while. Conflict when it does not come.
        """
        await self._take_fair_lock(queue_seconds, urgent)
        try:
            held = await self._lock_across_instances(timeout_seconds)
            try:
                yield
            finally:
                await self._end(held)
        finally:
            self._fair_lock.release()

    async def _take_fair_lock(self, queue_seconds: float, urgent: bool) -> None:
        try:
            with anyio.fail_after(queue_seconds):
                await self._fair_lock.take(urgent=urgent)
        except TimeoutError:
            raise Conflict("the queue for quota commands did not move in time") from None
        finally:
            if not self._fair_lock.held and self._lock is not None:  # it was left for us, who went away
                self._lock.release_later()
                self._lock = None

    async def _lock_across_instances(self, timeout_seconds: float) -> AsyncLock:
        """The lock that the command before has left held, or a new one."""
        left, self._lock = self._lock, None
        self._in_a_row = 0 if left is None else self._in_a_row + 1
        return left or await self._locks.wait_for_quota(timeout_seconds)

    async def _end(self, held: AsyncLock) -> None:
        """Leaves the lock to the next one here, which saves a file call and a wait, but not for long."""
        if self._fair_lock.awaited and self._in_a_row + 1 < _COMMANDS_IN_A_ROW:
            self._lock = held
        else:
            await held.release()
