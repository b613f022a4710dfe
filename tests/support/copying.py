"""A folder to copy data directories in, which stands for a mounted Gluster volume."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from piragua.models import dashed
from piragua.tree.copying.copy import Copier, DataPath
from piragua.tree.handle import Handle

ENOUGH_SECONDS = 60


class Place:
    """The folder, with a source that is full and a target that is empty."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.handle = Handle("gv0", str(folder), os.open(folder, os.O_RDONLY | os.O_DIRECTORY))
        self.from_, self.to = DataPath(uuid4().hex, "source"), DataPath(uuid4().hex, "target")
        self.source, self.target = self._made(self.from_), self._made(self.to)

    def _made(self, path: DataPath) -> Path:
        data = self.folder / dashed(path.volume_id) / path.name
        data.mkdir(parents=True)
        return data

    def copier(self, *, deepest_open: int = 100, in_kernel: bool = True) -> Copier:
        return Copier(self.handle, self.from_, self.to, deepest_open=deepest_open, in_kernel=in_kernel)

    def copy(self, *, deepest_open: int = 100, in_kernel: bool = True) -> Copier:
        copier = self.copier(deepest_open=deepest_open, in_kernel=in_kernel)
        assert copier.work(ENOUGH_SECONDS)
        return copier


@contextmanager
def copying_place(folder: Path) -> Iterator[Place]:
    """Modes that are not set on purpose are closed ones meanwhile. In the end it is empty again."""
    before = os.umask(0o077)
    try:
        yield Place(folder)
    finally:
        os.umask(before)
        # pytest removes folders recursively, and not those that are deeper than its recursion goes
        subprocess.run(["find", folder, "-mindepth", "1", "-delete"], check=True, timeout=60)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))
