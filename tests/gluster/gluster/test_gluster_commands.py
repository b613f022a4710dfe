"""What Piragua asks of Gluster, on a real one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from lab.private_gluster import Node, PrivateGluster
from piragua.errors import GlusterError, GlusterTimeout, GlusterUnavailable, NoSuchGlusterVolume
from piragua.gluster.gluster import Gluster
from piragua.models import Durability, Layout
from tests.support.pool import GlusterVolume

pytestmark = pytest.mark.anyio

GIB = 2**30
PATIENCE_SECONDS = 20.0

Ask = Callable[[Node], Gluster]


@pytest.fixture
async def ask(tmp_path: Path) -> AsyncIterator[Ask]:
    """Gluster as an instance on that node would ask it: heals and listings need the node's own files."""
    opened: list[Gluster] = []

    def on(node: Node) -> Gluster:
        program = tmp_path / f"gluster-{node.pid}"
        enter = f"nsenter --target={node.pid} --net --mount --uts --ipc --pid --root"
        program.write_text(f'#!/bin/sh\nexec {enter} -- gluster "$@"\n')
        program.chmod(0o755)
        opened.append(Gluster(program=str(program)))
        return opened[-1]

    yield on
    for gluster in opened:
        await gluster.aclose()


def directories(volume: GlusterVolume, count: int = 1) -> list[str]:
    """New directories in the Gluster volume, as `/<uuid>`."""
    names = [str(uuid4()) for _ in range(count)]
    root = volume.mount()
    for name in names:
        (root / name).mkdir()
    return [f"/{name}" for name in names]


async def test_a_limit_is_set_changed_read_and_removed(fresh_volume: GlusterVolume, ask: Ask) -> None:
    gluster = ask(fresh_volume.pool.nodes[0])
    one, two = directories(fresh_volume, 2)
    assert await gluster.limits(fresh_volume.name) == {}

    await gluster.set_limit(fresh_volume.name, one, GIB)
    await gluster.set_limit(fresh_volume.name, one, 2 * GIB)

    assert await gluster.limit(fresh_volume.name, one) == 2 * GIB
    assert await gluster.limit(fresh_volume.name, two) is None
    assert await gluster.limits(fresh_volume.name) == {one: 2 * GIB}
    assert await gluster.remove_limit(fresh_volume.name, one) is True
    assert await gluster.remove_limit(fresh_volume.name, one) is False
    assert await gluster.limit(fresh_volume.name, one) is None


async def test_a_missing_directory_or_volume_is_an_error_at_once(fresh_volume: GlusterVolume, ask: Ask) -> None:
    gluster = ask(fresh_volume.pool.nodes[0])
    nowhere = f"/{uuid4()}"

    with pytest.raises(GlusterError, match="No such file"):
        await gluster.set_limit(fresh_volume.name, nowhere, GIB)
    with pytest.raises(GlusterError, match="No such file"):
        await gluster.limit(fresh_volume.name, nowhere)
    with pytest.raises(NoSuchGlusterVolume):
        await gluster.set_limit("nosuchvolume", nowhere, GIB)
    with pytest.raises(NoSuchGlusterVolume):
        await gluster.volume("nosuchvolume")


async def test_quota_off_says_how_to_turn_it_on(fresh_volume: GlusterVolume, ask: Ask) -> None:
    (path,) = directories(fresh_volume)
    fresh_volume.pool.nodes[0].gluster("volume", "quota", fresh_volume.name, "disable")

    with pytest.raises(GlusterError, match=f"gluster volume quota {fresh_volume.name} enable"):
        await ask(fresh_volume.pool.nodes[0]).set_limit(fresh_volume.name, path, GIB)


