"""Purging deleted volumes on a real Gluster: nothing outside is touched, no limit outlives its directory."""

import os
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lab.machine import wait_until
from lab.private_gluster import PrivateGluster
from piragua.errors import Conflict
from piragua.models import dashed
from piragua.mounting import glusterfs
from piragua.tree import layout
from piragua.tree.states import State
from tests.support.behind import brick
from tests.support.by_hand import ByHand
from tests.support.calls import ask, go_client
from tests.support.core import Core, QuotaConfOf, running_core, uncached_mount
from tests.support.pool import GlusterVolume, gluster_volume

pytestmark = pytest.mark.anyio

_WRITER = """
import os, sys
folder, number = sys.argv[1], 0
print("writing", flush=True)
while True:
    number += 1
    try:
        os.makedirs(f"{folder}/directory{number % 7}", exist_ok=True)
        with open(f"{folder}/directory{number % 7}/{number}", "w") as file:
            file.write("more")
    except OSError as refused:
        if not os.path.exists(folder):
            sys.exit(0)
"""


@pytest.fixture(scope="module")
def folder(volume: GlusterVolume) -> Path:
    return uncached_mount(volume)


async def delete(core: Core, volume_id: str) -> None:
    deleted = await core.http.delete(f"/volumes/{volume_id}")
    assert deleted.status_code == 202
    assert (await core.ended(deleted)).status_code == 204


async def test_links_are_removed_and_never_followed(
    volume: GlusterVolume, folder: Path, hand: ByHand, tmp_path: Path
) -> None:
    outside = [tmp_path / "on this machine", folder / "beside the volumes"]
    for each in outside:
        each.mkdir()
        (each / "file").write_text("kept")
    async with running_core(volume, folder) as core:
        neighbour = hand.volume_with(files=2)
        volume_id = hand.tell(hand.volume_with())
        data = hand.data_path(volume_id)
        for number, target in enumerate(
            [*map(str, outside), "/", "/etc/passwd", "..", "../..", f"../../{dashed(neighbour)}", "nowhere"]
        ):
            (data / f"link{number}").symlink_to(target)
        (data / "into a neighbour").symlink_to(hand.data_path(neighbour))
        (hand.path(volume_id) / "beside the data").symlink_to(outside[0])
        os.link(outside[1] / "file", data / "hard link")
        await delete(core, volume_id)
        await core.until_absent(volume_id)
    for each in outside:
        assert (each / "file").read_text() == "kept"
        assert (each / "file").stat().st_nlink == 1
    assert len(list(hand.data_path(neighbour).iterdir())) == 2
    assert Path("/etc/passwd").exists()


async def test_all_that_a_tenant_can_make_is_removed(volume: GlusterVolume, folder: Path, hand: ByHand) -> None:
    async with running_core(volume, folder) as core:
        volume_id = hand.tell(hand.volume_with())
        data = os.fsencode(hand.data_path(volume_id))
        os.mkfifo(data + b"/fifo")
        os.mknod(data + b"/device", stat.S_IFCHR | 0o600, os.makedev(1, 3))
        os.mknod(data + b"/disk", stat.S_IFBLK | 0o600, os.makedev(7, 0))
        with socket.socket(socket.AF_UNIX) as listening:
            os.symlink(data, b"/tmp/s-" + os.fsencode(volume_id))
            listening.bind(b"/tmp/s-" + os.fsencode(volume_id) + b"/socket")
            os.unlink(b"/tmp/s-" + os.fsencode(volume_id))
        for name in (b"new\nline", b"\xff\xfe", b"-rf", b" ", b"*", b"x" * 255, b"...", "ü".encode(), b"\x01"):
            os.mkdir(data + b"/" + name, 0)
            with open(data + b"/" + name + b"/" + name, "wb") as file:
                os.fchmod(file.fileno(), 0)
        await delete(core, volume_id)
        await core.until_absent(volume_id)


async def test_a_deep_and_a_wide_tree(volume: GlusterVolume, folder: Path, hand: ByHand) -> None:
    async with running_core(volume, folder) as core:
        deep, wide = hand.volume_with(), hand.volume_with()
        _dig(hand.data_path(deep), levels=60)
        _fill(hand.data_path(wide), files=1200)
        for volume_id in (deep, wide):
            await delete(core, hand.tell(volume_id))
        await core.until_absent(deep, wide, timeout_seconds=120)


def _dig(top: Path, levels: int) -> None:
    fd = os.open(top, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d", dir_fd=fd)
        below = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)


def _fill(top: Path, files: int) -> None:
    fd = os.open(top, os.O_RDONLY)
    for number in range(files):
        os.mknod(f"{number}", 0o600, dir_fd=fd)
    os.close(fd)


async def test_a_large_tree_does_not_delay_the_answer(volume: GlusterVolume, folder: Path, hand: ByHand) -> None:
    async with running_core(volume, folder) as core:
        volume_id = hand.tell(hand.volume_with())
        data = hand.data_path(volume_id)
        _fill(data, files=500)
        await delete(core, volume_id)
        still_there = len(os.listdir(data))
        assert (await core.http.get(f"/volumes/{volume_id}")).status_code == 404
        assert volume_id not in (await core.http.get("/volumes")).json()["volumes"]
        assert still_there > 0, "the answer did not wait for the data to go"
        await core.until_absent(volume_id)


