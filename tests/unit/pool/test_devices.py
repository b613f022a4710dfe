"""Devices as they are told from memory: what Gluster last reported, and what is said while it has not."""

import asyncio
from dataclasses import replace

import pytest

from piragua.errors import GlusterBusy, NotFound, NotReady, StorageError
from piragua.models import Brick, BrickStatus, Durability, GlusterVolume, part_id
from piragua.pool.devices import Devices

pytestmark = pytest.mark.anyio

ONE, TWO = "1" * 32, "2" * 32
BUSY = GlusterBusy(("volume", "status"), 0, "Another transaction is in progress for gv0")


class FakeGluster:
    """Two nodes; gv0 has two bricks on the first one's /dev/sdb and one on the second, gv1 one on that."""

    def __init__(self) -> None:
        self.clusters = {
            "gv0": GlusterVolume(
                "a" * 32,
                "gv0",
                True,
                Durability(),
                (Brick("n1", "/b/1", ONE), Brick("n1", "/b/2", ONE), Brick("n2", "/b/1", TWO)),
            ),
            "gv1": GlusterVolume("b" * 32, "gv1", True, Durability(), (Brick("n2", "/b/3", TWO),)),
        }
        self.statuses: dict[str, tuple[BrickStatus, ...] | StorageError] = {
            "gv0": (
                BrickStatus(ONE, "/b/1", True, 1000, 400, "/dev/sdb"),
                BrickStatus(ONE, "/b/2", True, 1000, 400, "/dev/sdb"),
                BrickStatus(TWO, "/b/1", True, 2000, 500, "/dev/sdb"),
            ),
            "gv1": (BrickStatus(TWO, "/b/3", True, 2000, 500, "/dev/sdb"),),
        }

    async def gluster_volume(self, id_or_name: str) -> GlusterVolume:
        return self.clusters[id_or_name]

    async def bricks(self, volume: str) -> tuple[BrickStatus, ...]:
        statuses = self.statuses[volume]
        if isinstance(statuses, StorageError):
            raise statuses
        return statuses


def devices(gluster: FakeGluster, *, trust_seconds: float = 300, first_wait_seconds: float = 0) -> Devices:
    return Devices(
        gluster,
        gluster,
        ["gv0", "gv1"],
        trust_seconds=trust_seconds,
        first_wait_seconds=first_wait_seconds,
        retry_seconds=0,
    )


async def test_bricks_on_one_file_system_are_one_device() -> None:
    known = devices(FakeGluster())
    assert await known.refresh()
    first, second = sorted(await known.all(), key=lambda device: device.node_id)
    assert (first.id, first.node_id, first.name) == (part_id(ONE, "/dev/sdb"), ONE, "/dev/sdb")
    assert (first.total_bytes, first.free_bytes, first.online) == (1000, 400, True)
    assert [brick.path for brick in first.bricks] == ["/b/1", "/b/2"]
    assert [(brick.gluster_volume_id[0], brick.path) for brick in second.bricks] == [("a", "/b/1"), ("b", "/b/3")]
    assert await known.of_node(TWO) == (second,)
    assert await known.device(second.id) == second
    assert known.id_of(Brick("n1", "/b/2", ONE)) == first.id


async def test_what_was_never_reported_is_not_called_unknown_and_its_node_can_be_shown() -> None:
    gluster = FakeGluster()
    gluster.statuses["gv1"] = BUSY
    known = devices(gluster)
    for _ in range(2):
        with pytest.raises(NotReady):
            await known.device("f" * 32)
        with pytest.raises(NotReady):
            await known.all()
        assert not await known.refresh()
    assert len(await known.of_node(TWO)) == 1
    gluster.statuses["gv1"] = FakeGluster().statuses["gv1"]
    assert await known.refresh()
    with pytest.raises(NotFound):
        await known.device("f" * 32)


async def test_a_round_that_fails_changes_nothing() -> None:
    gluster = FakeGluster()
    known = devices(gluster)
    await known.refresh()
    before = await known.all()
    gluster.statuses["gv0"] = BUSY
    assert not await known.refresh()
    assert await known.all() == before


async def test_a_brick_that_is_down_or_whose_node_is_away_makes_its_device_offline() -> None:
    gluster = FakeGluster()
    known = devices(gluster)
    await known.refresh()
    before = await known.all()
    running = gluster.statuses["gv0"]
    assert isinstance(running, tuple)
    gluster.statuses["gv0"] = (replace(running[0], online=False), running[1])
    await known.refresh()
    assert await known.all() == tuple(replace(device, online=False) for device in before)


async def test_a_node_that_was_away_from_the_start_makes_answers_wait_for_it() -> None:
    gluster = FakeGluster()
    running = gluster.statuses["gv0"]
    assert isinstance(running, tuple)
    gluster.statuses["gv0"] = running[:2]
    known = devices(gluster)
    assert await known.refresh()
    with pytest.raises(NotReady, match="n2:/b/1"):
        await known.device("f" * 32)


async def test_what_was_not_reported_for_long_is_shown_as_offline() -> None:
    known = devices(FakeGluster(), trust_seconds=-1)
    await known.refresh()
    assert [device.online for device in await known.all()] == [False, False]


async def test_a_brick_that_was_removed_is_shown_no_more() -> None:
    gluster = FakeGluster()
    known = devices(gluster)
    await known.refresh()
    gluster.clusters["gv1"] = replace(gluster.clusters["gv1"], bricks=())
    await known.refresh()
    (device,) = await known.of_node(TWO)
    assert [brick.path for brick in device.bricks] == ["/b/1"]


async def test_the_first_answers_wait_for_the_first_report() -> None:
    known = devices(FakeGluster(), first_wait_seconds=30)
    asked = asyncio.create_task(known.of_node(ONE))
    await asyncio.sleep(0)
    keeping = asyncio.create_task(known.keep())
    assert len(await asked) == 1
    keeping.cancel()
