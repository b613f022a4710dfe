"""Filling a volume, to see where its limit is."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

BYTES_PER_MIB = 2**20


def write_until_refused(
    file: Path, most_mib: int, progress: Callable[[int], None] = lambda written_mib: None
) -> tuple[int, int]:
    """Write a new file, MiB by MiB, until an error comes or most_mib are in.

    Returns the MiB that went in and the errno of the error (0: none came). progress is called
    with the MiB so far. Each MiB is flushed, or the bricks would add up later than we write.
    """
    block = os.urandom(BYTES_PER_MIB)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        for written_mib in range(most_mib):
            try:
                os.write(handle, block)
                os.fdatasync(handle)
            except OSError as refused:
                return written_mib, refused.errno or 0
            progress(written_mib + 1)
    finally:
        with contextlib.suppress(OSError):
            os.close(handle)
    return most_mib, 0
