"""Whether volumes are being made or changed just now, for work in the background that leaves them the bricks."""

import anyio

from piragua.tree.own_files.feed import PURGED, PURGING, Position
from piragua.tree.proven_mount import ProvenMount

_LASTS_SECONDS = 2
"""So long after a change to any volume, the next one is expected."""
_LONGEST_REST_SECONDS = 5


class Throttle:
    """Of one Gluster volume, by all instances: the change feed tells of them. Purges do not count."""

    def __init__(self) -> None:
        self._read: Position | None = None
        self._until = float("-inf")

    async def is_needed(self, mounted: ProvenMount) -> bool:
        """Whether the feed has told of a change since this was last asked, or little before. MountError."""
        end = await mounted.feed_position()
        if self._read is not None and await self._changed(mounted, self._read, end):
            self._until = anyio.current_time() + _LASTS_SECONDS
        self._read = end
        return anyio.current_time() < self._until

    async def rest(self, mounted: ProvenMount, seconds: float) -> None:
        """Sleeps so long, or 5 s, while it is needed. MountError."""
        if await self.is_needed(mounted):
            await anyio.sleep(min(seconds, _LONGEST_REST_SECONDS))

    @staticmethod
    async def _changed(mounted: ProvenMount, read: Position, end: Position) -> bool:
        if end == read:
            return False
        lines = await mounted.feed_lines_since(read, end)
        return lines is None or any(not line.endswith((f" {PURGING}", f" {PURGED}")) for line in lines)
