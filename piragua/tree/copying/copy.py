"""Copying a volume's data directory: iterative, by directory handles, never through a symbolic link.

Every function blocks; the work is cut into steps so that other calls and a shutdown get their turn. The
source may be written to meanwhile: what vanishes is left out, what is replaced is copied again.
"""

import os
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from piragua.tree import layout
from piragua.tree.copying.copy_attributes import copy_attributes
from piragua.tree.copying.copy_data import DataCopier
from piragua.tree.copying.copy_entries import EntryCopier
from piragua.tree.copying.copy_levels import OPEN_DIRECTORY, VANISHED, Level, Levels
from piragua.tree.handle import Handle

_DEEPEST_OPEN = 100
_LONGEST_PATH_SHOWN = 300


@dataclass(frozen=True)
class DataPath:
    """A data directory: `/<id>/<name>`."""

    volume_id: str
    name: str


class Copier:
    """Copies everything in one data directory into another, new one, and then what the directory itself is like.

    deepest_open: how many levels of the tree may be open; in_kernel: whether `copy_file_range` is tried. One
    thread at a time may call `work`; `close` may be called at any time.
    """

    def __init__(
        self,
        handle: Handle,
        source: DataPath,
        target: DataPath,
        *,
        deepest_open: int = _DEEPEST_OPEN,
        in_kernel: bool = True,
    ) -> None:
        self._handle = handle
        self._source = source
        self._target = target
        self._levels = Levels(deepest_open)
        self._entries = EntryCopier(DataCopier(in_kernel=in_kernel))
        self._directories = 0
        self._name = ""
        self._steps = self._all_steps()
        self._working = threading.Lock()
        self._closed = False

    @property
    def entries(self) -> int:
        """Files, directories and the like that were copied up to now."""
        return self._entries.entries + self._directories

    @property
    def copied_bytes(self) -> int:
        """Bytes of data that were copied up to now, holes left out."""
        return self._entries.data_bytes

    def work(self, seconds: float) -> bool:
        """Copies for about that long; True when all is copied. OSError as the file calls."""
        deadline = time.monotonic() + seconds
        with self._working:
            try:
                while not self._closed:
                    next(self._steps)
                    if time.monotonic() >= deadline:
                        return False
            except StopIteration:
                return True
            finally:
                if self._closed:
                    self._steps.close()
        return False

    def close(self) -> None:
        """Closes what is open; a call of `work` that was given up and still hangs does it when it returns."""
        self._closed = True
        if self._working.acquire(blocking=False):
            try:
                self._steps.close()
            finally:
                self._working.release()

    def _all_steps(self) -> Generator[None]:
        try:
            self._begin()
            while self._levels:
                if self._levels.open_last():
                    yield from self._next_steps(self._levels.last)
                yield
        except OSError as error:
            raise OSError(error.errno, f"copying {self._where!r}: {error.strerror}") from error
        finally:
            self._levels.close()

    def _begin(self) -> None:
        source_fd = self._opened(self._source)
        try:
            target_fd = self._opened(self._target)
        except BaseException:
            os.close(source_fd)
            raise
        self._levels.begin(source_fd, target_fd)

    def _opened(self, path: DataPath) -> int:
        with self._handle.volume(path.volume_id) as fd:
            return os.open(layout.safe_name(path.name), OPEN_DIRECTORY, dir_fd=fd)

    def _next_steps(self, level: Level) -> Iterator[None]:
        if not level.listed:
            yield from self._copy_entries(level)
        elif level.directories:
            self._directories += self._levels.enter(level.directories.pop())
        else:
            self._finish(level)
            self._levels.leave()

    def _copy_entries(self, level: Level) -> Iterator[None]:
        """Copies everything in a directory but its directories, which it notes."""
        try:
            with os.scandir(level.source_fd) as entries:
                for entry in entries:
                    self._name = entry.name
                    if entry.is_dir(follow_symlinks=False):
                        level.directories.append(entry.name)
                    else:
                        yield from self._entries.copy(level, entry.name)
                    yield
        except OSError as error:
            if error.errno not in VANISHED or level.is_in_tree():
                raise
        level.listed = True

    @staticmethod
    def _finish(level: Level) -> None:
        """The last thing for a directory, since all that is made in it changes its times."""
        try:
            copy_attributes(level.source_fd, level.target_fd, level.status)
        except OSError as error:
            if level.above is None or error.errno not in VANISHED or level.is_in_tree():
                raise

    @property
    def _where(self) -> str:
        """What is copied, by its path in the volume as far as that is short."""
        return "/".join([*self._levels.names(10), self._name])[-_LONGEST_PATH_SHOWN:]
