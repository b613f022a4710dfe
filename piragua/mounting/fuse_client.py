"""The process behind a mount of Piragua's own: whether it lives, and how to be rid of it. Every function blocks.

Nothing here asks the mount itself, so that all of it works on one that hangs.
"""

import ctypes
import errno
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import suppress

from piragua.errors import MountError
from piragua.mounting import mountinfo

_log = logging.getLogger(__name__)
_MNT_DETACH = 2  # linux/fs.h
_NOSUID_NODEV_NOEXEC = 2 | 4 | 8  # linux/mount.h
_CONTROL = "/sys/fs/fuse/connections"


def lives(path: str, *, proc: str = "/proc") -> bool:
    """Whether a FUSE client for that mount point runs; a zombie is dead.

    Its death and the loss of all bricks look alike from the mount: ENOTCONN for every call, `.meta` included.
    """
    return any(_clients(path, proc))


def _clients(path: str, proc: str) -> Iterator[int]:
    """Pids of the FUSE clients for that mount point. One in a container may serve the same path of its own."""
    for pid in anywhere(path, proc=proc):
        with suppress(OSError):
            if os.readlink(f"{proc}/{pid}/ns/mnt") == os.readlink(f"{proc}/self/ns/mnt"):
                yield pid


def anywhere(path: str, *, proc: str = "/proc") -> Iterator[int]:
    """Pids of the FUSE clients for that mount point in this or any other view of the mounts."""
    wanted = os.fsencode(os.path.normpath(path))
    for name in filter(str.isdigit, os.listdir(proc)):
        with suppress(OSError):
            with open(f"{proc}/{name}/cmdline", "rb") as file:
                argv = file.read().rstrip(b"\0").split(b"\0")
            if b"glusterfs" not in os.path.basename(argv[0]) or os.path.normpath(argv[-1]) != wanted:
                continue
            yield int(name)


def sever(path: str, connection: int | None = None) -> None:
    """Ends the connection and the process of the mount at that path, and takes the mount away.

    connection: the minor device number of a mount that may have been taken away from there already. It must still
    be open somewhere: a number that is free is given to the next mount, whosever that is.
    All calls that hang on it return; every file that is open on it is lost. Only ever for a mount of our own.
    """
    for number in sorted(_connections(path) | ({connection} if connection is not None else set())):
        _abort(number)
    kill(path)
    detach(path)


def _connections(path: str) -> set[int]:
    """Those of all mounts at that path, one upon the other: a mount that was given up can come late."""
    return {entry.device[1] for entry in mountinfo.find_all(path) if entry.kind == "fuse.glusterfs"}


def _abort(connection: int) -> None:
    """Every call on that connection returns.

    To kill the client is not always enough: one of its threads can wait in the kernel for a lock of whoever waits
    for the client, and then neither ends.
    """
    try:
        _show_control_files()
        with open(f"{_CONTROL}/{connection}/abort", "w") as file:
            file.write("1")
    except FileNotFoundError:
        return  # the connection is gone
    except OSError as error:
        _log.warning("the FUSE connection %d cannot be aborted: %s", connection, error)


def _show_control_files() -> None:
    """Mounts the kernel's control files of FUSE where that was not done, as in a container. OSError."""
    if mountinfo.find(_CONTROL) is None:
        library, kind = ctypes.CDLL(None, use_errno=True), b"fusectl"
        if library.mount(kind, os.fsencode(_CONTROL), kind, _NOSUID_NODEV_NOEXEC, None) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), _CONTROL)


def kill(path: str) -> None:
    """Kills the FUSE clients for that mount point, also one that has not mounted anything yet."""
    for pid in _clients(path, "/proc"):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def detach(path: str) -> None:
    """Takes the mount away from its mount point; what is open on it goes on. MountError if that fails.

    The `umount` program would do, but it can hang: when it starts, it closes files of ours on the mount.
    """
    library = ctypes.CDLL(None, use_errno=True)
    while mountinfo.find(path) is not None:
        if library.umount2(os.fsencode(path), _MNT_DETACH) != 0 and ctypes.get_errno() != errno.EINVAL:
            failure = ctypes.get_errno()
            raise MountError(path, failure, f"unmounting failed: {os.strerror(failure)}")


def remove_mount(path: str) -> None:
    """Severs the mount of our own at that path, if there is one, and removes its mount point."""
    if mountinfo.find(path) is not None:
        sever(path)
    remove_folder(path)


def remove_folder(path: str) -> None:
    """Removes a mount point, or a folder of mount points, that is not needed any more; a full one is left."""
    with suppress(OSError):
        os.rmdir(path)