@pytest.mark.parametrize("writers", [1, 4])
async def test_writers_neither_keep_a_volume_nor_hold_up_others(
    writers: int, volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    async with running_core(volume, folder) as core:
        written = [hand.volume_with() for _ in range(2)]
        quiet = hand.volume_with(files=3)
        processes = []
        for volume_id in written:
            deep = volume.deep_mount(f"{volume.name}/{dashed(volume_id)}/vol_{volume_id}")
            for _ in range(writers):
                argv = [sys.executable, "-c", _WRITER, str(deep)]
                processes.append(subprocess.Popen(argv, stdout=subprocess.PIPE))
        try:
            for process in processes:
                assert process.stdout is not None
                assert process.stdout.readline() == b"writing\n"
            for volume_id in (*written, quiet):
                await delete(core, hand.tell(volume_id))
            await core.until_absent(quiet, timeout_seconds=60)
        finally:
            for process in processes:
                process.kill()
                process.communicate()
        await core.until_absent(*written, timeout_seconds=60)


async def test_limit_first_then_the_directory(volume: GlusterVolume, folder: Path, hand: ByHand) -> None:
    node = volume.pool.nodes[0]
    async with running_core(volume, folder, purges=False) as core:
        ids = [hand.tell(hand.volume_with(files=2)) for _ in range(3)]
        gfids = {hand.gfid(each) for each in ids}
        limited = QuotaConfOf(node)
        assert gfids <= await limited.limited_gfids(volume.name)
        for volume_id in ids:
            await delete(core, volume_id)
            await core.purger.purge(volume_id)
            assert not hand.path(volume_id).exists()
            assert (folder / layout.TOMBSTONES / volume_id).exists()
        assert not gfids & await limited.limited_gfids(volume.name)
        assert not [each for each in ids if dashed(each) in hand.quota("list")]


async def test_nothing_is_purged_before_its_retention_is_over(
    volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    async with running_core(volume, folder, purges=False, retention_seconds=3600) as core:
        volume_id = hand.tell(hand.volume_with(files=2))
        await delete(core, volume_id)
        core.clock.pass_by(3600 - 300)
        await core.purger.purge(volume_id)
        assert (await core.mounted.observe(volume_id)).state is State.TRASH
        assert (hand.data_path(volume_id) / "file1").read_text() == "kept"
        assert await core.mounted.limit(volume_id) is not None
        core.clock.pass_by(301)
        await core.purger.purge(volume_id)
        assert not hand.path(volume_id).exists()


async def test_nothing_is_purged_while_somebody_works_on_it(
    volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    async with running_core(volume, folder, purges=False) as core:
        volume_id = hand.tell(hand.volume_with(files=1))
        await delete(core, volume_id)
        hand.lock(volume_id)
        with pytest.raises(Conflict):
            await core.purger.purge(volume_id)
        assert (hand.data_path(volume_id) / "file0").exists()


async def test_a_purge_that_was_cut_off_goes_on(volume: GlusterVolume, folder: Path, hand: ByHand) -> None:
    volume_id = hand.tell(hand.volume_with())
    _fill(hand.data_path(volume_id), files=300)
    async with running_core(volume, folder, purges=False) as core:
        await delete(core, volume_id)
        lock = await core.mounted.take_id(volume_id, timeout_seconds=0)
        assert not await core.mounted.blocking(lambda: core.mounted.data_purge(volume_id).work(100))
        await lock.release()
        assert 0 < len(os.listdir(hand.data_path(volume_id))) < 300
    async with running_core(volume, folder) as core:
        await core.sweep.sweep()
        await core.until_absent(volume_id)


async def test_what_no_listing_shows_is_found_and_removed(one_node: PrivateGluster) -> None:
    """A data directory that only the brick has which its name does not belong to (glusterfs 10.3)."""
    with gluster_volume(one_node, bricks_per_node=2) as volume:
        instance = volume.start_instance()
        client = go_client(instance)
        ids = [client.create({"size": 1})["id"] for _ in range(16)]
        assert ask(instance, "POST", "/piragua/v1/purge", {"state": "paused"}).status_code == 204
        for volume_id in ids:
            client.delete(volume_id)
        root = volume.mount(options=glusterfs.OPTIONS)
        first, second = (brick(one_node.nodes[0], volume.name, number) for number in range(2))
        for volume_id in ids:
            shutil.rmtree(first / dashed(volume_id) / f"vol_{volume_id}")
        unseen = [each for each in ids if not os.listdir(root / dashed(each))]
        assert unseen, "none of the names belongs to the first brick"
        assert all((second / dashed(each) / f"vol_{each}").is_dir() for each in unseen)
        assert ask(instance, "POST", "/piragua/v1/purge", {"state": "running"}).status_code == 204
        wait_until(lambda: not {*map(dashed, ids)} & {*os.listdir(first), *os.listdir(second)}, "the purge", 60)
        assert not any("everywhere" in path for path in instance.mounts())
