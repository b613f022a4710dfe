"""What a sweep puts right: limits that were lost or changed by hand, directories that new bricks lack."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import anyio
import pytest

from lab.deep_mount import NotDeepMounted
from lab.machine import wait_until
from lab.private_gluster import PrivateGluster
from piragua.models import BYTES_PER_GIB, dashed
from tests.support.by_hand import ByHand, by_hand, record_of
from tests.support.core import Core, running_core, uncached_mount
from tests.support.pool import GlusterVolume, mounted

pytestmark = pytest.mark.anyio


async def recorded(core: Core, volume_id: str) -> int:
    record = (await core.mounted.observe(volume_id)).record
    assert record is not None
    return record.size_bytes


def _by_hand(volume: GlusterVolume) -> AbstractContextManager[ByHand]:
    return by_hand(volume, uncached_mount(volume))


async def test_limits_that_quota_lost_are_put_back(fresh_volume: GlusterVolume) -> None:
    with _by_hand(fresh_volume) as hand:
        async with running_core(fresh_volume, hand.folder) as core:
            ids = [hand.volume_with() for _ in range(3)]
            hand.quota("disable")
            await core.sweep.sweep()
            assert [await core.mounted.limit(each) for each in ids] == [None] * 3, "quota is off"
            hand.quota("enable")
            assert [await core.mounted.limit(each) for each in ids] == [None] * 3, "the limits are lost"
            await core.sweep.sweep()
            assert [await core.mounted.limit(each) for each in ids] == [BYTES_PER_GIB] * 3
            listed = hand.quota("list")
            assert all(f"/{dashed(each)}" in listed for each in ids)


async def test_a_limit_above_the_record_is_adopted(fresh_volume: GlusterVolume) -> None:
    with _by_hand(fresh_volume) as hand:
        async with running_core(fresh_volume, hand.folder) as core:
            volume_id = hand.limit(hand.volume_with(), 3 * BYTES_PER_GIB)
            await core.sweep.sweep()
            assert await recorded(core, volume_id) == 3 * BYTES_PER_GIB
            assert (await core.http.get(f"/volumes/{volume_id}")).json()["size"] == 3


async def test_a_limit_below_the_record_never_shrinks_a_volume(fresh_volume: GlusterVolume) -> None:
    with _by_hand(fresh_volume) as hand:
        async with running_core(fresh_volume, hand.folder) as core:
            volume_id = hand.limit(hand.volume_with(), 2**20)
            await core.sweep.sweep()
            assert await recorded(core, volume_id) == BYTES_PER_GIB


async def test_a_limit_of_the_whole_gluster_volumes_size_means_none(fresh_volume: GlusterVolume) -> None:
    with _by_hand(fresh_volume) as hand:
        async with running_core(fresh_volume, hand.folder) as core:
            volume_id = hand.volume_with()
            hand.limit(volume_id, await core.mounted.size_bytes())
            await core.sweep.sweep()
            assert await recorded(core, volume_id) == BYTES_PER_GIB
            assert await core.mounted.limit(volume_id) == BYTES_PER_GIB


async def test_an_original_is_left_as_it_stands(fresh_volume: GlusterVolume) -> None:
    with _by_hand(fresh_volume) as hand:
        async with running_core(fresh_volume, hand.folder) as core:
            volume_id = hand.tell(hand.data(hand.directory(), "vol_original"))
            await core.sweep_twice()
            assert await core.mounted.limit(volume_id) is None
            assert (await core.mounted.observe(volume_id)).record is None


async def test_a_list_is_whole_when_bricks_were_added_before_the_start(
    new_pool: Callable[..., PrivateGluster], new_volume: Callable[..., GlusterVolume]
) -> None:
    """glusterfs 10.3: older directories can be missing from listings then, until they are looked up."""
    pool = new_pool()
    volume, node = new_volume(pool), pool.nodes[0]
    async with running_core(volume, uncached_mount(volume)) as core:
        ids = [await made(core, f"named-{number}" if number % 2 else None) for number in range(8)]
    for number in (1, 2):
        brick = node.make_brick(volume.name, number, None)
        node.gluster("volume", "add-brick", volume.name, brick, "force")
    wait_until(lambda: pool.is_online(volume.name), "the new bricks online", 20)
    async with running_core(volume, uncached_mount(volume)) as core:
        assert (await core.http.get("/volumes")).json()["volumes"] == sorted(ids)


async def made(core: Core, name: str | None) -> str:
    """The id of a new volume of that name."""
    accepted = await core.http.post("/volumes", json={"size": 1} | ({"name": name} if name else {}))
    with anyio.fail_after(60):
        while True:
            reply = await core.http.get(accepted.headers["location"], follow_redirects=False)
            if reply.status_code == 303:
                return reply.headers["location"].removeprefix("/volumes/")


async def test_volumes_stay_as_they_are_when_a_gluster_volume_gets_its_second_brick(
    new_pool: Callable[..., PrivateGluster], new_volume: Callable[..., GlusterVolume]
) -> None:
    # glusterfs 10.3 sets the mode of older directories to 0, and their owner to root, on their second lookup
    pool = new_pool()
    volume, node = new_volume(pool), pool.nodes[0]
    with _by_hand(volume) as hand:
        async with running_core(volume, hand.folder) as core:
            ids = [hand.volume_with(replace(record_of("0" * 32), gid=2000), files=1) for _ in range(4)]
            for volume_id in ids:
                os.chown(hand.data_path(volume_id), 0, 2000)
                hand.data_path(volume_id).chmod(0o2775)
            await core.sweep.sweep()
            node.gluster("volume", "add-brick", volume.name, node.make_brick(volume.name, 1, None), "force")
            wait_until(lambda: pool.is_online(volume.name), "the new brick online", 20)
            added = node.brick(volume.name, 1)
            paths = [f"{dashed(each)}/{hand.data_path(each).name}" for each in ids]
            assert not any((added / path).exists() for path in paths)
            with pytest.raises(NotDeepMounted), mounted(node, f"{volume.name}/{paths[0]}"):
                pass
            await core.sweep.sweep()
            await core.sweep.sweep()
            assert (await core.http.get("/volumes")).json()["volumes"] == sorted(ids)
            for path in paths:
                for brick in (node.brick(volume.name, 0), added):
                    above, data = (brick / path).parent.stat(), (brick / path).stat()
                    assert (above.st_uid, above.st_gid, above.st_mode & 0o7777) == (0, 0, 0o755)
                    assert (data.st_uid, data.st_gid, data.st_mode & 0o7777) == (0, 2000, 0o2775)
                with mounted(node, f"{volume.name}/{path}") as folder:
                    assert (folder / "file0").read_text() == "kept"
                    (folder / "more").write_text("new")
            assert [await core.mounted.limit(each) for each in ids] == [BYTES_PER_GIB] * 4


async def test_modes_that_an_administrator_or_a_pod_chose_are_left_alone(fresh_volume: GlusterVolume) -> None:
    with _by_hand(fresh_volume) as hand:
        async with running_core(fresh_volume, hand.folder) as core:
            volume_id = hand.volume_with()
            hand.data_path(volume_id).chmod(0)
            os.chown(hand.data_path(volume_id), 1000, 1000)
            hand.path(volume_id).chmod(0o711)
            await core.sweep.sweep()
            chosen = hand.data_path(volume_id).stat()
            assert (chosen.st_uid, chosen.st_gid, chosen.st_mode & 0o7777) == (1000, 1000, 0)
            assert hand.path(volume_id).stat().st_mode & 0o7777 == 0o711
