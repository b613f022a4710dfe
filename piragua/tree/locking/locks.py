"""Locks: byte ranges of `/.piragua.lock`, as open-file-description locks.

They exclude across servers, and within one process because every lock has an open file of its own. A holder
that dies frees them at once. No lock survives a rolling restart of all bricks (glusterfs 10.3): a lock keeps
work in order, and is asked for again (`still_held`) before a step that cannot be undone.
"""

import _thread
import errno
import fcntl
import hashlib
import os
import struct
import threading
from contextlib import suppress

from piragua.tree import layout
from piragua.tree.handle import Handle

_FLOCK = "hhqqi4x"  # struct flock with 64-bit offsets: type, whence, start, length, pid
_SPAN = 1 << 56
QUOTA = 0
SETUP = 1
TAGS = 2
"""Tags: read, changed and written by one at a time."""


def id_offset(volume_id: str) -> int:
    """The byte that stands for a volume."""
    return _hashed(1, volume_id)


def name_offset(name: str) -> int:
    """The byte that stands for a name."""
    return _hashed(2, name)


def operation_offset(nonce: str) -> int:
    """The byte that stands for an operation."""
    return _hashed(3, nonce)


def reading_offset(volume_id: str) -> int:
    """The byte that stands for a volume's data being read, so that it must not be purged."""
    return _hashed(4, volume_id)


def _hashed(space: int, text: str) -> int:
    digest = hashlib.sha256(text.encode(errors="surrogateescape")).digest()
    return space * _SPAN + int.from_bytes(digest[:6])


def _flock(kind: int, offset: int) -> bytes:
    return struct.pack(_FLOCK, kind, os.SEEK_SET, offset, 1, 0)


class HeldLock:
    """One lock that is held; `release` may be called twice. Calls block like any file call."""

    def __init__(self, locks: "Locks", fd: int, offset: int, kind: int) -> None:
        self._locks = locks
        self._fd = fd
        self._offset = offset
        self._kind = kind
        self._released = False

    def still_held(self) -> bool:
        """Asks for it once more; False when somebody else has it by now."""
        return not self._released and _try(self._fd, self._kind, self._offset)

    def release(self) -> None:
        """Frees it. OSError when the mount is gone, and then it is free too."""
        if not self._released:
            self._released = True
            self._locks.give_back(self._fd, self._offset)

    def release_later(self) -> None:
        """Frees it in the background, as soon as the mount answers; returns at once."""
        self._locks.release_later(self)


class Locks:
    """The lock file of one mount."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._guard = threading.Lock()
        self._idle: list[int] = []
        self._late: list[HeldLock] = []
        self._releasing = False

    def __del__(self) -> None:
        if self._idle:
            # Closing a file asks the mount, which may hang; and who lets go last may be the event loop.
            with suppress(RuntimeError):  # the interpreter is at its end, and closes them itself
                # Not threading.Thread, whose start waits for a thread that never runs once the end has begun.
                _thread.start_new_thread(_close_all, (self._idle,))

    def try_lock(self, offset: int, *, shared: bool = False) -> HeldLock | None:
        """That byte, or None while somebody else holds it."""
        kind = fcntl.F_RDLCK if shared else fcntl.F_WRLCK
        fd = self._open()
        try:
            taken = _try(fd, kind, offset)
        except BaseException:
            os.close(fd)
            raise
        if taken:
            return HeldLock(self, fd, offset, kind)
        self._keep(fd)
        return None

    def wait(self, offset: int) -> HeldLock:
        """That byte, in order of arrival; blocks for as long as it takes."""
        fd = self._open()
        try:
            fcntl.fcntl(fd, fcntl.F_OFD_SETLKW, _flock(fcntl.F_WRLCK, offset))
        except BaseException:
            os.close(fd)
            raise
        return HeldLock(self, fd, offset, fcntl.F_WRLCK)

    def is_held(self, offset: int) -> bool:
        """Whether anybody holds that byte for himself, this process included.

        Tried with a shared lock: once a brick was away and is back, F_GETLK calls a held lock free
        (glusterfs 10.3), and F_SETLK does not.
        """
        probe = self.try_lock(offset, shared=True)
        if probe is None:
            return True
        probe.release()
        return False

    def release_later(self, held: HeldLock) -> None:
        """Frees it in a thread of its own, one for all that wait for it; returns at once."""
        with self._guard:
            self._late.append(held)
            if self._releasing:
                return
            self._releasing = True
        try:
            _thread.start_new_thread(self._release_late, ())
        except RuntimeError:  # the interpreter is at its end, and frees all; or no thread can be had now
            with self._guard:
                self._releasing = False

    def _release_late(self) -> None:
        while True:
            with self._guard:
                if not self._late:
                    self._releasing = False
                    return
                held = self._late.pop()
            with suppress(OSError):
                held.release()

    def give_back(self, fd: int, offset: int) -> None:
        """Unlocks and keeps the open file for the next lock; closing it would unlock as well."""
        try:
            fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _flock(fcntl.F_UNLCK, offset))
        except BaseException:
            os.close(fd)
            raise
        self._keep(fd)

    def _open(self) -> int:
        with self._guard:
            if self._idle:
                return self._idle.pop()
        return self._handle.open(layout.LOCK_FILE, os.O_RDWR)

    def _keep(self, fd: int) -> None:
        with self._guard:
            self._idle.append(fd)


def _close_all(fds: list[int]) -> None:
    for fd in fds:
        with suppress(OSError):
            os.close(fd)


def _try(fd: int, kind: int, offset: int) -> bool:
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _flock(kind, offset))
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise
    return True
