"""The volumes that wait to be purged here, and when the time of each has come."""

from collections.abc import Set

import anyio

_LONGEST_PAUSE_SECONDS = 300
_LONGEST_WAIT_SECONDS = 86400


class WaitingPurges:
    """By id. pause_seconds: how long to leave alone what cannot be purged now, doubled each time."""

    def __init__(self, pause_seconds: float) -> None:
        self._pause_seconds = pause_seconds
        self._due: dict[str, float] = {}
        self._pauses: dict[str, float] = {}
        self._changed = anyio.Event()

    def __len__(self) -> int:
        """All of them."""
        return len(self._due)

    @property
    def ready(self) -> int:
        """Those whose time has come."""
        now = anyio.current_time()
        return sum(at <= now for at in self._due.values())

    def put_off(self, but: Set[str] = frozenset()) -> int:
        """How many were tried in vain, also while they are tried again; but: those that do not count."""
        return len(self._pauses.keys() - but)

    def is_put_off(self, volume_id: str) -> bool:
        """Whether that one was tried in vain."""
        return volume_id in self._pauses

    @property
    def fresh(self) -> int:
        """Those whose time has come and that were not tried in vain."""
        now = anyio.current_time()
        return sum(at <= now and each not in self._pauses for each, at in self._due.items())

    def add(self, volume_id: str) -> None:
        """Its time has come. What was put off keeps its turn."""
        if volume_id not in self._pauses:
            now = anyio.current_time()
            self._due[volume_id] = min(self._due.get(volume_id, now), now)
            self.wake()

    def add_behind(self, volume_id: str) -> None:
        """Its time has come, after all others whose time has come."""
        self._due[volume_id] = anyio.current_time()
        self.wake()

    def add_later(self, volume_id: str, seconds: float) -> None:
        """Its time comes after so long, or is asked for again after a day."""
        self._due[volume_id] = anyio.current_time() + min(max(seconds, 0), _LONGEST_WAIT_SECONDS)
        self.wake()

    def add_put_off(self, volume_id: str, *, pause_seconds: float | None = None) -> None:
        """It was tried in vain. pause_seconds: until the next time, where that is known."""
        if pause_seconds is None:
            before = self._pauses.get(volume_id)
            doubled = self._pause_seconds if before is None else 2 * before
            pause_seconds = min(doubled, _LONGEST_PAUSE_SECONDS)
        self._pauses[volume_id] = pause_seconds
        self._due[volume_id] = anyio.current_time() + pause_seconds
        self.wake()

    def put_off_no_more(self, volume_id: str) -> None:
        """As if it had not been tried in vain; when it is due, if it is, stays as it is."""
        self._pauses.pop(volume_id, None)

    def wake(self) -> None:
        """Whoever waits for a change looks again."""
        self._changed.set()
        self._changed = anyio.Event()

    async def change(self) -> None:
        """Returns when something has changed."""
        await self._changed.wait()

    async def next(self) -> str:
        """Waits for the one whose time comes first, and takes it out."""
        while True:
            now = anyio.current_time()
            first = min(self._due, key=self._due.__getitem__, default=None)
            if first is not None and self._due[first] <= now:
                del self._due[first]
                return first
            with anyio.move_on_after(None if first is None else self._due[first] - now):
                await self._changed.wait()
