"""What a sweep does with each line of the table of states: only what is settled is acted on."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import anyio
import pytest

from lab.machine import wait_until
from lab.private_gluster import PrivateGluster
from piragua.errors import Conflict, MountError
from piragua.models import BYTES_PER_GIB
from piragua.tree import layout
from piragua.tree.locking import locks
from piragua.tree.states import SWEPT, State
from tests.support.by_hand import MAKERS, ByHand, by_hand, record_of
from tests.support.core import SETTLED_SECONDS, Core, QuotaConfOf, running_core, uncached_mount
from tests.support.lock_holder import lock_held
from tests.support.pool import GlusterVolume, gluster_volume

pytestmark = pytest.mark.anyio

ENDS_AS = {
    "complete": State.VOLUME,
    "mark lost": State.VOLUME,
    "clone, mark lost": State.VOLUME,
    "clone given up": State.ABSENT,
    "given up, empty": State.ABSENT,
    "given up, no limit": State.ABSENT,
    "given up, limit": State.ABSENT,
    "leftover": State.ABSENT,
    "leftover, limit": State.ABSENT,
}
PURGED = ("returned", "purging", "closed")
KEPT = tuple(MAKERS.keys() - ENDS_AS.keys() - set(PURGED))


@dataclass
class Place:
    """A Gluster volume that the tests of this file share, mounted."""

    volume: GlusterVolume
    folder: Path

    async def limited(self) -> frozenset[str]:
        """gfids in quota.conf."""
        return await QuotaConfOf(self.volume.pool.nodes[0]).limited_gfids(self.volume.name)


@pytest.fixture(scope="module")
def place(one_node: PrivateGluster) -> Iterator[Place]:
    with gluster_volume(one_node) as volume:
        yield Place(volume, uncached_mount(volume))
    one_node.delete_volume(volume.name)


@pytest.fixture
def hand(place: Place) -> Iterator[ByHand]:
    with by_hand(place.volume, place.folder) as hand:
        yield hand


async def state(core: Core, volume_id: str) -> State:
    return (await core.mounted.observe(volume_id)).state


def contents(hand: ByHand, volume_id: str) -> list[str]:
    """Everything in `/<id>`."""
    return sorted(str(path.relative_to(hand.folder)) for path in hand.path(volume_id).rglob("*"))


def test_every_line_is_tried() -> None:
    assert set(ENDS_AS) | set(PURGED) | set(KEPT) == set(MAKERS)
    assert len(SWEPT) == len({State.COMPLETE, State.CLONE_GIVEN_UP, State.GIVEN_UP, State.LEFTOVER})


@pytest.mark.parametrize("line", ENDS_AS)
async def test_what_a_crash_left_is_ended_when_it_was_seen_twice(line: str, place: Place, hand: ByHand) -> None:
    async with running_core(place.volume, place.folder) as core:
        volume_id = hand.tell(MAKERS[line](hand))
        gfid, before = hand.gfid(volume_id), await state(core, volume_id)
        await core.sweep.sweep()
        core.clock.pass_by(SETTLED_SECONDS - 1)
        await core.sweep.sweep()
        assert await state(core, volume_id) is before, "not before it is settled"
        core.clock.pass_by(2)
        await core.sweep.sweep()
        if ENDS_AS[line] is State.ABSENT:
            await core.until_absent(volume_id)
            assert gfid not in await place.limited()
            assert (place.folder / layout.TOMBSTONES / volume_id).exists()
        else:
            assert await state(core, volume_id) is ENDS_AS[line]
            assert (await core.http.get(f"/volumes/{volume_id}")).status_code == 200
            assert await core.mounted.holder_of(f"vol_{volume_id}") == volume_id


@pytest.mark.parametrize("line", ENDS_AS)
async def test_nothing_is_ended_while_its_maker_lives(line: str, place: Place, hand: ByHand) -> None:
    async with running_core(place.volume, place.folder) as core:
        volume_id = hand.tell(MAKERS[line](hand))
        before = contents(hand, volume_id)
        offset = locks.id_offset(volume_id)
        await core.sweep.sweep()
        core.clock.pass_by(SETTLED_SECONDS + 1)
        with lock_held(place.folder, offset):
            await core.sweep.sweep()
        assert contents(hand, volume_id) == before, "its lock was held at the second look"
        with lock_held(place.folder, offset):
            await core.sweep.sweep()
        core.clock.pass_by(SETTLED_SECONDS + 1)
        await core.sweep.sweep()
        assert contents(hand, volume_id) == before, "its lock was held at the first look"
        assert await state(core, volume_id) not in (State.VOLUME, State.TRASH, State.PURGING)


async def test_what_changed_between_the_looks_is_not_settled(place: Place, hand: ByHand) -> None:
    async with running_core(place.volume, place.folder) as core:
        volume_id = hand.tell(hand.directory())
        await core.sweep.sweep()
        core.clock.pass_by(SETTLED_SECONDS + 1)
        hand.record(volume_id)
        await core.sweep.sweep()
        assert await state(core, volume_id) is State.GIVEN_UP
        await core.sweep_twice()
        assert await state(core, volume_id) is State.ABSENT


async def test_everything_else_is_kept(place: Place, hand: ByHand) -> None:
    async with running_core(place.volume, place.folder) as core:
        ids = {line: hand.tell(MAKERS[line](hand)) for line in KEPT}
        before = {line: (await state(core, each), contents(hand, each)) for line, each in ids.items()}
        await core.sweep_twice()
        for volume_id in ids.values():
            with suppress(Conflict):  # while its maker holds the lock
                await core.purger.purge(volume_id)
        after = {line: (await state(core, each), contents(hand, each)) for line, each in ids.items()}
        assert after == before


@pytest.mark.parametrize("line", PURGED)
async def test_what_is_marked_as_being_purged_is_purged(line: str, place: Place, hand: ByHand) -> None:
    async with running_core(place.volume, place.folder) as core:
        volume_id = hand.tell(MAKERS[line](hand))
        gfid = hand.gfid(volume_id)
        assert gfid in await place.limited()
        await core.sweep.sweep()
        await core.until_absent(volume_id)
        assert gfid not in await place.limited()


async def test_a_create_whose_name_is_anothers_by_now_goes_to_the_trash_for_a_day(
    place: Place, hand: ByHand
) -> None:
    async with running_core(place.volume, place.folder) as core:
        other = hand.volume_with(replace(record_of(uuid4().hex), name="wanted"))
        await core.mounted.publish(other, "wanted")
        volume_id = hand.directory()
        hand.record(volume_id, replace(record_of(volume_id), name="wanted"))
        hand.tell(hand.limit(hand.data(volume_id, "wanted")))
        await core.sweep_twice()
        assert await state(core, volume_id) is State.TRASH
        deletion = (await core.mounted.observe(volume_id)).deletion
        assert deletion is not None
        assert deletion.retention_seconds == 86400
        assert await core.mounted.holder_of("wanted") == other
        assert await state(core, other) is State.VOLUME
        listed = (await core.http.get("/volumes")).json()["volumes"]
        assert volume_id not in listed
        assert other in listed
        core.clock.pass_by(86300)
        await core.purger.purge(volume_id)
        assert await state(core, volume_id) is State.TRASH
        core.clock.pass_by(101)
        await core.purger.purge(volume_id)
        assert await state(core, volume_id) is State.ABSENT


async def test_a_clone_given_up_waits_for_no_retention(place: Place, hand: ByHand) -> None:
    async with running_core(place.volume, place.folder, purges=False) as core:
        volume_id = hand.tell(MAKERS["clone given up"](hand))
        await core.sweep_twice()
        observed = await core.mounted.observe(volume_id)
        assert observed.state is State.TRASH
        assert observed.deletion is not None
        assert observed.deletion.due(core.clock.time)


async def test_nothing_is_removed_while_a_brick_is_away(one_node: PrivateGluster) -> None:
    # one of two bricks away: the mount works, and half of all directories would not be reached
    pool = one_node
    with gluster_volume(pool, bricks_per_node=2) as volume, by_hand(volume, uncached_mount(volume)) as hand:
        async with running_core(volume, hand.folder) as core:
            ids = [hand.tell(MAKERS[line](hand)) for line in ("leftover, limit", "given up, limit")]
            second = pool.nodes[0].root / f"run/gluster/vols/{volume.name}"
            pid_file = sorted(second.glob("*.pid"))[1]
            pool.nodes[0].kill(f"/run/gluster/vols/{volume.name}/{pid_file.name}")
            wait_until(lambda: not pool.is_online(volume.name), "a brick away", 10)
            with suppress(MountError):  # with the lock file out of reach, a sweep does not even begin
                await core.sweep_twice()
            assert all(hand.path(each).exists() for each in ids)
            pool.nodes[0].gluster("volume", "start", volume.name, "force")
            wait_until(lambda: pool.is_online(volume.name), "the brick back", 20)
            with anyio.fail_after(20):
                while await core.mounted.disconnected_bricks():
                    await anyio.sleep(0.05)
            with anyio.fail_after(30):
                while any(hand.path(each).exists() for each in ids):
                    await core.sweep_twice()  # what a list had left out meanwhile is seen as if for the first time
                    await anyio.sleep(0.2)
    pool.delete_volume(volume.name)


async def test_unknown_fields_of_a_record_survive_an_expand(place: Place, hand: ByHand) -> None:
    async with running_core(place.volume, place.folder) as core:
        volume_id = hand.directory()
        record = replace(record_of(volume_id), unknown={"later": {"deep": [1, None]}}, labels={"a": "b"})
        hand.published(hand.limit(hand.data(hand.record(volume_id, record))))
        expanded = await core.http.post(f"/volumes/{hand.tell(volume_id)}/expand", json={"expand_size": 2})
        assert expanded.status_code == 202
        assert (await core.ended(expanded)).status_code == 303
        after = (await core.mounted.observe(volume_id)).record
        assert after is not None
        assert (after.unknown, after.labels) == (record.unknown, record.labels)
        assert after.size_bytes == 3 * BYTES_PER_GIB


async def test_old_tombstones_and_texts_of_failures_are_forgotten(place: Place, hand: ByHand) -> None:
    async with running_core(place.volume, place.folder) as core:
        old, text = hand.tombstone(uuid4().hex), uuid4().hex[:16]
        await core.mounted.write_failure(text, "why")
        core.clock.pass_by(86400 * 2)
        await core.sweep.sweep()
        assert await core.mounted.read_failure(text) is None
        assert (place.folder / layout.TOMBSTONES / old).exists()
        core.clock.pass_by(86400 * 29)
        await core.sweep.sweep()
        assert not (place.folder / layout.TOMBSTONES / old).exists()


async def test_the_tombstone_of_what_could_not_be_purged_again_for_a_month_stays(
    place: Place, hand: ByHand
) -> None:
    async with running_core(place.volume, place.folder, purges=False) as core:
        returned = hand.tell(MAKERS["returned"](hand))
        core.clock.pass_by(86400 * 31)
        await core.sweep.sweep()
        assert (await core.mounted.observe(returned)).state is State.RETURNED
