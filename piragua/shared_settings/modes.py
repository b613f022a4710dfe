"""Which requests may change something: the mode that an administrator set, for all instances at once.

It is kept on every Gluster volume that is served, with a number: the one that was set last has the highest, and
counts everywhere. So it can be set while a Gluster volume is away, which learns of it when it is back.
"""

import asyncio
import json
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from piragua.errors import MountError, NotReady
from piragua.models import Mode
from piragua.tree.mount import Mount

_log = logging.getLogger(__name__)
MODE_KEY = "mode"
_STRICTEST_LAST = list(Mode)


@dataclass(frozen=True)
class SetMode:
    """A mode as it was set. number: the higher, the later; seconds since 1970 where no other was higher."""

    mode: Mode
    number: float = 0

    @property
    def rank(self) -> tuple[float, int]:
        """Of several the highest counts: the latest, and of those that were set at once the strictest."""
        return self.number, _STRICTEST_LAST.index(self.mode)

    def encode(self) -> bytes:
        """As it is kept."""
        return json.dumps({"state": self.mode.value, "number": self.number}).encode()


NEVER_SET = SetMode(Mode.NORMAL)
_UNREADABLE = SetMode(Mode.READ_ONLY, math.inf)
"""Written by a stranger, or a later version: then nothing is changed until it is set anew."""


class Modes:
    """The mode of all instances on these mounts.

    read_timeout_seconds: how long a mount may take to tell. clock: seconds since 1970.
    """

    def __init__(
        self,
        mounts: Sequence[Mount],
        *,
        read_timeout_seconds: float = 3,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._mounts = list(mounts)
        self._read_timeout_seconds = read_timeout_seconds
        self._clock = clock
        self._last: dict[str, SetMode] = {}

    async def current(self) -> Mode:
        """The one that was set last. A Gluster volume that is away counts with what was last read there.

        One that was away when it was set is told now. NotReady while none could be read yet, since that
        somebody set "read-only" cannot be excluded.
        """
        newest, late = await self._observe()
        if not self._last:
            raise NotReady("the mode is not known yet: no Gluster volume can be reached")
        if late and newest is not _UNREADABLE:
            await asyncio.gather(*(self._set(mount, newest) for mount in late))
        return newest.mode

    async def set(self, mode: Mode) -> None:
        """That mode, for every instance: on all Gluster volumes that can be reached. MountError if none can."""
        await self._observe()
        latest = max((each.number for each in self._last.values() if each is not _UNREADABLE), default=0)
        wanted = SetMode(mode, max(int(latest) + 1, int(self._clock())))
        failures = await asyncio.gather(*(self._set(mount, wanted) for mount in self._mounts))
        refused = [failure for failure in failures if failure is not None]
        if len(refused) == len(self._mounts):
            raise refused[0]
        # Also where it is not kept yet: nobody is to go by what was read there before.
        self._last = {mount.gluster_volume: wanted for mount in self._mounts}
        for failure in refused:
            _log.warning("the mode %s is not kept everywhere yet: %s", mode.value, failure)

    async def _observe(self) -> tuple[SetMode, list[Mount]]:
        """The mode that counts, and the mounts that can be reached and have another."""
        found = await asyncio.gather(*(self._read(mount) for mount in self._mounts))
        newest = max(self._last.values(), key=lambda each: each.rank, default=NEVER_SET)
        there = zip(self._mounts, found, strict=True)
        return newest, [mount for mount, each in there if each is not None and each.rank < newest.rank]

    async def _read(self, mount: Mount) -> SetMode | None:
        """What is set there; None while that cannot be read."""
        name = mount.gluster_volume
        try:
            data = await mount.current().setting(MODE_KEY, timeout_seconds=self._read_timeout_seconds)
        except MountError as error:
            _log.debug("the mode on %s cannot be read: %s", name, error)
            return None
        self._last[name] = _decoded(data, name)
        return self._last[name]

    async def _set(self, mount: Mount, wanted: SetMode) -> MountError | None:
        """Keeps it there; what kept it from that."""
        try:
            await mount.current().set(MODE_KEY, wanted.encode())
        except MountError as error:
            return error
        self._last[mount.gluster_volume] = wanted
        return None


def _decoded(data: bytes | None, gluster_volume: str) -> SetMode:
    if data is None:
        return NEVER_SET
    found = decode_mode(data)
    if found is None:
        _log.error("the mode on %s cannot be read: read-only until it is set anew", gluster_volume)
        return _UNREADABLE
    return found


def decode_mode(data: bytes) -> SetMode | None:
    """What is kept; None for what cannot be read. One without a number is older than all that have one."""
    try:
        fields = json.loads(data)
        number = fields.get("number", 0)
        if type(number) is not int or number < 0:
            return None
        return SetMode(Mode(fields["state"]), number)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
