"""What the options of Piragua's own mounts keep away."""

import errno
import os
from pathlib import Path

from piragua.mounting import glusterfs
from piragua.tree.handle import by_descriptor
from tests.bench.work import brick_calls
from tests.support.pool import GlusterVolume

DIRECTORIES = 40
FILES_EACH = 3
CALLS = 100


def test_a_writer_that_meets_its_limit_does_not_end_the_mount(fresh_volume: GlusterVolume) -> None:
    """Small writes, one of which the limit cuts short: with write-behind the FUSE client died of it."""
    root = fresh_volume.mount(options=glusterfs.OPTIONS)
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


def test_a_call_is_one_call_at_the_bricks(fresh_volume: GlusterVolume) -> None:
    """Where the kernel checks permissions, it asks for the attributes before each."""
    root = fresh_volume.mount(options=glusterfs.OPTIONS)
    fresh_volume.pool.nodes[0].gluster("volume", "profile", fresh_volume.name, "start")
    (root / "directory").mkdir()
    opened = os.open(root / "directory", os.O_PATH)
    try:
        before = brick_calls(fresh_volume)
        for _ in range(CALLS):
            os.setxattr(by_descriptor(opened), "user.test", b"1")
            os.getxattr(by_descriptor(opened), "user.test")
        asked = brick_calls(fresh_volume) - before
    finally:
        os.close(opened)
    assert asked["SETXATTR"] == CALLS
    assert asked["STAT"] < CALLS / 2, asked
