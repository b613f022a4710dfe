"""Which requests may change something: the mode that an administrator set, for all instances at once.

It is kept on every Gluster volume that is served. Where they differ the strictest counts.
"""

import asyncio
import json
import logging
from collections.abc import Sequence

from piragua.errors import MountError
from piragua.models import Mode
from piragua.tree.mount import Mount

_log = logging.getLogger(__name__)
_KEY = "mode"
_STRICTEST_LAST = list(Mode)


class Modes:
    """The mode of all instances on these mounts. read_timeout_seconds: how long a mount may take to tell."""

    def __init__(self, mounts: Sequence[Mount], *, read_timeout_seconds: float = 3) -> None:
        self._mounts = list(mounts)
        self._read_timeout_seconds = read_timeout_seconds
        self._last: dict[str, Mode] = {}

    async def current(self) -> Mode:
        """The strictest that is set. A Gluster volume that is away counts with what was last read there."""
        modes = await asyncio.gather(*(self._of(mount) for mount in self._mounts))
        return max(modes, key=_STRICTEST_LAST.index, default=Mode.NORMAL)

    async def set(self, mode: Mode) -> None:
        """That mode on every Gluster volume; nothing is changed while one is away. MountError."""
        everywhere = [mount.current() for mount in self._mounts]
        data = json.dumps({"state": mode.value}).encode()
        for mounted in everywhere:
            await mounted.set(_KEY, data)
            self._last[mounted.gluster_volume] = mode

    async def _of(self, mount: Mount) -> Mode:
        name = mount.gluster_volume
        try:
            data = await mount.current().setting(_KEY, timeout_seconds=self._read_timeout_seconds)
        except MountError as error:
            _log.debug("the mode on %s cannot be read: %s", name, error)
            return self._last.get(name, Mode.NORMAL)
        self._last[name] = _decoded(data, name)
        return self._last[name]


def _decoded(data: bytes | None, gluster_volume: str) -> Mode:
    """What cannot be read was written by a stranger, or a later version: then nothing is changed."""
    if data is None:
        return Mode.NORMAL
    try:
        return Mode(json.loads(data)["state"])
    except (ValueError, TypeError, KeyError):
        _log.error("the mode on %s cannot be read: read-only until it is set anew", gluster_volume)
        return Mode.READ_ONLY
