"""The change feed: a line for every change, so that an instance sees what others did for one stat.

A hint that can be lost, never the truth: a new inode, or none, means that everything has to be listed.
Modification times prove nothing when servers' clocks differ; the size of this file needs no clock.
Every function blocks.
"""

import errno
import os
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass

from piragua.tree import layout
from piragua.tree.handle import Handle

LARGEST_BYTES = 4 * 2**20
_READS = 3


@dataclass(frozen=True)
class Position:
    """How far the feed was read: which file, and how many bytes of it. inode 0: there is none."""

    inode: int
    offset_bytes: int


NOWHERE = Position(0, 0)
Told = Mapping[str, AbstractSet[str]]
"""By the id of a volume, what its lines say of it."""
MADE = "made"
PURGING = "purging"
PURGED = "purged"


def append(handle: Handle, volume_id: str, what: str) -> None:
    """Adds a line and waits until others can read it.

    A full disk or a full feed unlinks it, which tells every reader to list everything.
    """
    line = f"{volume_id} {what}\n".encode()
    for _ in range(8):
        fd = _open_to_append(handle)
        if fd is None:
            return
        try:
            written = os.write(fd, line)
            os.fdatasync(fd)
            status = os.fstat(fd)
            whole = written == len(line)  # half a line, as on a full disk, would take the next one with it
            if whole and status.st_nlink > 0 and status.st_size <= LARGEST_BYTES:
                return
            if status.st_nlink > 0:
                _unlink(handle)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            _unlink(handle)
            return
        finally:
            _close(fd)
    _unlink(handle)


def make(handle: Handle) -> None:
    """Makes an empty feed if there is none and the disk has room."""
    fd = _open_to_append(handle)
    if fd is not None:
        _close(fd)


def position(handle: Handle) -> Position:
    """Where the feed ends now.

    Asked of the bricks: of what a lookup tells, the kernel keeps nothing if another call on the same file ended
    meanwhile, such as a write of this instance that knows nothing of the lines of others.
    """
    try:
        status = handle.stat(layout.FEED)
    except FileNotFoundError:
        return NOWHERE
    return Position(status.st_ino, status.st_size)


def told_since(handle: Handle, read: Position, end: Position) -> tuple[Told, Position] | None:
    """What the lines after `read` tell, and how far that was; None when the feed is another file by now."""
    found = lines_since(handle, read, end)
    if found is None:
        return None
    lines, position = found
    told: dict[str, set[str]] = {}
    for line in lines:
        volume_id, _, what = line.partition(" ")
        if _is_id(volume_id):
            told.setdefault(volume_id, set()).add(what)
    return told, position


def lines_since(handle: Handle, read: Position, end: Position) -> tuple[list[str], Position] | None:
    """The lines after `read`, `<id> <what>` each, and how far that was; None as for `told_since`."""
    if read.inode != end.inode or end.inode == 0 or end.offset_bytes < read.offset_bytes:
        return None
    data = _tail(handle, read, end.offset_bytes - read.offset_bytes)
    if data is None:
        return None
    whole = data[: data.rfind(b"\n") + 1]
    return whole.decode(errors="replace").splitlines(), Position(read.inode, read.offset_bytes + len(whole))


def _tail(handle: Handle, read: Position, length_bytes: int) -> bytes | None:
    """That many bytes after what was read; None when the file is another one by now, or keeps them back.

    Caches of glusterfs 10.3 give old content while the modification time is the old one, which a server whose
    clock is behind does not move. So the reader moves it and reads again.
    """
    for _ in range(_READS):
        try:
            with handle.opened(layout.FEED, os.O_RDONLY) as fd:
                status = os.fstat(fd)
                if status.st_ino != read.inode:
                    return None
                data = os.pread(fd, length_bytes, read.offset_bytes)
                if len(data) == length_bytes:
                    return data
                os.utime(fd, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
        except FileNotFoundError:
            return None
    return None


def _is_id(text: str) -> bool:
    try:
        layout.directory_of(text)
    except ValueError:
        return False
    return True


def _open_to_append(handle: Handle) -> int | None:
    """The feed, made if there is none; None when it cannot be made because the disk is full."""
    while True:
        try:
            return handle.open(layout.FEED, os.O_WRONLY | os.O_APPEND)
        except FileNotFoundError:
            pass
        try:
            return handle.open(layout.FEED, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        except FileExistsError:
            continue
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                return None
            raise


def _unlink(handle: Handle) -> None:
    with suppress(FileNotFoundError):
        handle.unlink(layout.FEED)


def _close(fd: int) -> None:
    # Closing flushes; on a full disk that says ENOSPC again, after the descriptor is closed.
    with suppress(OSError):
        os.close(fd)
