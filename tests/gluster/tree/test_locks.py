"""Locks on a real Gluster: whom they keep out, and when they are free again."""

import os
from pathlib import Path
from uuid import uuid4

import anyio
import pytest

from lab.machine import wait_until
from piragua.errors import Conflict, NameInUse
from piragua.tree.handle import Handle
from piragua.tree.locking import locks
from piragua.tree.locking.locks import Locks
from piragua.tree.proven_mount import ProvenMount
from tests.gluster.tree.conftest import TwoMounts
from tests.support.core import make_own_files, mounted_at, uncached_mount
from tests.support.lock_holder import lock_held
from tests.support.pool import GlusterVolume

pytestmark = pytest.mark.anyio


@pytest.fixture
async def first(two_mounts: TwoMounts) -> ProvenMount:
    async with mounted_at(two_mounts.volume, two_mounts.first) as mounted:
        return mounted


@pytest.fixture
async def second(two_mounts: TwoMounts) -> ProvenMount:
    async with mounted_at(two_mounts.volume, two_mounts.second) as mounted:
        return mounted


def locks_at(folder: Path) -> Locks:
    return Locks(Handle("gv", str(folder), os.open(folder, os.O_RDONLY | os.O_DIRECTORY)))


@pytest.mark.parametrize("other", ["second", "first"])
async def test_one_holder_at_a_time(
    other: str, first: ProvenMount, second: ProvenMount, request: pytest.FixtureRequest
) -> None:
    volume_id = uuid4().hex
    rival: ProvenMount = request.getfixturevalue(other)
    held = await first.take_id(volume_id, timeout_seconds=0)
    with pytest.raises(Conflict):
        await rival.take_id(volume_id, timeout_seconds=0)
    assert await rival.id_is_held(volume_id)
    assert await rival.held_ids([volume_id, uuid4().hex]) == {volume_id}
    await held.require()
    await held.release()
    assert not await rival.id_is_held(volume_id)
    await (await rival.take_id(volume_id, timeout_seconds=0)).release()


async def test_who_waits_gets_it_when_it_is_free(first: ProvenMount, second: ProvenMount) -> None:
    volume_id = uuid4().hex
    held = await first.take_id(volume_id, timeout_seconds=0)
    got = anyio.Event()

    async def wait() -> None:
        await (await second.take_id(volume_id, timeout_seconds=20)).release()
        got.set()

    async with anyio.create_task_group() as group:
        group.start_soon(wait)
        with anyio.move_on_after(0.1):
            await got.wait()
        assert not got.is_set()
        await held.release()
        with anyio.fail_after(10):
            await got.wait()


async def test_ids_names_and_operations_do_not_get_in_each_others_way(
    first: ProvenMount, second: ProvenMount
) -> None:
    same = uuid4().hex
    held = [
        await first.take_id(same, timeout_seconds=0),
        await second.take_name(same, timeout_seconds=0),
        await first.take_operation(same),
    ]
    with pytest.raises(NameInUse):
        await first.take_name(same, timeout_seconds=0)
    with pytest.raises(Conflict):
        await second.take_operation(same)
    for lock in held:
        await lock.release()


async def test_the_death_of_its_holder_frees_a_lock(two_mounts: TwoMounts, second: ProvenMount) -> None:
    volume_id = uuid4().hex
    with lock_held(two_mounts.first, locks.id_offset(volume_id)) as holder:
        assert await second.id_is_held(volume_id)
        holder.kill()
        holder.wait()
        with anyio.fail_after(10):
            while await second.id_is_held(volume_id):
                await anyio.sleep(0.01)


def test_the_death_of_its_holders_mount_frees_a_lock(two_mounts: TwoMounts) -> None:
    mount_point = uncached_mount(two_mounts.volume)
    with lock_held(mount_point, locks.id_offset("a" * 32)):
        other = locks_at(two_mounts.first)
        assert other.is_held(locks.id_offset("a" * 32))
        _kill_client(mount_point)
        wait_until(lambda: not other.is_held(locks.id_offset("a" * 32)), "the lock free", 10)


def _kill_client(mount_point: Path) -> None:
    for process in Path("/proc").glob("[0-9]*"):
        argv = (process / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
        if argv[-1] == os.fsencode(mount_point) and b"glusterfs" in argv[0]:
            os.kill(int(process.name), 9)
            return
    raise AssertionError(f"nothing serves {mount_point}")


def test_a_lock_that_was_lost_is_known_to_be_lost(fresh_volume: GlusterVolume) -> None:
    pool, node = fresh_volume.pool, fresh_volume.pool.nodes[0]
    folder, other_folder = uncached_mount(fresh_volume), uncached_mount(fresh_volume)
    (folder / ".piragua.lock").touch()
    mine, others = locks_at(folder), locks_at(other_folder)
    held = mine.try_lock(5)
    assert held is not None
    assert held.still_held()
    assert others.try_lock(5) is None
    node.kill_bricks(fresh_volume.name)
    node.gluster("volume", "start", fresh_volume.name, "force")
    wait_until(lambda: pool.is_online(fresh_volume.name), "the brick back", 20)
    taken: list[locks.HeldLock] = []

    def somebody_else_has_it() -> bool:
        try:
            taken.extend(filter(None, [others.try_lock(5)]))
        except OSError:
            return False  # not connected yet
        return bool(taken)

    wait_until(somebody_else_has_it, "the lock lost with its brick", 20)
    assert _answer(held) is False
    taken[0].release()


def _answer(held: locks.HeldLock) -> bool:
    try:
        return held.still_held()
    except OSError:
        return False


async def test_quota_commands_of_all_instances_take_turns(first: ProvenMount, second: ProvenMount) -> None:
    order: list[str] = []

    async def command(mounted: ProvenMount, name: str) -> None:
        async with mounted.quota_lock(queue_seconds=20, timeout_seconds=20):
            order.append(f"{name} begins")
            await anyio.sleep(0.01)
            order.append(f"{name} ends")

    async with anyio.create_task_group() as group:
        for number in range(6):
            group.start_soon(command, first if number % 2 else second, str(number))
    begins, ends = order[::2], order[1::2]
    assert [each.split()[0] for each in begins] == [each.split()[0] for each in ends]
    assert len(begins) == 6


async def test_a_turn_that_nobody_waits_for_any_more_is_given_back(
    first: ProvenMount, second: ProvenMount
) -> None:
    async with first.quota_lock(queue_seconds=1, timeout_seconds=1):
        with anyio.move_on_after(0.2) as scope:
            async with second.quota_lock(queue_seconds=5, timeout_seconds=5):
                pytest.fail("two at once")
        assert scope.cancelled_caught
    with anyio.fail_after(10):
        async with second.quota_lock(queue_seconds=5, timeout_seconds=5):
            pass
        async with first.quota_lock(queue_seconds=5, timeout_seconds=5):
            pass


def test_a_lock_file_that_is_out_of_reach_is_never_made_anew(fresh_volume: GlusterVolume) -> None:
    folder = uncached_mount(fresh_volume)
    make_own_files(fresh_volume, folder)
    (folder / ".piragua.lock").unlink()
    with pytest.raises(Exception, match=r"piragua.lock"):
        make_own_files(fresh_volume, folder)
    assert not (folder / ".piragua.lock").exists()
