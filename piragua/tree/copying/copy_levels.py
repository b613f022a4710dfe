"""The way down from the top of a tree to the directory that is copied now, beside the way down in its copy.

Few directories are open at a time, however deep the tree is. Every function blocks.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Optional

OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
VANISHED = frozenset({errno.ENOENT, errno.ESTALE})
"""What a call says about a file or directory that was removed."""

_NO_DIRECTORY_NOW = VANISHED | {errno.ENOTDIR, errno.ELOOP}


@dataclass(eq=False)
class Level:
    """A directory and its copy. Descriptors of -1 are closed: it lies too far above to stay open.

    directories: names of those in it that are still to be copied; listed: whether all are known.
    """

    name: str
    above: Optional["Level"]
    status: os.stat_result
    source_fd: int
    target_fd: int = -1
    directories: list[str] = field(default_factory=list)
    listed: bool = False

    def is_in_tree(self) -> bool:
        """Whether the opened source has not been removed."""
        try:
            return os.fstat(self.source_fd).st_nlink > 0
        except OSError:
            return False

    def close(self) -> None:
        """Closes both directories."""
        for fd in (self.source_fd, self.target_fd):
            if fd >= 0:
                with suppress(OSError):
                    os.close(fd)
        self.source_fd = self.target_fd = -1


class Levels:
    """From the top down; at most deepest_open of them, and the top, are open."""

    def __init__(self, deepest_open: int) -> None:
        self._deepest_open = deepest_open
        self._levels: list[Level] = []

    def __bool__(self) -> bool:
        return bool(self._levels)

    @property
    def last(self) -> Level:
        """The directory that is worked on."""
        return self._levels[-1]

    def names(self, most: int) -> list[str]:
        """Names of the last directories, as many as that, without the top's."""
        return [level.name for level in self._levels[-most:] if level.above is not None]

    def begin(self, source_fd: int, target_fd: int) -> None:
        """The top; its descriptors are closed here."""
        self._levels.append(Level("", None, os.fstat(source_fd), source_fd, target_fd))

    def enter(self, name: str) -> bool:
        """Goes one level down and makes the copy; False for what is no directory any more, or of another mount."""
        level = self.last
        source_fd = _open_if_there(name, level.source_fd)
        if source_fd is None:
            return False
        below = Level(name, level, os.fstat(source_fd), source_fd)
        entered = False
        try:
            if below.status.st_dev == level.status.st_dev:
                with suppress(FileExistsError):  # a listing can name something twice while it is changed
                    os.mkdir(name, 0o700, dir_fd=level.target_fd)
                    below.target_fd = os.open(name, OPEN_DIRECTORY, dir_fd=level.target_fd)
                    entered = True
        finally:
            if not entered:
                below.close()
        if entered:
            self._levels.append(below)
            if len(self._levels) > self._deepest_open:
                self._levels[-self._deepest_open].close()
        return entered

    def leave(self) -> None:
        """Goes one level up."""
        self._levels.pop().close()

    def open_last(self) -> bool:
        """Opens the last level, and some above it, if it was closed; False when it is not where it was.

        Then it was removed or moved, and the last level is the lowest above it that is there.
        """
        if self.last.source_fd >= 0:
            return True
        keep_from = max(1, len(self._levels) - self._deepest_open // 2)
        for depth in range(1, len(self._levels)):
            above, level = self._levels[depth - 1], self._levels[depth]
            if not _open_again(level, above):
                while len(self._levels) > depth:
                    self.leave()
                return False
            if 1 < depth <= keep_from:
                above.close()
        return True

    def close(self) -> None:
        """Closes everything."""
        while self._levels:
            self.leave()


@contextmanager
def opened_target(level: Level) -> Iterator[int]:
    """The copy of a directory, which may have been closed long ago: then it is opened name by name."""
    if level.target_fd >= 0:
        yield level.target_fd
        return
    names = list[str]()
    while level.above is not None:
        names.append(level.name)
        level = level.above
    fd = os.dup(level.target_fd)
    try:
        for name in reversed(names):
            below = os.open(name, os.O_PATH | OPEN_DIRECTORY, dir_fd=fd)
            os.close(fd)
            fd = below
        yield fd
    finally:
        os.close(fd)


def _open_again(level: Level, above: Level) -> bool:
    source_fd = _open_if_there(level.name, above.source_fd)
    if source_fd is None:
        return False
    level.source_fd = source_fd
    level.target_fd = os.open(level.name, OPEN_DIRECTORY, dir_fd=above.target_fd)
    return os.path.samestat(os.fstat(source_fd), level.status)


def _open_if_there(name: str, directory_fd: int) -> int | None:
    try:
        return os.open(name, OPEN_DIRECTORY, dir_fd=directory_fd)
    except OSError as error:
        if error.errno in _NO_DIRECTORY_NOW:
            return None
        raise
