"""Work in the background leaves the bricks to requests, on a made-up Gluster volume."""

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

import anyio
import pytest

from piragua.errors import MountError
from piragua.inventory.inventory import Inventory
from piragua.tree.own_files.feed import Position
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.record import Deletion, Record
from piragua.tree.states import Observed
from piragua.upkeep.purging.data_purger import DataPurger
from piragua.upkeep.purging.pace import Pace
from piragua.upkeep.purging.purger import Purger
from piragua.upkeep.purging.waiting import WaitingPurges
from piragua.upkeep.sweep import Sweep
from piragua.upkeep.throttle import Throttle

pytestmark = pytest.mark.anyio


class Tree:
    """All that the sweep asks. grows: how often the feed still has one line more."""

    def __init__(self, volumes: int = 0, grows: int = 0) -> None:
        self.volumes = [f"{number:032x}" for number in range(volumes)]
        self.grows = grows
        self.lines = 0
        self.what = "made"

    @property
    def mount(self) -> "Tree":
        return self

    def current(self) -> "Tree":
        return self

    async def feed_position(self) -> Position:
        if self.grows:
            self.grows -= 1
            self.lines += 1
        return Position(7, self.lines)

    async def feed_lines_since(self, read: Position, end: Position) -> list[str]:
        return [f"{'a' * 32} {self.what}" for _ in range(read.offset_bytes, end.offset_bytes)]

    async def observe_many(self) -> dict[str, Observed]:
        return {each: await self.observe(each) for each in self.volumes}

    async def observe(self, volume_id: str) -> Observed:
        return Observed(volume_id, record=Record(2**30, "vol"), published=True)

    async def remove_old_files(self, *_: object, **__: object) -> None:
        pass

    async def round(self, _: object) -> bool:
        return True

    async def mend(self, *_: object) -> None:
        pass


async def test_it_flows_from_a_line_on_and_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now_seconds = [1000.0]
    monkeypatch.setattr(anyio, "current_time", lambda: now_seconds[0])
    tree = Tree()
    flowing, mounted = Throttle(), cast(ProvenMount, tree)
    assert not await flowing.is_needed(mounted)
    assert not await flowing.is_needed(mounted)
    tree.grows = 1
    assert await flowing.is_needed(mounted)
    assert await flowing.is_needed(mounted)
    now_seconds[0] += 60
    assert not await flowing.is_needed(mounted)


async def test_purges_are_none() -> None:
    tree = Tree()
    flowing, mounted = Throttle(), cast(ProvenMount, tree)
    assert not await flowing.is_needed(mounted)
    for tree.what in ("purging", "purged"):
        tree.grows = 1
        assert not await flowing.is_needed(mounted)
    tree.what, tree.grows = "deleted", 1
    assert await flowing.is_needed(mounted)


