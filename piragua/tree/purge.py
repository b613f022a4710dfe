"""Purging a deleted volume's data: iterative, by directory handles, never through a symbolic link.

Every function blocks; the work is cut into steps so that other calls and a shutdown get their turn.
"""

import errno
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from piragua.tree.handle import Handle
from piragua.tree.layout import directory_of

_BATCH = 1000
_LONGEST_WORK_SECONDS = 5
"""So long one call of `work` goes on: bricks can take seconds for each large file."""
_DEEPEST_OPEN = 200
_MOST_REFILLS = 50
_MOST_FAILURES = 1000
BALLAST = ".piragua-purge"
"""A file in `/<id>` that is larger than the limit is then, so that writers can make nothing new."""
_BALLAST_BYTES = 2**16
STANCHED_LIMIT_BYTES = 2**12
# Errors that may concern one entry only; with any other the mount does not work, and nothing else would go.
_OF_ONE_ENTRY = frozenset(
    {
        errno.EPERM,
        errno.EACCES,
        errno.EIO,
        errno.EBUSY,
        errno.EINVAL,
        errno.EISDIR,
        errno.ENOTEMPTY,
        errno.ESTALE,
        errno.ENAMETOOLONG,
    }
)
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class _Frame:
    """One directory on the way down: its descriptor, its name above, and what is still to be removed.

    failed: names that could not be removed and are not tried again. refills: how often each directory in it
    had something in it again right after it was found empty.
    """

    def __init__(self, fd: int, name: str) -> None:
        self.fd = fd
        self.name = name
        self.files: list[str] = []
        self.directories: list[str] = []
        self.failed: set[str] = set()
        self.refills: dict[str, int] = {}
        self.ballast = False

    def list_more(self) -> bool:
        """Reads the next batch of names; False when nothing is left but what could not be removed."""
        with os.scandir(self.fd) as entries:
            for entry in islice((each for each in entries if each.name not in self.failed), _BATCH):
                if entry.is_dir(follow_symlinks=False):
                    self.directories.append(entry.name)
                elif not self.name and entry.name == BALLAST:  # at the top; it goes last
                    self.ballast = True
                else:
                    self.files.append(entry.name)
        return bool(self.files or self.directories)


