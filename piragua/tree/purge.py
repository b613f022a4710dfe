"""Emptying a deleted volume's directory: iterative, by directory handles, never through a symbolic link.

Every function blocks; the work is cut into steps so that other calls and a shutdown get their turn.
"""

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from piragua.tree.handle import Handle
from piragua.tree.layout import directory_of

_BATCH = 1000
_DEEPEST_OPEN = 200
_MOST_REFILLS = 50
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class _Frame:
    """One directory on the way down: its descriptor, its name above, and what is still to be removed."""

    def __init__(self, fd: int, name: str) -> None:
        self.fd = fd
        self.name = name
        self.files: list[str] = []
        self.directories: list[str] = []

    def list_more(self) -> bool:
        """Reads the next batch of names; False when the directory is empty."""
        with os.scandir(self.fd) as entries:
            for entry in islice(entries, _BATCH):
                kind = self.directories if entry.is_dir(follow_symlinks=False) else self.files
                kind.append(entry.name)
        return bool(self.files or self.directories)


class Emptier:
    """Removes everything in `/<id>`, but not `/<id>` itself.

    A tree deeper than the descriptors that may be open is taken off from below in several descents. What does
    not stay empty, because a client still writes or Gluster hides what is in it, is given up after some tries.
    """

    def __init__(self, handle: Handle, volume_id: str) -> None:
        self._handle = handle
        self._volume_id = volume_id
        self._frames: list[_Frame] = []
        self._skipped_levels = False
        self._refills = 0
        self._working = threading.Lock()
        self._abandoned = False
        self.removed = 0

    def work(self, entries: int) -> bool:
        """Removes about that many entries; True when nothing was left.

        OSError as the file calls, ENOTEMPTY when directories do not stay empty.
        """
        with self._working:
            return self._work(entries)

    def _work(self, entries: int) -> bool:
        try:
            if not self._frames:
                self._descend_from_top()
            until = self.removed + entries
            while self._frames:
                if self._abandoned:
                    self._close_all()
                if self.removed >= until or not self._frames:
                    return False
                if self._step():
                    return True
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

    def _close_all(self) -> None:
        for frame in self._frames:
            with suppress(OSError):
                os.close(frame.fd)
        self._frames.clear()

    def _descend_from_top(self) -> None:
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
                _unlink(name, frame.fd)
                self.removed += 1
        elif frame.directories:
            self._enter(frame, frame.directories.pop())
        elif not frame.list_more():
            return self._leave(frame)
        return False

    @staticmethod
    def _take(names: list[str], count: int = 100) -> Iterator[str]:
        for _ in range(min(count, len(names))):
            yield names.pop()

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
        self._frames.append(_Frame(fd, name))
        if len(self._frames) > _DEEPEST_OPEN:
            os.close(self._frames.pop(1).fd)
            self._skipped_levels = True

    def _leave(self, frame: _Frame) -> bool:
        if len(self._frames) == 1:
            self._close_all()
            return not self._skipped_levels
        self._frames.pop()
        os.close(frame.fd)
        above = self._frames[-1]
        if len(self._frames) == 1 and self._skipped_levels:
            self._close_all()  # the level above was closed on the way down: descend again
        elif not self._removed_directory(frame.name, above.fd):
            self._refills += 1
            if self._refills > _MOST_REFILLS:
                raise OSError(errno.ENOTEMPTY, "its directories do not stay empty; perhaps a client still writes")
        return False

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


def _unlink(name: str, parent_fd: int) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=parent_fd)
