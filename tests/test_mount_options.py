"""What the options of Piragua's own mounts keep away."""

import errno
import os
from pathlib import Path

from piragua.tree import mounts
from tests.pool import GlusterVolume

DIRECTORIES = 40
FILES_EACH = 3


def test_a_writer_that_meets_its_limit_does_not_end_the_mount(fresh_volume: GlusterVolume) -> None:
    """Small writes, one of which the limit cuts short: with write-behind the FUSE client died of it."""
    root = fresh_volume.mount(options=mounts.OPTIONS)
    node = fresh_volume.pool.nodes[0]
    for number in range(DIRECTORIES):
        directory = root / f"directory{number}"
        directory.mkdir()
        node.gluster("volume", "quota", fresh_volume.name, "limit-usage", f"/{directory.name}", "2MB")
        for each in range(FILES_EACH):
            assert refused_at(directory / f"file{each}", piece_bytes=40_000 + 7 * each) == errno.EDQUOT
    assert len(os.listdir(root)) >= DIRECTORIES


def refused_at(path: Path, piece_bytes: int) -> int:
    """Writes about 8 MB in such pieces; the number of the error that ended it."""
    try:
        with path.open("wb", buffering=0) as file:
            for _ in range(200):
                file.write(bytes(piece_bytes))
            os.fsync(file.fileno())
    except OSError as error:
        return error.errno or 0
    return 0
