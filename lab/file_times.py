"""Which files below a folder have changed, told by their times."""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

FileTimes = Mapping[str, tuple[int, int]]
"""For each path below the folder: when the file was written (nanoseconds), and its size (bytes)."""


def file_times(folder: Path) -> FileTimes:
    """Look at all files below the folder but hidden ones and Python's caches."""
    found = {}
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__" and not name.startswith(".")]
        for name in files:
            if name.startswith("."):
                continue
            path = os.path.join(parent, name)
            with contextlib.suppress(FileNotFoundError):  # an editor's, gone since it was listed
                status = os.stat(path)
                found[os.path.relpath(path, folder)] = (status.st_mtime_ns, status.st_size)
    return found


def differing(before: FileTimes, after: FileTimes) -> list[str]:
    """The paths that were added, removed or written in between, in order."""
    return sorted({path for path, _ in before.items() ^ after.items()})
