"""A data directory that one brick has and no listing shows, as the death of a FUSE client can leave it."""

import os
import uuid
from pathlib import Path

import anyio
import pytest
from private_gluster import PrivateGluster

from piragua.errors import PiraguaError
from tests.behind import brick, gfid
from tests.core import Core, running_core, uncached_mount
from tests.pool import GlusterVolume, gluster_volume
from tests.tree.by_hand import DELETED_LONG_AGO, ByHand, by_hand

pytestmark = pytest.mark.anyio

BRICKS = 2


async def test_it_is_purged_with_its_volume(one_node: PrivateGluster) -> None:
    with gluster_volume(one_node, bricks_per_node=BRICKS) as volume:
        folder = uncached_mount(volume)
        with by_hand(volume, folder) as hand:
            async with running_core(volume, folder, purges=False) as core:
                volume_id = hand.gone(hand.volume_with(), DELETED_LONG_AGO)
                hide_data(volume, hand, volume_id)
                with anyio.fail_after(30):
                    await purge(core, volume_id)
                for number in range(BRICKS):
                    assert not (brick(one_node.nodes[0], volume.name, number) / hand.path(volume_id).name).exists()
    one_node.delete_volume(volume.name)


def hide_data(volume: GlusterVolume, hand: ByHand, volume_id: str) -> None:
    """Takes the data directory away but for one brick, that which listings of directories do not ask."""
    data = hand.data_path(volume_id)
    data.rmdir()
    for number in range(BRICKS):
        _make_behind(brick(volume.pool.nodes[0], volume.name, number), hand.path(volume_id).name, data.name)
        if not os.listdir(hand.path(volume_id)):
            return
        data.rmdir()
    raise AssertionError("it is listed, wherever it is")


def _make_behind(root: Path, directory: str, name: str) -> None:
    """A directory as Gluster has it on that brick: with a gfid, and a link from that."""
    parent, own = str(uuid.UUID(bytes=gfid(root / directory))), uuid.uuid4()
    (root / directory / name).mkdir()
    os.setxattr(root / directory / name, "trusted.gfid", own.bytes)
    link = root / ".glusterfs" / str(own)[:2] / str(own)[2:4] / str(own)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(f"../../{parent[:2]}/{parent[2:4]}/{parent}/{name}")


async def purge(core: Core, volume_id: str) -> None:
    """Until it is gone; what is not possible yet is tried again."""
    while volume_id in await core.mounted.ids_in_root():
        try:
            await core.purger.purge(volume_id)
        except PiraguaError as error:
            print(error)
            await anyio.sleep(0.1)
