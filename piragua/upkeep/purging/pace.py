"""How purging leaves the bricks to requests."""

import math
from contextlib import suppress

from piragua.errors import MountError
from piragua.tree.mount import Mount
from piragua.upkeep.purging.waiting import WaitingPurges
from piragua.upkeep.throttle import Throttle

_MANY_WAIT = 50


class Pace:
    """Of one Gluster volume. rests: while volumes are made and changed, by any instance, purging rests so many
    times as long as it works."""

    def __init__(self, mount: Mount, waiting: WaitingPurges, rests: float) -> None:
        self._mount = mount
        self._waiting = waiting
        self._rests = rests
        self._throttle = Throttle()

    async def rest(self, worked_seconds: float, *, longest_seconds: float = math.inf) -> None:
        """Rests after work, if there are requests and few volumes wait.

        A stream of deletes must not fill the trash for ever.
        """
        if self._waiting.ready >= _MANY_WAIT:
            return
        with suppress(MountError):  # the next purge says so
            await self._throttle.rest(self._mount.current(), min(self._rests * worked_seconds, longest_seconds))
