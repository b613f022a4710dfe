"""Making, marking and looking at the directory of one volume. Every function blocks.

No directory is renamed, and none is made at a name that another instance could make or look up at the same
moment: with glusterfs 10.3 both can break a directory for good (docs/on-disk-format.md, "In place").
"""

import errno
import os
import stat
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import TypeVar

from piragua.tree import attributes, layout, xattrs
from piragua.tree.handle import Handle, by_descriptor
from piragua.tree.locking import locks
from piragua.tree.record import NOT_DELETED, Deletion, Record, UnreadableRecord, decode, decode_deletion
from piragua.tree.states import DataDirectory, Observed, State, data_mode

Seen = TypeVar("Seen")

_READ = os.O_RDONLY | os.O_DIRECTORY


def observe(handle: Handle, held: locks.Locks, volume_id: str) -> Observed:
    """One look at `/<id>`, with as few calls as its state allows. OSError for anything but "not there"."""
    return _looked(handle, held, volume_id, _contents)


def observe_marks(handle: Handle, held: locks.Locks, volume_id: str) -> Observed | None:
    """A look at the marks and the lock; None when they do not name the state. Never asks for a limit.

    OSError as for `observe`.
    """
    return _looked(
        handle, held, volume_id, lambda _fd, observed: observed if observed.state is State.BEING_MADE else None
    )


def observe_inside(handle: Handle, held: locks.Locks, volume_id: str) -> Observed:
    """The same, with entries, data directory and limit also where the marks alone name the state."""
    seen = observe(handle, held, volume_id)
    if not seen.exists or seen.entries:
        return seen
    try:
        with handle.volume(volume_id) as fd:
            return _contents(fd, seen)
    except FileNotFoundError:
        return Observed(volume_id, exists=False)


def observe_made(handle: Handle, volume_id: str, name: str) -> Observed:
    """A look by who makes the volume: its marks, its data directory by that name, and its limit.

    OSError for anything but "not there". The limit is None when it is that of the whole Gluster volume.
    """
    try:
        with handle.volume(volume_id) as fd:
            seen = _marks(handle, fd, volume_id)
            mode = attributes.mode_of(layout.safe_name(name), fd)
            own, root = size_bytes(fd), size_bytes(handle.fd)
    except FileNotFoundError:
        return Observed(volume_id, exists=False)
    entries = (name,) if stat.S_ISDIR(mode) else ()
    return replace(seen, locked=True, entries=entries, limit_bytes=None if own == root else own)


def _looked(
    handle: Handle, held: locks.Locks, volume_id: str, beyond_marks: Callable[[int, Observed], Seen]
) -> Observed | Seen:
    """A look; beyond_marks is asked, with the opened `/<id>`, when the marks alone do not name the state."""
    try:
        return _looked_once(handle, held, volume_id, beyond_marks)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ESTALE):
            raise
        # Removed between two calls; to open it again proves that. Another file that is missing proves nothing.
        return _looked_once(handle, held, volume_id, beyond_marks)


def _looked_once(
    handle: Handle, held: locks.Locks, volume_id: str, beyond_marks: Callable[[int, Observed], Seen]
) -> Observed | Seen:
    with ExitStack() as stack:
        try:
            fd = stack.enter_context(handle.volume(volume_id))
        except FileNotFoundError:
            return Observed(volume_id, exists=False)
        except NotADirectoryError:
            return Observed(volume_id, entries=(layout.directory_of(volume_id),))
        seen = _marks(handle, fd, volume_id)
        if _decided(seen):
            return seen
        return beyond_marks(fd, replace(seen, locked=held.is_held(locks.id_offset(volume_id))))


def _decided(observed: Observed) -> bool:
    """Whether the marks alone name the state, and a volume's record is among them."""
    deleted = (
        observed.tombstone
        or observed.deletion is not None
        or bool(observed.deletion_unreadable)
        or observed.closed
    )
    return deleted or bool(observed.record_unreadable) or (observed.published and observed.record is not None)


def _marks(handle: Handle, fd: int, volume_id: str) -> Observed:
    seen = Observed(
        volume_id,
        tombstone=has_tombstone(handle, volume_id),
        closed=stat.S_IMODE(attributes.mode_of_opened(fd)) == layout.CLOSED_MODE,
        published=xattrs.read(fd, layout.PUBLISHED_XATTR) is not None,
    )
    try:
        seen = replace(seen, deletion=decode_deletion(xattrs.read(fd, layout.DELETION_XATTR)))
    except UnreadableRecord as error:
        seen = replace(seen, deletion_unreadable=str(error))
    data = xattrs.read(fd, layout.RECORD_XATTR)
    if data is None:
        return seen
    try:
        return replace(seen, record=decode(data))
    except UnreadableRecord as error:
        return replace(seen, record_unreadable=str(error))


