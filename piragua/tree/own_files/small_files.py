"""Piragua's own small files on the Gluster volume: names, tombstones, texts of failures. Every function blocks.

All are regular files: two instances that make the same one at once leave exactly one winner.
"""

import os
from collections.abc import Iterable
from contextlib import suppress

from piragua.tree import layout
from piragua.tree.handle import Handle
from piragua.tree.own_files import feed

_NEW = os.O_CREAT | os.O_EXCL | os.O_WRONLY
_LONGEST_TEXT_BYTES = 4096
_NAME_OF_ID = "vol_"


def set_up(handle: Handle) -> None:
    """Makes `/.piragua/` and what belongs in it; under the setup lock only.

    Directories that a listing leaves out can be there (see `named_ids`).
    """
    if layout.OWN_DIRECTORY not in handle.entries():
        with suppress(FileExistsError):
            os.mkdir(layout.OWN_DIRECTORY, 0o700, dir_fd=handle.fd)
    with handle.opened(layout.OWN_DIRECTORY, os.O_RDONLY | os.O_DIRECTORY) as fd:
        there = set(os.listdir(fd))
        for name in layout.OWN_DIRECTORIES:
            if name not in there:
                with suppress(FileExistsError):
                    os.mkdir(name, 0o700, dir_fd=fd)
    feed.make(handle)


def make_lock_file(handle: Handle) -> None:
    """Makes the lock file of a Gluster volume that has none; OSError if it is lost where there should be one.

    While a brick is down the file can be out of reach, and a second one would let two holders in.
    """
    entries = handle.entries()
    if layout.LOCK_FILE in entries:
        return
    if layout.OWN_DIRECTORY in entries or handle.is_there(layout.OWN_DIRECTORY):
        raise FileNotFoundError(2, f"/{layout.LOCK_FILE} is out of reach", layout.LOCK_FILE)
    with suppress(FileExistsError):
        os.close(handle.open(layout.LOCK_FILE, _NEW, 0o600))


def holder_of(handle: Handle, name: str) -> str | None:
    """The id that has that name; None if nobody has. A file without a proper id gives ""."""
    data = _read(handle, _name_file(name))
    if data is None:
        return None
    try:
        return layout.id_of(layout.directory_of(data.decode())) or ""
    except ValueError:
        return ""


def named_ids(handle: Handle, known: frozenset[str]) -> frozenset[str]:
    """Ids that have a name, but for those of known that have the name of an id (`vol_<id>`).

    Directories can be missing from listings after bricks were added, until they are looked up (glusterfs 10.3);
    files are not.
    """
    with handle.opened(layout.NAMES, os.O_RDONLY | os.O_DIRECTORY) as fd:
        names = os.listdir(fd)
    unknown = [name for name in names if name.removeprefix(_NAME_OF_ID) not in known]
    return frozenset(filter(None, (holder_of(handle, name) for name in unknown)))


def claim_name(handle: Handle, name: str, volume_id: str) -> str:
    """Makes the file of that name with that id in it; the id that has the name afterwards."""
    try:
        _write(handle, _name_file(name), volume_id.encode())
    except FileExistsError:
        return holder_of(handle, name) or ""
    return volume_id


def release_name(handle: Handle, name: str, volume_id: str) -> None:
    """Frees the name, if that id still has it."""
    if holder_of(handle, name) == volume_id:
        _remove(handle, _name_file(name))


def write_tombstone(handle: Handle, volume_id: str) -> None:
    """Remembers that the volume was purged."""
    with suppress(FileExistsError):
        _write(handle, f"{layout.TOMBSTONES}/{volume_id}", b"")


def names_in(handle: Handle, folder: str) -> list[str]:
    """Names of the files in a folder of ours."""
    with handle.opened(folder, os.O_RDONLY | os.O_DIRECTORY) as fd:
        return os.listdir(fd)


def remove_old_files(
    handle: Handle, folder: str, names: Iterable[str], *, older_than_seconds: float, now_seconds: float
) -> int:
    """Removes those files of a folder of ours that are older than that; how many."""
    removed = 0
    with handle.opened(folder, os.O_RDONLY | os.O_DIRECTORY) as fd:
        for name in names:
            with suppress(FileNotFoundError):
                age_seconds = now_seconds - os.stat(name, dir_fd=fd, follow_symlinks=False).st_mtime
                if age_seconds > older_than_seconds:
                    os.unlink(name, dir_fd=fd)
                    removed += 1
    return removed


def write_failure(handle: Handle, nonce: str, text: str) -> None:
    """Keeps why an operation failed, for whoever asks another instance."""
    _write(handle, f"{layout.FAILURES}/{nonce}", text.encode()[:_LONGEST_TEXT_BYTES])


def read_failure(handle: Handle, nonce: str) -> str | None:
    """Why that operation failed; None if nothing is kept."""
    data = _read(handle, f"{layout.FAILURES}/{nonce}")
    return None if data is None else data.decode(errors="replace")


def _name_file(name: str) -> str:
    return f"{layout.NAMES}/{layout.safe_name(name)}"


def _read(handle: Handle, relative: str) -> bytes | None:
    try:
        with handle.opened(relative, os.O_RDONLY) as fd:
            return os.read(fd, _LONGEST_TEXT_BYTES)
    except FileNotFoundError:
        return None


def _write(handle: Handle, relative: str, data: bytes) -> None:
    with handle.opened(relative, _NEW, 0o600) as fd:
        if data:
            os.write(fd, data)
            os.fdatasync(fd)


def _remove(handle: Handle, relative: str) -> None:
    with suppress(FileNotFoundError):
        handle.unlink(relative)
