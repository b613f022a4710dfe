"""Copying what is no directory: files, symbolic links, FIFOs, sockets and devices. Every function blocks."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from errno import EMLINK

from piragua.tree.copying.copy_attributes import copy_attributes
from piragua.tree.copying.copy_data import DataCopier
from piragua.tree.copying.copy_levels import VANISHED, Level, opened_target
from piragua.tree.handle import by_descriptor

_TRIES = 5
_PATH_ONLY = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOATIME
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass
class _FirstLink:
    """Where the first copy of something with several names is. names: how many of its source's were seen."""

    level: Level
    name: str
    names: int = 0


class EntryCopier:
    """Copies entries, one by one, and remembers those with more names until all were seen.

    entries, data_bytes: up to now.
    """

    def __init__(self, data: DataCopier) -> None:
        self._data = data
        self._first_links: dict[tuple[int, int], _FirstLink] = {}
        self.entries = 0
        self.data_bytes = 0

    def copy(self, level: Level, name: str) -> Iterator[None]:
        """Copies one entry, in steps; again if it is replaced meanwhile, and not at all if it vanishes.

        What turns out to be a directory goes to those of its level.
        """
        for tries_left in reversed(range(_TRIES)):
            try:
                yield from self._copy_as_it_is(level, name)
                return
            except FileExistsError:  # a listing can name something twice while it is changed
                return
            except OSError as error:
                if error.errno not in VANISHED:
                    raise
                with suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=level.target_fd)
                if not _exists(name, level.source_fd):
                    return
                if not tries_left:
                    raise

    def _copy_as_it_is(self, level: Level, name: str) -> Iterator[None]:
        fd = os.open(name, _PATH_ONLY, dir_fd=level.source_fd)
        try:
            status = os.fstat(fd)
            if stat.S_ISDIR(status.st_mode):
                level.directories.append(name)
                return
            first = self._first_links.get((status.st_dev, status.st_ino))
            if not _link_to(first, level, name):
                yield from self._make(level, name, fd, status)
                first = _FirstLink(level, name, 0 if first is None else first.names)
            self._remember(first, status)
            self.entries += 1
        finally:
            os.close(fd)

    def _remember(self, first: _FirstLink | None, status: os.stat_result) -> None:
        """Until the source's last name was seen: a volume can have more of such files than memory holds."""
        if first is None:
            return
        first.names += 1
        identity = (status.st_dev, status.st_ino)
        if first.names < status.st_nlink:
            self._first_links[identity] = first
        else:
            self._first_links.pop(identity, None)

    def _make(self, level: Level, name: str, source_fd: int, status: os.stat_result) -> Iterator[None]:
        if stat.S_ISREG(status.st_mode):
            yield from self._make_file(level, name, source_fd)
            return
        if stat.S_ISLNK(status.st_mode):
            os.symlink(os.readlink("", dir_fd=source_fd), name, dir_fd=level.target_fd)
        else:
            os.mknod(name, stat.S_IFMT(status.st_mode) | 0o600, status.st_rdev, dir_fd=level.target_fd)
        target_fd = os.open(name, _PATH_ONLY, dir_fd=level.target_fd)
        try:
            copy_attributes(source_fd, target_fd, status)
        finally:
            os.close(target_fd)

    def _make_file(self, level: Level, name: str, path_fd: int) -> Iterator[None]:
        source_fd = os.open(by_descriptor(path_fd), _READ)
        try:
            status = os.fstat(source_fd)
            target_fd = os.open(name, _NEW_FILE, 0o600, dir_fd=level.target_fd)
            try:
                for count_bytes in self._data.copy(source_fd, target_fd, status):
                    self.data_bytes += count_bytes
                    yield
                copy_attributes(source_fd, target_fd, status)
            finally:
                os.close(target_fd)
        finally:
            os.close(source_fd)


def _link_to(first: _FirstLink | None, level: Level, name: str) -> bool:
    """Makes another name of what was copied already; False when nothing was, or it can't have more names."""
    if first is None:
        return False
    with opened_target(first.level) as fd:
        try:
            os.link(first.name, name, src_dir_fd=fd, dst_dir_fd=level.target_fd, follow_symlinks=False)
        except OSError as error:
            if error.errno == EMLINK:
                return False
            raise
    return True


def _exists(name: str, directory_fd: int) -> bool:
    try:
        os.stat(name, dir_fd=directory_fd, follow_symlinks=False)
    except OSError as error:
        if error.errno in VANISHED:
            return False
        raise
    return True