def _contents(fd: int, observed: Observed) -> Observed:
    entries = tuple(sorted(_names_in(fd)))
    data = data_directory(fd, entries[0]) if len(entries) == 1 else None
    return replace(observed, entries=entries, data=data, limit_bytes=own_limit(fd))


def _names_in(fd: int) -> list[str]:
    readable = os.open(".", _READ, dir_fd=fd)
    try:
        return os.listdir(readable)
    finally:
        os.close(readable)


def data_directory(volume_fd: int, name: str) -> DataDirectory | None:
    """The directory of that name in an opened `/<id>`; None when it is none."""
    try:
        fd = os.open(name, _READ | os.O_NOFOLLOW, dir_fd=volume_fd)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return None
        raise
    try:
        status = os.fstat(fd)
        with os.scandir(fd) as entries:
            empty = next(entries, None) is None
        return DataDirectory(name, status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode), empty)
    finally:
        os.close(fd)


def own_limit(volume_fd: int) -> int | None:
    """The limit of an opened `/<id>` in bytes; None when statvfs shows the whole Gluster volume.

    A limited directory shows its limit as its size while quota-deem-statfs is on. A sick brick can show an
    old one, so only a healthy pool's answer proves something. Blocks for 60 s while quotad is dead.
    """
    own, root = size_bytes(volume_fd), size_bytes_of_parent(volume_fd)
    return None if own == root else own


def size_bytes(fd: int) -> int:
    """What statvfs gives as the size, in bytes."""
    status = os.fstatvfs(fd)
    return status.f_blocks * status.f_frsize


def size_bytes_of_parent(volume_fd: int) -> int:
    """Bytes that statvfs gives for the directory above an opened `/<id>`."""
    parent = os.open("..", os.O_PATH | os.O_DIRECTORY, dir_fd=volume_fd)
    try:
        return size_bytes(parent)
    finally:
        os.close(parent)


def limit(handle: Handle, volume_id: str) -> int | None:
    """The limit on `/<id>` in bytes, None without one. FileNotFoundError if it is not there."""
    with handle.volume(volume_id) as fd:
        return own_limit(fd)


def make(handle: Handle, volume_id: str, record: Record) -> None:
    """`/<id>`, its record, and the data directory with its owner and mode."""
    directory = layout.directory_of(volume_id)
    name = layout.safe_name(record.name)
    data = record.encode()
    os.mkdir(directory, 0o755, dir_fd=handle.fd)
    with handle.volume(volume_id) as fd:
        os.setxattr(by_descriptor(fd), layout.RECORD_XATTR, data)
        os.mkdir(name, 0o755, dir_fd=fd)
        inner = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=fd)
        try:
            if record.gid:
                os.chown(by_descriptor(inner), 0, record.gid)
            os.chmod(by_descriptor(inner), data_mode(record.gid))
        finally:
            os.close(inner)


def write_record(handle: Handle, volume_id: str, record: Record) -> None:
    """Stores the record, in place of the one that is there."""
    data = record.encode()
    with handle.volume(volume_id) as fd:
        os.setxattr(by_descriptor(fd), layout.RECORD_XATTR, data)


def mark_published(handle: Handle, volume_id: str) -> None:
    """Says that the create got to its end."""
    with handle.volume(volume_id) as fd:
        os.setxattr(by_descriptor(fd), layout.PUBLISHED_XATTR, b"1")


def mark_deleted(handle: Handle, volume_id: str, deletion: Deletion) -> None:
    """Says that the volume is deleted; on a full disk, where the mark cannot be set, a mode says the same.

    Removing an extended attribute and changing a mode work on a full disk (glusterfs 10.3). The mode alone means
    "being purged", so an older mark is removed when the new one would say that and does not fit.
    """
    with handle.volume(volume_id) as fd:
        try:
            os.setxattr(by_descriptor(fd), layout.DELETION_XATTR, deletion.encode())
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            os.chmod(by_descriptor(fd), layout.CLOSED_MODE)
            if deletion.purging and xattrs.read(fd, layout.DELETION_XATTR) is not None:
                os.removexattr(by_descriptor(fd), layout.DELETION_XATTR)


def open_again(handle: Handle, volume_id: str) -> None:
    """Gives `/<id>` the mode of a volume, in the place of the one that says "deleted"."""
    with handle.volume(volume_id) as fd:
        os.chmod(by_descriptor(fd), 0o755)  # noqa: S103 (nodes go through it)


def unmark_deleted(handle: Handle, volume_id: str) -> None:
    """Says that the volume is not deleted; the mark is emptied and stays (docs/on-disk-format.md, "A volume")."""
    with handle.volume(volume_id) as fd:
        os.setxattr(by_descriptor(fd), layout.DELETION_XATTR, NOT_DELETED)