async def test_the_pool_the_volume_and_its_bricks_are_described(
    fresh_replicated_volume: GlusterVolume, ask: Ask
) -> None:
    volume = fresh_replicated_volume
    gluster = ask(volume.pool.nodes[0])

    described = await gluster.volume(volume.name)
    peers = await gluster.peers()
    bricks = await gluster.bricks(volume.name)

    assert UUID(described.id).version == 4
    assert described.started
    assert described.durability == Durability(Layout.REPLICATE, replica=3)
    assert described.options["features.quota"] == "on"
    assert sorted(peer.local for peer in peers) == [False, False, True]
    assert all(peer.connected for peer in peers)
    assert {brick.peer_id for brick in described.bricks} == {peer.id for peer in peers}
    assert {(brick.peer_id, brick.path) for brick in bricks} == {
        (brick.peer_id, brick.path) for brick in described.bricks
    }
    assert all(brick.online and 0 < brick.size_free_bytes <= brick.size_total_bytes for brick in bricks)
    assert await gluster.heal_pending(volume.name) == frozenset()
    assert await gluster.working_directory() == "/var/lib/glusterd"


async def test_instances_that_set_limits_at_once_all_succeed(
    fresh_replicated_volume: GlusterVolume, ask: Ask
) -> None:
    volume = fresh_replicated_volume
    paths = directories(volume, 12)
    instances = [ask(node) for node in volume.pool.nodes]

    await asyncio.gather(
        *(instances[number % 3].set_limit(volume.name, path, GIB) for number, path in enumerate(paths)),
        *(instance.limits(volume.name) for instance in instances),
    )

    assert await instances[0].limits(volume.name) == dict.fromkeys(paths, GIB)


async def test_listings_at_once_on_one_server_leave_nothing_out(fresh_volume: GlusterVolume, ask: Ask) -> None:
    paths = directories(fresh_volume, 5)
    node = fresh_volume.pool.nodes[0]
    for path in paths:
        await ask(node).set_limit(fresh_volume.name, path, GIB)

    listings = await asyncio.gather(*(ask(node).limits(fresh_volume.name) for _ in range(4)))

    assert listings == [dict.fromkeys(paths, GIB)] * 4


async def test_a_killed_brick_shows_and_can_be_started(
    new_pool: Callable[..., PrivateGluster], new_volume: Callable[..., GlusterVolume], ask: Ask
) -> None:
    volume = new_volume(new_pool(nodes=3))
    gluster = ask(volume.pool.nodes[0])
    (path,) = directories(volume)
    volume.pool.nodes[2].kill_bricks(volume.name)

    assert sorted(brick.online for brick in await gluster.bricks(volume.name)) == [False, True, True]
    with pytest.raises(GlusterError, match="no answer from"):
        await gluster.heal_pending(volume.name)
    await gluster.set_limit(volume.name, path, GIB)

    await gluster.start_force(volume.name)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while {brick.online for brick in await gluster.bricks(volume.name)} != {True}:
            pass


async def test_a_glusterd_that_dies_under_open_sessions_is_noticed_and_comes_back(
    new_pool: Callable[..., PrivateGluster], new_volume: Callable[..., GlusterVolume], ask: Ask
) -> None:
    volume = new_volume(new_pool())
    node = volume.pool.nodes[0]
    gluster = ask(node)
    (path,) = directories(volume)
    await gluster.set_limit(volume.name, path, GIB)

    dying = asyncio.create_task(gluster.set_limit(volume.name, path, 2 * GIB))
    await asyncio.to_thread(node.kill_glusterd)
    try:
        await dying
        possible = {2 * GIB}
    except (GlusterTimeout, GlusterUnavailable):
        possible = {GIB, 2 * GIB}
    with pytest.raises(GlusterUnavailable, match="daemon is operational"):
        await gluster.set_limit(volume.name, path, 3 * GIB)
    with pytest.raises(GlusterUnavailable, match="daemon is operational"):
        await gluster.volume(volume.name)

    await asyncio.to_thread(node.start_glusterd)
    assert await gluster.limit(volume.name, path) in possible
    await gluster.set_limit(volume.name, path, 4 * GIB)
    assert await gluster.limit(volume.name, path) == 4 * GIB
    assert gluster.stuck_processes == 0