def rests_of(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the sweep sleeps from now on."""
    rests: list[float] = []

    async def sleep(seconds: float) -> None:
        rests.append(seconds)

    monkeypatch.setattr(anyio, "sleep", sleep)
    return rests


def slow(tree: Tree, monkeypatch: pytest.MonkeyPatch, look_seconds: float) -> Tree:
    """A look at it takes so long, by a made-up clock, and nothing else takes any time."""
    now_seconds = [1000.0]

    async def observe(volume_id: str) -> Observed:
        now_seconds[0] += look_seconds
        return Observed(volume_id, record=Record(2**30, "vol"), published=True)

    monkeypatch.setattr(anyio, "current_time", lambda: now_seconds[0])
    monkeypatch.setattr(tree, "observe", observe)
    return tree


def sweep_of(tree: Tree) -> Sweep:
    any_tree: Any = tree
    return Sweep(cast(Inventory, any_tree), cast(Purger, any_tree), any_tree, pace_seconds=0.01)


@pytest.mark.parametrize(
    ("grows", "look_seconds", "longest_seconds"),
    [(0, 0, 0.01), (3, 0, 0.05), (0, 0.1, 0.3), (3, 0.1, 0.3), (0, 2, 1)],
)
async def test_a_sweep_rests_longer_when_it_takes_longer_and_while_volumes_are_changed(
    monkeypatch: pytest.MonkeyPatch, grows: int, look_seconds: float, longest_seconds: float
) -> None:
    swept = sweep_of(slow(Tree(30, grows), monkeypatch, look_seconds))
    rests = rests_of(monkeypatch)
    await swept.sweep()
    assert len(rests) == 30
    assert max(rests) == pytest.approx(longest_seconds)


async def test_a_sweep_that_somebody_woke_as_when_limits_were_lost_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    swept = sweep_of(slow(Tree(30, 3), monkeypatch, 0.1))
    rests = rests_of(monkeypatch)
    swept.wake()
    await swept.sweep()
    assert rests == [0.01] * 30


async def test_a_sweep_hands_what_is_deleted_to_the_purger_before_it_looks_at_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tree, done = Tree(3), list[str]()
    last = tree.volumes[-1]
    all_observed = await tree.observe_many() | {last: Observed(last, deletion=Deletion(datetime.now(UTC), 0))}

    async def all_looks() -> dict[str, Observed]:
        return all_observed

    async def observe(volume_id: str) -> Observed:
        done.append("look")
        return all_observed[volume_id]

    monkeypatch.setattr(tree, "observe_many", all_looks)
    monkeypatch.setattr(tree, "observe", observe)
    monkeypatch.setattr(tree, "add", done.append, raising=False)
    rests_of(monkeypatch)
    await sweep_of(tree).sweep()
    assert done[:2] == [last, "look"]


@pytest.mark.parametrize(("grows", "wait", "rests_too"), [(0, 3, False), (900, 3, True), (900, 200, False)])
async def test_a_purger_rests_between_volumes_while_others_are_changed_unless_many_wait(
    monkeypatch: pytest.MonkeyPatch, grows: int, wait: int, rests_too: bool
) -> None:
    rests, purged, done = rests_of(monkeypatch), list[str](), anyio.Event()

    class Purges(Purger):
        async def purge(self, volume_id: str) -> None:
            await asyncio.sleep(0.001)  # it rests in proportion to that
            purged.append(volume_id)
            if len(purged) == 3:
                done.set()

        async def _is_paused(self) -> bool:
            return False

    any_tree: Any = Tree(grows=grows)
    purger = Purges(any_tree, any_tree, any_tree, workers=1)
    for number in range(wait):
        purger.add(f"{number:032x}")
    async with anyio.create_task_group() as group:
        group.start_soon(purger.keep)
        with anyio.fail_after(5):
            await done.wait()
        group.cancel_scope.cancel()
    assert bool(rests) == rests_too


async def test_emptying_rests_in_proportion_but_not_while_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    any_tree: Any = Tree(grows=900)
    now_seconds = [1000.0]

    async def not_empty_yet(*_: object, **__: object) -> bool:
        now_seconds[0] += 0.1
        return False

    monkeypatch.setattr(anyio, "current_time", lambda: now_seconds[0])
    any_tree.blocking = not_empty_yet
    waiting, rests = WaitingPurges(pause_seconds=2), rests_of(monkeypatch)
    pace = Pace(any_tree, waiting, rests=4)
    data_purger = DataPurger(any_tree, any_tree, waiting, pace, turn_seconds=30, stanch_seconds=5)
    for _ in range(20):
        await data_purger._step(any_tree, any_tree)
    assert max(rests) == pytest.approx(0.4), "few wait"
    rests.clear()
    for number in range(500):
        waiting.add(f"{number:032x}")
    for _ in range(20):
        await data_purger._step(any_tree, any_tree)
    assert not rests


async def test_a_sweep_looks_after_all_also_when_the_feed_cannot_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    tree, mended = Tree(30), list[str]()

    async def fail() -> Position:
        raise MountError("/mnt", 110, "timed out")

    async def mend(_: object, observed: Observed) -> None:
        mended.append(observed.volume_id)

    monkeypatch.setattr(tree, "feed_position", fail)
    monkeypatch.setattr(tree, "mend", mend)
    await sweep_of(tree).sweep()
    assert mended == tree.volumes


async def test_a_sweep_hurries_until_what_it_was_woken_for_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quota is still off when its loss is noticed; the sweep that gives the limits back comes later."""
    tree, yielded = Tree(30, grows=10**6), anyio.sleep
    rounds, rests, done = list[int](), list[tuple[int, float]](), anyio.Event()

    async def well_the_second_time(_: object) -> bool:
        rounds.append(1)
        if len(rounds) == 3:
            done.set()
        return len(rounds) > 1

    async def sleep(seconds: float) -> None:
        rests.append((len(rounds), seconds))
        await yielded(0)

    monkeypatch.setattr(tree, "round", well_the_second_time)
    monkeypatch.setattr(anyio, "sleep", sleep)
    any_tree: Any = tree
    swept = Sweep(any_tree, any_tree, any_tree, pace_seconds=0.01, retry_seconds=0.01, interval_seconds=0.01)
    swept.wake()
    async with anyio.create_task_group() as group:
        group.start_soon(swept.keep)
        with anyio.fail_after(5):
            await done.wait()
        group.cancel_scope.cancel()
    assert {seconds for number, seconds in rests if number <= 2} == {0.01}
