"""A lock in this process: urgent work gets it before the rest, each in order of arrival."""

from collections import deque

import anyio

_URGENT_IN_A_ROW = 8
"""So often the rest is passed over; then one of it gets the lock."""


class FairLock:
    """One holder at a time. A waiter costs an event; who is cancelled leaves the queue."""

    def __init__(self) -> None:
        self._urgent: deque[anyio.Event] = deque()
        self._rest: deque[anyio.Event] = deque()
        self._urgent_in_a_row = 0
        self.held = False

    @property
    def awaited(self) -> bool:
        """Whether somebody waits for it."""
        return bool(self._urgent or self._rest)

    async def take(self, *, urgent: bool) -> None:
        """Waits until it is ours, up to `release`."""
        if not self.held:
            self.held = True
            return
        queue = self._urgent if urgent else self._rest
        ours = anyio.Event()
        queue.append(ours)
        try:
            await ours.wait()
        except BaseException:
            if ours.is_set():
                self.release()
            else:
                queue.remove(ours)
            raise

    def release(self) -> None:
        """The next one has it."""
        if not self.awaited:
            self.held = False
            return
        rest_is_due = self._urgent_in_a_row >= _URGENT_IN_A_ROW or not self._urgent
        if self._rest and rest_is_due:
            self._urgent_in_a_row = 0
            self._rest.popleft().set()
        else:
            self._urgent_in_a_row += 1
            self._urgent.popleft().set()
