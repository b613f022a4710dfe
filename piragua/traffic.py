"""Whether volumes are being made or changed just now, for work in the background that leaves them the bricks."""

import anyio

from piragua.tree.feed import Position
from piragua.tree.mounted import Mounted

_LASTS_SECONDS = 2
"""So long after a change to any volume, the next one is expected."""


class Traffic:
    """Of one Gluster volume, by all instances: the change feed tells of them."""

    def __init__(self) -> None:
        self._feed_end: Position | None = None
        self._until = float("-inf")

    async def flows(self, mounted: Mounted) -> bool:
        """Whether the feed grew since this was last asked, or little before; asked now and then. MountError."""
        end = await mounted.feed_position()
        if self._feed_end not in (None, end):
            self._until = anyio.current_time() + _LASTS_SECONDS
        self._feed_end = end
        return anyio.current_time() < self._until
