"""A server of three goes away and comes back: what waits for it, and what it has missed."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
import pytest

from lab.machine import wait_until
from lab.private_gluster import Node, PrivateGluster
from piragua.errors import PiraguaError
from piragua.models import BYTES_PER_GIB
from piragua.tree import layout
from piragua.tree.states import State
from tests.support.by_hand import ByHand, by_hand
from tests.support.core import Core, QuotaConfOf, running_core, uncached_mount
from tests.support.pool import GlusterVolume, gluster_volume

pytestmark = pytest.mark.anyio


@dataclass
class Three:
    """A replicated Gluster volume on three servers of its own, mounted from the first."""

    volume: GlusterVolume
    folder: Path

    @property
    def pool(self) -> PrivateGluster:
        return self.volume.pool

    def kill_brick(self) -> None:
        self.pool.nodes[2].kill_bricks(self.volume.name)

    def is_healed(self) -> bool:
        """Whether nothing waits to be healed; it is healed now, not when Gluster next looks."""
        first = self.pool.nodes[0]
        first.gluster("volume", "heal", self.volume.name, check=False)
        told = first.gluster("volume", "heal", self.volume.name, "info", check=False)
        return told.count("Number of entries: 0") == len(self.pool.nodes)

    def bring_back(self) -> None:
        self.pool.nodes[0].gluster("volume", "start", self.volume.name, "force")
        wait_until(lambda: self.pool.is_online(self.volume.name), "the brick back", 60)


@pytest.fixture(scope="module")
def three() -> Iterator[Three]:
    with PrivateGluster(nodes=3) as pool, gluster_volume(pool) as volume:
        # else Gluster never finishes healing what was removed meanwhile (glusterfs 10.3)
        pool.nodes[0].gluster("volume", "set", volume.name, "cluster.use-anonymous-inode", "off")
        yield Three(volume, uncached_mount(volume))


@pytest.fixture
def hand(three: Three) -> Iterator[ByHand]:
    with by_hand(three.volume, three.folder) as hand:
        yield hand


async def until(condition: Callable[[], Awaitable[bool]], timeout_seconds: float = 60) -> None:
    with anyio.fail_after(timeout_seconds):
        while not await condition():
            await anyio.sleep(0.1)


async def reaches_all(core: Core) -> bool:
    return not await core.mounted.disconnected_bricks()


async def test_the_last_step_of_a_purge_waits_for_every_brick(three: Three, hand: ByHand) -> None:
    async with running_core(three.volume, three.folder) as core:
        volume_id = hand.tell(hand.volume_with(files=5))
        gfid = hand.gfid(volume_id)
        three.kill_brick()

        async def brick_is_missed() -> bool:
            return not await reaches_all(core)

        await until(brick_is_missed)
        deleted = await core.http.delete(f"/volumes/{volume_id}")
        assert (await core.ended(deleted)).status_code == 204

        async def emptied() -> bool:
            return not list(hand.path(volume_id).iterdir())

        await until(emptied)
        for _ in range(3):
            with pytest.raises(Exception, match=r"no connection|does not reach|works on this volume"):
                await core.purger.purge(volume_id)
        assert hand.path(volume_id).exists()
        assert not (three.folder / layout.TOMBSTONES / volume_id).exists()
        assert gfid in await QuotaConfOf(three.pool.nodes[0]).limited_gfids(three.volume.name)
        three.bring_back()
        await core.until_absent(volume_id, timeout_seconds=80)
        for node in three.pool.nodes:
            assert gfid not in await QuotaConfOf(node).limited_gfids(three.volume.name)
            assert not (node.brick(three.volume.name, 0) / hand.path(volume_id).name).exists()


async def test_a_glusterd_that_dies_in_the_middle_of_a_purge_keeps_no_limit(three: Three, hand: ByHand) -> None:
    """That all was well was asked right before; no command takes the limit of a directory away that is gone."""
    async with running_core(three.volume, three.folder, purges=False) as core:
        before, volume_id = (hand.tell(hand.volume_with()) for _ in range(2))
        gfid = hand.gfid(volume_id)
        for each in (before, volume_id):
            assert (await core.ended(await core.http.delete(f"/volumes/{each}"))).status_code == 204
        await core.purger.purge(before)
        three.pool.nodes[2].kill_glusterd()
        try:
            with pytest.raises(Exception, match="not connected"):
                await core.purger.purge(volume_id)
            assert hand.path(volume_id).exists()
        finally:
            three.pool.nodes[2].start_glusterd()

        async def purged() -> bool:
            with suppress(PiraguaError):
                await core.purger.purge(volume_id)
            return three.is_healed() and not hand.path(volume_id).exists()

        await until(purged)
        for node in three.pool.nodes:
            assert gfid not in await QuotaConfOf(node).limited_gfids(three.volume.name)


async def test_limits_are_put_right_only_while_every_brick_is_there(three: Three, hand: ByHand) -> None:
    async with running_core(three.volume, three.folder) as core:
        volume_id = hand.volume_with()
        three.kill_brick()

        async def brick_is_missed() -> bool:
            return not await reaches_all(core)

        await until(brick_is_missed)
        hand.quota("remove", f"/{hand.path(volume_id).name}")
        await core.sweep.sweep()
        assert await core.mounted.limit(volume_id) is None, "it could be a stale brick's"
        three.bring_back()

        async def put_back() -> bool:
            await core.sweep.sweep()
            return await core.mounted.limit(volume_id) == BYTES_PER_GIB

        await until(put_back)
        assert (await core.mounted.observe(volume_id)).state is State.VOLUME


def _sees_all(node: Node) -> bool:
    return "Disconnected" not in node.gluster("peer", "status")


async def test_a_server_learns_of_limits_that_were_set_while_its_glusterd_was_down(
    three: Three, hand: ByHand
) -> None:
    away = three.pool.nodes[2]
    known = QuotaConfOf(away)
    away.kill_glusterd()
    async with running_core(three.volume, three.folder) as core:
        created = await core.http.post("/volumes", json={"size": 1, "name": "meanwhile"})
        assert created.status_code == 202, created.text
        done = await core.http.get(created.headers["location"], follow_redirects=True)
        volume_id = done.json()["id"]
        gfid = hand.gfid(volume_id)
    away.start_glusterd()
    for node in three.pool.nodes:
        wait_until(partial(_sees_all, node), "all peers", 60)
    # Gluster notices by itself within ten minutes that the limit is on two bricks only
    wait_until(three.is_healed, "the limit on all three", 60)
    assert gfid in await QuotaConfOf(three.pool.nodes[0]).limited_gfids(three.volume.name)
    assert gfid not in await known.limited_gfids(three.volume.name)
    three.volume.start_instance(node=2)

    async def learned() -> bool:
        return gfid in await known.limited_gfids(three.volume.name)

    await until(learned)
    assert f"/{hand.path(volume_id).name}" in away.gluster("volume", "quota", three.volume.name, "list")
