"""A full disk: what was made stays readable, a delete works and frees it, and what does not fit leaves nothing."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.machine import wait_until
from lab.private_gluster import PrivateGluster
from tests.support.behind import directory, limits_bytes, recorded_gfids, volume_directories
from tests.support.calls import ask, go_client, told_by
from tests.support.instance import Instance
from tests.support.pool import GlusterVolume, gluster_volume

BRICK_MIB = 1400  # a volume of 1 GiB has to fit
CONTENT_BYTES = 200 * 2**20


def fill(disk: Path) -> Path:
    """Leaves nothing on the disk, at the expense of nobody's limit; the file that takes it up."""
    filler = disk / "filler"
    fd = os.open(filler, os.O_CREAT | os.O_WRONLY)
    step = 64 * 2**20
    end = os.fstat(fd).st_size
    try:
        while step >= 4096:
            try:
                os.posix_fallocate(fd, end, step)
                end += step
            except OSError as error:
                assert error.errno == errno.ENOSPC
                step //= 2
    finally:
        os.close(fd)
    return filler


def free_bytes(disk: Path) -> int:
    status = os.statvfs(disk)
    return status.f_bavail * status.f_frsize


def refused(instance: Instance, disk: Path) -> str:
    """Why a create fails, at once or at its operation's end."""
    for _ in range(5):
        first = ask(instance, "POST", "/volumes", {"size": 1})
        last = told_by(instance, first.headers["location"], 60) if first.status_code == 202 else first
        if last.status_code != 303:
            break
        # XFS gives back later what it had reserved for files that grew: then the disk was not full yet.
        go_client(instance).delete(last.headers["location"].removeprefix("/volumes/"))
        fill(disk)
    assert last.status_code in (500, 503), last.text
    return last.text


@pytest.fixture(scope="module")
def pool() -> Iterator[PrivateGluster]:
    with PrivateGluster() as pool:
        yield pool


@pytest.fixture
def volume(pool: PrivateGluster) -> Iterator[GlusterVolume]:
    """A Gluster volume on a small disk of its own."""
    with gluster_volume(pool, brick_size_mib=BRICK_MIB) as volume:
        yield volume
    pool.delete_volume(volume.name)


def test_on_a_full_disk_a_delete_works_and_frees_it(pool: PrivateGluster, volume: GlusterVolume) -> None:
    node = pool.nodes[0]
    disk = Path(f"{node.root}{node.brick_device(volume.name, 0)}")
    instance = volume.start_instance()
    client = go_client(instance)
    kept, doomed = str(client.create({"size": 1})["id"]), str(client.create({"size": 1})["id"])
    mounted = volume.mount()
    content = mounted / directory(doomed) / f"vol_{doomed}" / "content"
    with content.open("wb") as file:
        file.write(bytes(CONTENT_BYTES))
    filler = fill(disk)
    assert free_bytes(disk) < 2**20

    said = refused(instance, disk)
    assert "no space left" in said.lower(), said
    assert client.info(kept)["size"] == 1
    assert sorted(client.list()) == sorted([kept, doomed])

    client.delete(doomed)
    assert client.list() == [kept]
    assert ask(instance, "GET", f"/volumes/{doomed}").status_code == 404
    wait_until(lambda: free_bytes(disk) > CONTENT_BYTES * 3 // 4, "the disk freed", 60)
    names = {directory(kept)}
    wait_until(lambda: volume_directories(node, volume.name) == names, "nothing left of both", 60)
    assert limits_bytes(node, volume.name).keys() == {f"/{directory(kept)}"}
    assert len(recorded_gfids(node, volume.name)) == 1
    filler.unlink()
    client.create({"size": 1})


def test_an_empty_volume_is_deleted_on_a_disk_that_stays_full(pool: PrivateGluster, volume: GlusterVolume) -> None:
    node = pool.nodes[0]
    disk = Path(f"{node.root}{node.brick_device(volume.name, 0)}")
    instance = volume.start_instance()
    client = go_client(instance)
    doomed = str(client.create({"size": 1})["id"])
    filler = fill(disk)
    client.delete(doomed)
    assert client.list() == []
    assert ask(instance, "GET", f"/volumes/{doomed}").status_code == 404
    filler.unlink()
    wait_until(lambda: not volume_directories(node, volume.name), "it purged once there is room", 90)
    assert recorded_gfids(node, volume.name) == set()