class DataPurge:
    """Removes everything in `/<id>`, but not `/<id>` itself.

    A tree deeper than the descriptors that may be open is taken off from below in several descents. What
    cannot be removed, or does not stay empty, because a client still writes or Gluster hides what is in it, is
    left behind after some tries, and the rest goes all the same.
    """

    def __init__(self, handle: Handle, volume_id: str) -> None:
        self._handle = handle
        self._volume_id = volume_id
        self._frames: list[_Frame] = []
        self._skipped_levels = False
        self._failures = 0
        self._first_failure: OSError | None = None
        self._removed_before = -1
        self._working = threading.Lock()
        self._abandoned = False
        self._stop_at_seconds = 0.0
        self.removed = 0

    def work(self, entries: int) -> bool:
        """Removes about that many entries, fewer when that takes long; True when nothing was left.

        OSError as the file calls, when all that could be removed was: of the first entry that could not.
        """
        with self._working:
            try:
                return self._work(entries)
            finally:
                if self._abandoned:
                    self._close_all()

    def _work(self, entries: int) -> bool:
        self._stop_at_seconds = time.monotonic() + _LONGEST_WORK_SECONDS
        try:
            if not self._frames:
                self._descend_from_top()
            until = self.removed + entries
            while self._frames:
                if self.removed >= until:
                    return False
                if self._step():
                    return True
                if self._is_over:
                    return False
            return False
        except FileNotFoundError:
            self._close_all()
            return not self._top_exists()
        except BaseException:
            self._close_all()
            raise

    def close(self) -> None:
        """Closes what is open, now or, where `work` hangs in a thread of its own, as soon as that goes on.

        Closed under it, a descriptor's number could mean another directory by the time of the next unlink.
        """
        self._abandoned = True
        if self._working.acquire(blocking=False):
            try:
                self._close_all()
            finally:
                self._working.release()

    @property
    def _is_over(self) -> bool:
        return self._abandoned or time.monotonic() > self._stop_at_seconds

    def _close_all(self) -> None:
        for frame in self._frames:
            with suppress(OSError):
                os.close(frame.fd)
        self._frames.clear()

    def _descend_from_top(self) -> None:
        if self._first_failure is not None and self.removed == self._removed_before:
            raise self._summary(self._first_failure)
        self._removed_before = self.removed
        fd = os.open(directory_of(self._volume_id), _DIRECTORY, dir_fd=self._handle.fd)
        self._frames.append(_Frame(fd, ""))
        self._skipped_levels = False

    def _top_exists(self) -> bool:
        return directory_of(self._volume_id) in self._handle.entries()

    def _step(self) -> bool:
        """Removes a batch of files or goes one level down or up; True when the top was found empty."""
        frame = self._frames[-1]
        if frame.files:
            for name in self._take(frame.files):
                self._remove_file(frame, name)
                if self._is_over:
                    break
        elif frame.directories:
            name = frame.directories.pop()
            try:
                self._enter(frame, name)
            except OSError as error:
                self._fail(frame, name, error)
        elif not self._list_more(frame):
            return self._leave(frame)
        return False

    @staticmethod
    def _take(names: list[str], count: int = 100) -> Iterator[str]:
        for _ in range(min(count, len(names))):
            yield names.pop()

    def _remove_file(self, frame: _Frame, name: str) -> None:
        try:
            _unlink(name, frame.fd)
            self.removed += 1
        except OSError as error:
            self._fail(frame, name, error)

    def _list_more(self, frame: _Frame) -> bool:
        """The same as the frame's; a directory that cannot be listed is left as one that has nothing to give."""
        try:
            return frame.list_more()
        except FileNotFoundError:
            raise
        except OSError as error:
            if len(self._frames) == 1:
                raise
            self._fail(frame, ".", error)
            return False

    def _fail(self, frame: _Frame, name: str, error: OSError) -> None:
        """Notes that the entry cannot be removed: the rest goes, and this one is not tried again at once."""
        if error.errno not in _OF_ONE_ENTRY:
            raise error
        self._failures += 1
        self._first_failure = self._first_failure or error
        if self._failures > _MOST_FAILURES:
            raise self._summary(self._first_failure)
        frame.failed.add(name)

    def _summary(self, first: OSError) -> OSError:
        if first.errno == errno.ENOTEMPTY:
            text = "its directories do not stay empty; perhaps a client still writes"
        else:
            text = f"entries that cannot be removed: {self._failures}, the first: {os.strerror(first.errno or 0)}"
        return OSError(first.errno, text)

    def _enter(self, frame: _Frame, name: str) -> None:
        if self._removed_directory(name, frame.fd):
            return
        try:
            fd = os.open(name, _DIRECTORY, dir_fd=frame.fd)
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP):  # it was replaced by something else
                frame.files.append(name)
                return
            raise
        if len(self._frames) == 1:
            _shut(fd)
        self._frames.append(_Frame(fd, name))
        if len(self._frames) > _DEEPEST_OPEN:
            os.close(self._frames.pop(1).fd)
            self._skipped_levels = True

    def _leave(self, frame: _Frame) -> bool:
        if len(self._frames) == 1:
            self._close_all()
            if frame.failed and self._first_failure is not None:
                raise self._summary(self._first_failure)
            if self._skipped_levels:
                return False
            if frame.ballast:
                with suppress(FileNotFoundError), self._handle.volume(self._volume_id) as fd:
                    os.unlink(BALLAST, dir_fd=fd)
            return True
        self._frames.pop()
        os.close(frame.fd)
        above = self._frames[-1]
        if len(self._frames) == 1 and self._skipped_levels:
            self._close_all()  # the level above was closed on the way down: descend again
        elif frame.failed:
            above.failed.add(frame.name)
        else:
            self._remove_emptied(above, frame.name)
        return False

    def _remove_emptied(self, frame: _Frame, name: str) -> None:
        """Removes a directory that was just found empty; one that is filled again and again is left behind."""
        try:
            if self._removed_directory(name, frame.fd):
                return
            frame.refills[name] = frame.refills.get(name, 0) + 1
            if frame.refills[name] > _MOST_REFILLS:
                raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY))
        except OSError as error:
            self._fail(frame, name, error)

    def _removed_directory(self, name: str, parent_fd: int) -> bool:
        """Removes an empty directory; False when it is not empty (or filled again by a client that writes)."""
        try:
            os.rmdir(name, dir_fd=parent_fd)
        except FileNotFoundError:
            return True
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                return False
            if error.errno == errno.ENOTDIR:
                _unlink(name, parent_fd)
            else:
                raise
        self.removed += 1
        return True


def write_ballast(handle: Handle, volume_id: str) -> None:
    """Puts a file beside the data that fills the volume under a limit of STANCHED_LIMIT_BYTES."""
    flags = os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    with handle.volume(volume_id) as volume_fd:
        fd = os.open(BALLAST, flags, 0o600, dir_fd=volume_fd)
        try:
            os.write(fd, bytes(_BALLAST_BYTES))
            os.fdatasync(fd)
        finally:
            os.close(fd)


def _unlink(name: str, parent_fd: int) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=parent_fd)


def _shut(fd: int) -> None:
    """Keeps everybody but root from making anything new in a data directory whose purge has begun."""
    with suppress(OSError):
        os.fchmod(fd, 0)
