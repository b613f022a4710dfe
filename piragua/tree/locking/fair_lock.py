"""Whose turn it is in this process: urgent work before the rest, each in order of arrival."""

from collections import deque

import anyio

_URGENT_IN_A_ROW = 8
"""So often the rest is passed over; then one of it gets its turn."""


class FairLock:
    """One turn at a time. A waiter costs an event; who is cancelled leaves the queue."""

    def __init__(self) -> None:
        self._urgent: deque[anyio.Event] = deque()
        self._rest: deque[anyio.Event] = deque()
        self._urgent_in_a_row = 0
        self.taken = False

    @property
    def awaited(self) -> bool:
        """Whether somebody waits for the next one."""
        return bool(self._urgent or self._rest)

    async def take(self, *, urgent: bool) -> None:
        """Waits for a turn, which ends with `give_back`."""
        if not self.taken:
            self.taken = True
            return
        queue = self._urgent if urgent else self._rest
        ours = anyio.Event()
        queue.append(ours)
        try:
            await ours.wait()
        except BaseException:
            if ours.is_set():
                self.give_back()
            else:
                queue.remove(ours)
            raise

    def give_back(self) -> None:
        """The next one's turn begins."""
        if not self.awaited:
            self.taken = False
            return
        rest_is_due = self._urgent_in_a_row >= _URGENT_IN_A_ROW or not self._urgent
        if self._rest and rest_is_due:
            self._urgent_in_a_row = 0
            self._rest.popleft().set()
        else:
            self._urgent_in_a_row += 1
            self._urgent.popleft().set()
