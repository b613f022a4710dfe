"""What a volume holds and may hold, as quota counts it on the bricks. Every function blocks.

The counters are there for whoever has mounted the Gluster volume for counting (`mounts.COUNTING_PID`). To read
them costs the same however much a volume holds; they are not clamped at the limit, and need no quota daemon
(glusterfs 10.3).
"""

import errno
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from piragua.tree import xattrs
from piragua.tree.handle import Handle, by_descriptor

_SIZE_XATTR = "trusted.glusterfs.quota.size"
_LIMIT_XATTR = "trusted.glusterfs.quota.limit-set"
_SIZE = struct.Struct(">qqq")  # bytes, files, directories
_LIMIT = struct.Struct(">qq")  # bytes, percent: below 0 it is the one that the Gluster volume has for all
_NOT_THERE = (errno.ENOENT, errno.ESTALE, errno.ENODATA, errno.ENOTDIR)


@dataclass(frozen=True)
class QuotaCount:
    """What quota counts below `/<id>`, which is one of the directories, and its limit.

    limit_bytes None: there is none. soft_percent None: what the Gluster volume has for all.
    """

    used_bytes: int
    files: int
    directories: int
    limit_bytes: int | None
    soft_percent: int | None


def read_all(handle: Handle, volume_ids: Iterable[str]) -> dict[str, QuotaCount]:
    """Those that are there and that quota counts. OSError when the mount does not answer."""
    found = {volume_id: read(handle, volume_id) for volume_id in volume_ids}
    return {volume_id: counted for volume_id, counted in found.items() if counted is not None}


def read(handle: Handle, volume_id: str) -> QuotaCount | None:
    """One of them; None where it is not there, or quota is off."""
    try:
        with handle.volume(volume_id) as fd:
            size = os.getxattr(by_descriptor(fd), _SIZE_XATTR)
            limit = _limit(fd)
    except OSError as error:
        if error.errno not in _NOT_THERE:
            raise
        return None
    if len(size) != _SIZE.size:
        return None
    used_bytes, files, directories = (max(0, number) for number in _SIZE.unpack(size))
    limit_bytes, soft_percent = limit
    return QuotaCount(
        used_bytes,
        files,
        directories,
        limit_bytes if limit_bytes > 0 else None,
        soft_percent if 0 <= soft_percent <= 100 else None,
    )


def _limit(fd: int) -> tuple[int, int]:
    data = xattrs.read(fd, _LIMIT_XATTR) or b""
    size_bytes, soft_percent = _LIMIT.unpack(data) if len(data) == _LIMIT.size else (0, -1)
    return size_bytes, soft_percent
