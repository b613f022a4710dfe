"""Whether a limit stops a writer, as Gluster means it: a brick counts what was written a moment later."""

import errno
import os
from contextlib import suppress
from functools import partial
from pathlib import Path

from lab.machine import wait_until

MIB = 2**20
COUNTED_LATE_MIB = 2
"""What a brick may not have counted yet when the limit is reached."""
_COUNTING_SECONDS = 60


def require_end_after(mib: int, file: Path) -> int:
    """A writer that lets each MiB be counted is stopped by the quota there.

    mib: what the volume has room for, when all that was written before is counted. How many MiB were written.
    """
    written_mib, refused = write_counted(file, mib, most_mib=mib + 60)
    assert refused == errno.EDQUOT
    assert mib <= written_mib <= mib + COUNTED_LATE_MIB
    return written_mib


def write_counted(file: Path, room_mib: int, most_mib: int) -> tuple[int, int]:
    """Writes a new file, MiB by MiB, each when all before it are counted, until an error comes or most_mib are in.

    The MiB that went in and the errno of the error; 0: none came.
    """
    full_bytes = _sizes_bytes(file.parent)[0]
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        for written_mib in range(most_mib):
            counted_bytes = min(full_bytes, full_bytes - (room_mib - written_mib) * MIB)
            counted = partial(_is_counted, file.parent, counted_bytes)
            wait_until(counted, f"{written_mib} MiB are counted", _COUNTING_SECONDS)
            try:
                os.write(handle, os.urandom(MIB))
                os.fdatasync(handle)
            except OSError as refused:
                return written_mib, refused.errno or 0
    finally:
        with suppress(OSError):  # it can be told again of what was refused
            os.close(handle)
    return most_mib, 0


def _is_counted(folder: Path, size_bytes: int) -> bool:
    return _sizes_bytes(folder)[1] >= size_bytes


def _sizes_bytes(folder: Path) -> tuple[int, int]:
    """The limit there, and what quota counts, which is never shown as more than the limit."""
    found = os.statvfs(folder)
    return found.f_blocks * found.f_frsize, (found.f_blocks - found.f_bfree) * found.f_frsize