def forget(handle: Handle, volume_id: str) -> None:
    """Removes an emptied `/<id>` with its record; fine when it is gone already. Its limit must be off before."""
    with suppress(FileNotFoundError):
        os.rmdir(layout.directory_of(volume_id), dir_fd=handle.fd)


def remove_empty_data(handle: Handle, volume_id: str, name: str) -> None:
    """Removes the data directory if it is empty; fine when it is gone already."""
    with suppress(FileNotFoundError), handle.volume(volume_id) as fd:
        os.rmdir(layout.safe_name(name), dir_fd=fd)


def gfid(handle: Handle, volume_id: str) -> str:
    """Gluster's own id of `/<id>`: 32 hex digits."""
    with handle.volume(volume_id) as fd:
        text = os.getxattr(by_descriptor(fd), "glusterfs.gfid.string")
    return text.decode().strip("\0").replace("-", "")


def lookup(handle: Handle, volume_id: str) -> bool:
    """Looks up `/<id>` and what lies in it once, which makes both on bricks that were added; False if absent.

    glusterfs 10.3: after add-brick a deep mount fails until its directory was looked up in the whole volume.
    """
    try:
        with handle.volume(volume_id) as fd:
            for name in _names_in(fd):
                os.stat(name, dir_fd=fd, follow_symlinks=False)
        return True
    except FileNotFoundError:
        return False


def has_data(handle: Handle, volume_id: str, name: str) -> bool:
    """Whether `/<id>` has something of that name, found by the name and not by a listing."""
    try:
        with handle.volume(volume_id) as fd:
            attributes.mode_of(layout.safe_name(name), fd)
        return True
    except FileNotFoundError:
        return False


def has_lost_modes(handle: Handle, volume_id: str, name: str) -> bool:
    """Whether `/<id>` or its data directory has lost owner and mode; False if one of them is absent.

    glusterfs 10.3: when a Gluster volume grows from one brick (or one set of copies) to two, the second lookup
    of a directory that is older sets its mode to 0 and its owner to root on all bricks. So it is looked at twice.
    """
    with suppress(FileNotFoundError, NotADirectoryError), handle.volume(volume_id) as fd:
        for _ in range(2):
            data = os.stat(layout.safe_name(name), dir_fd=fd, follow_symlinks=False)
        with handle.volume(volume_id) as again:
            return _is_lost(os.fstat(again)) or _is_lost(data)
    return False


def give_back_modes(handle: Handle, volume_id: str, record: Record) -> None:
    """Sets owner and mode, where they were lost, to what a create sets. OSError as the file calls."""
    with handle.volume(volume_id) as fd:
        if _is_lost(os.fstat(fd)):
            os.chmod(by_descriptor(fd), 0o755)  # noqa: S103 (nodes go through it)
        inner = os.open(record.name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=fd)
        try:
            if _is_lost(os.fstat(inner)):
                os.chown(by_descriptor(inner), 0, record.gid)
                os.chmod(by_descriptor(inner), data_mode(record.gid))
        finally:
            os.close(inner)


def _is_lost(status: os.stat_result) -> bool:
    nothing_left = (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0, 0, 0)
    return nothing_left and stat.S_ISDIR(status.st_mode)


def has_tombstone(handle: Handle, volume_id: str) -> bool:
    """Whether the volume was purged."""
    return handle.is_there(f"{layout.TOMBSTONES}/{volume_id}")


def free_bytes(fd: int) -> int:
    """What statvfs gives as free for everybody, in bytes."""
    status = os.fstatvfs(fd)
    return status.f_bavail * status.f_frsize


def used_bytes(handle: Handle, volume_id: str, timeout_seconds: float) -> int:
    """What lies in `/<id>`, in bytes of disk, counted without following links; TimeoutError if it takes longer."""
    deadline = time.monotonic() + timeout_seconds
    used, fd = 0, handle.open(layout.directory_of(volume_id), _READ)
    # One directory of each level is open, however many lie beside it: tenants can make a million.
    way_down = [(fd, _entries_of(fd))]
    try:
        while way_down:
            above, entries = way_down[-1]
            entry = next(entries, None)
            if entry is None:
                way_down.pop()
                continue
            if time.monotonic() > deadline:
                raise TimeoutError(errno.ETIMEDOUT, "counting what the directory holds takes too long")
            used += entry.stat(follow_symlinks=False).st_blocks * 512
            if entry.is_dir(follow_symlinks=False):
                fd = os.open(entry.name, _READ | os.O_NOFOLLOW, dir_fd=above)
                way_down.append((fd, _entries_of(fd)))
    finally:
        for _, entries in way_down:
            entries.close()
    return used


def _entries_of(fd: int) -> Generator[os.DirEntry[str]]:
    """What is in an opened directory, which is closed at the end."""
    try:
        with os.scandir(fd) as entries:
            yield from entries
    finally:
        os.close(fd)
