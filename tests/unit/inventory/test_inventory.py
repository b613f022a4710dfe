"""Lists from memory, on a made-up Gluster volume whose calls can be held up."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

import anyio
import pytest

from piragua.errors import MountError, NotMounted, NotReady
from piragua.inventory.inventory import Inventory
from piragua.tree.mount import Mount
from piragua.tree.own_files.feed import NOWHERE, Position, Told
from piragua.tree.record import Deletion, Record
from piragua.tree.states import Observed

pytestmark = pytest.mark.anyio

DELETION = Deletion(datetime(2024, 1, 1, tzinfo=UTC), 0)


@dataclass
class Tree:
    """What `ProvenMount` and `Mount` are to the inventory. hold: looks wait for it after they were taken."""

    gluster_volume: str = "gv0"
    path: str = "/mnt"
    found: dict[str, Observed] = field(default_factory=dict)
    feed: list[tuple[str, str]] | None = field(default_factory=list)
    held: set[str] = field(default_factory=set)
    inode: int = 7
    mounted: bool = True
    hold: anyio.Event | None = None
    taken: anyio.Event = field(default_factory=anyio.Event)
    looked_at: int = 0

    def current(self) -> "Tree":
        if not self.mounted:
            raise NotMounted(self.path, 0, "not mounted")
        return self

    def put(self, *, deletion: bool = False, told: bool = True, volume_id: str | None = None) -> str:
        what = "made" if volume_id is None else "deleted" if deletion else "changed"
        volume_id = volume_id or uuid4().hex
        record = Record(2**30, f"vol_{volume_id}")
        self.found[volume_id] = Observed(
            volume_id, record=record, published=True, deletion=DELETION if deletion else None
        )
        if told and self.feed is not None:
            self.feed.append((volume_id, what))
        return volume_id

    def begin(self) -> str:
        """A create that waits for its limit; another instance's, as the feed has no line of it."""
        volume_id = uuid4().hex
        self.held.add(volume_id)
        self.found[volume_id] = Observed(volume_id, record=Record(2**30, f"vol_{volume_id}"), locked=True)
        return volume_id

    async def feed_position(self) -> Position:
        return NOWHERE if self.feed is None else Position(self.inode, len(self.feed))

    async def told_since(self, read: Position, end: Position) -> tuple[Told, Position] | None:
        if self.feed is None or read.inode != end.inode:
            return None
        told: dict[str, set[str]] = {}
        for volume_id, what in self.feed[read.offset_bytes : end.offset_bytes]:
            told.setdefault(volume_id, set()).add(what)
        return told, end

    async def ids_in_root(self) -> frozenset[str]:
        if not self.mounted:
            raise MountError(self.path, 107, "not connected")
        return frozenset(self.found)

    async def named_ids(self, known: frozenset[str]) -> frozenset[str]:
        return frozenset()

    async def held_ids(self, volume_ids: Iterable[str]) -> frozenset[str]:
        return frozenset(self.held & set(volume_ids))

    async def observe_many(self, volume_ids: Iterable[str]) -> dict[str, Observed]:
        seen = {each: self.found.get(each, Observed(each, exists=False)) for each in volume_ids}
        self.looked_at += len(seen)
        if seen and self.hold is not None:
            hold, self.hold = self.hold, None
            self.taken.set()
            await hold.wait()
        return seen


@asynccontextmanager
async def kept(tree: Tree, **times: float) -> AsyncIterator[Inventory]:
    inventory = Inventory(cast(Mount, tree), **{"relist_seconds": 600, "wait_seconds": 5, **times})
    async with anyio.create_task_group() as group:
        group.start_soon(inventory.keep)
        yield inventory
        group.cancel_scope.cancel()


@asynccontextmanager
async def asked(inventory: Inventory) -> AsyncIterator[list[list[str]]]:
    """Somebody waits for a list; it is in what this gives when the end was waited for."""
    answers: list[list[str]] = []

    async def ask() -> None:
        answers.append(await inventory.ids())

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        yield answers


async def test_a_list_costs_nothing_per_volume_while_nothing_changes() -> None:
    tree = Tree()
    ids = sorted(tree.put() for _ in range(50))
    async with kept(tree) as inventory:
        assert await inventory.ids() == ids
        before = tree.looked_at
        for _ in range(10):
            assert await inventory.ids() == ids
        assert tree.looked_at == before
        tree.put(volume_id=ids[0], deletion=True)
        assert await inventory.ids() == ids[1:]
        assert tree.looked_at == before + 1


async def test_no_list_before_it_is_complete() -> None:
    tree = Tree(hold=anyio.Event())
    volume_id = tree.put()
    assert tree.hold is not None
    hold = tree.hold
    async with kept(tree, wait_seconds=0.05) as inventory:
        with pytest.raises(NotReady):
            await inventory.ids()
        hold.set()
        with anyio.fail_after(5):
            while True:
                try:
                    assert await inventory.ids() == [volume_id]
                    break
                except NotReady:
                    pass


async def test_a_mount_that_went_is_an_error_and_not_a_short_list() -> None:
    tree = Tree()
    tree.put()
    async with kept(tree, retry_seconds=0.01) as inventory:
        assert len(await inventory.ids()) == 1
        tree.mounted = False
        with pytest.raises(NotMounted):
            await inventory.ids()
        tree.mounted = True
        assert len(await inventory.ids()) == 1


async def test_an_old_look_never_replaces_a_newer_one() -> None:
    # a listing looks at a volume, which is deleted and answered for before the listing comes to its end
    tree = Tree()
    async with kept(tree, relist_seconds=0.02) as inventory:
        assert await inventory.ids() == []
        tree.hold = hold = anyio.Event()
        volume_id = tree.put(told=False)
        with anyio.fail_after(5):
            await tree.taken.wait()
        tree.put(volume_id=volume_id, deletion=True)
        async with asked(inventory) as answers:
            hold.set()
        assert answers == [[]]
        assert await inventory.ids() == []


async def test_what_is_worked_on_is_looked_at_until_it_is_free() -> None:
    tree = Tree()
    async with kept(tree) as inventory:
        volume_id = tree.put()
        tree.held.add(volume_id)
        assert await inventory.ids() == [volume_id]
        tree.put(volume_id=volume_id, deletion=True, told=False)
        assert await inventory.ids() == [], "its deleter wrote the line before the mark"
        tree.put(volume_id=volume_id, told=False)
        tree.held.clear()
        assert await inventory.ids() == [volume_id]


async def test_what_was_made_here_is_not_looked_at_for_its_line() -> None:
    tree = Tree()
    async with kept(tree) as inventory:
        assert await inventory.ids() == []
        made = tree.put()
        inventory.note(tree.found[made])
        before = tree.looked_at
        assert await inventory.ids() == [made]
        assert tree.looked_at == before
        tree.put(volume_id=made, deletion=True)
        assert await inventory.ids() == []


async def test_a_delete_that_was_told_with_the_create_is_waited_for() -> None:
    tree = Tree()
    async with kept(tree) as inventory:
        assert await inventory.ids() == []
        made = tree.put()
        inventory.note(tree.found[made])
        assert tree.feed is not None
        tree.feed.append((made, "deleted"))
        tree.held.add(made)
        assert await inventory.ids() == [made]
        tree.put(volume_id=made, deletion=True, told=False)
        assert await inventory.ids() == []


async def test_a_volume_that_is_complete_is_looked_at_once_whoever_has_its_lock() -> None:
    tree = Tree()
    async with kept(tree) as inventory:
        assert await inventory.ids() == []
        made = tree.put()
        tree.held.add(made)
        assert await inventory.ids() == [made]
        before = tree.looked_at
        assert await inventory.ids() == [made]
        assert tree.looked_at == before, "its next change has a line of its own"
        tree.put(volume_id=made, deletion=True)
        assert await inventory.ids() == []


@pytest.mark.parametrize("what", ["another file", "no file"])
async def test_a_lost_feed_means_a_whole_new_list(what: str) -> None:
    tree = Tree()
    kept_id, gone_id = tree.put(), tree.put()
    async with kept(tree) as inventory:
        assert await inventory.ids() == sorted([kept_id, gone_id])
        tree.put(volume_id=gone_id, deletion=True, told=False)
        tree.feed = [] if what == "another file" else None
        tree.inode = 8
        assert await inventory.ids() == [kept_id]
        tree.put(volume_id=gone_id, told=what == "another file")
        assert await inventory.ids() == sorted([kept_id, gone_id])


async def test_many_who_ask_at_once_share_the_work() -> None:
    tree = Tree()
    async with kept(tree) as inventory:
        await inventory.ids()
        ids = sorted(tree.put() for _ in range(5))
        before, answers = tree.looked_at, list[Any]()

        async def ask() -> None:
            answers.append(await inventory.ids())

        async with anyio.create_task_group() as group:
            for _ in range(100):
                group.start_soon(ask)
        assert answers == [ids] * 100
        assert tree.looked_at - before <= 10


async def test_who_waits_for_a_round_that_fails_gets_no_old_list(monkeypatch: pytest.MonkeyPatch) -> None:
    tree, answers = Tree(), list[list[str] | None]()
    async with kept(tree) as inventory:
        old = tree.put()
        assert await inventory.ids() == [old]
        new, goes_on = tree.put(), anyio.Event()

        async def fail(read: Position, end: Position) -> None:
            await goes_on.wait()
            raise MountError(tree.path, 107, "not connected")

        async def ask() -> None:
            try:
                answers.append(await inventory.ids())
            except MountError:
                answers.append(None)

        monkeypatch.setattr(tree, "told_since", fail)
        async with anyio.create_task_group() as callers:
            for _ in range(6):
                callers.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            goes_on.set()
    assert all(answer is None or new in answer for answer in answers), answers


@asynccontextmanager
async def with_creates_that_wait(tree: Tree) -> AsyncIterator[tuple[Inventory, list[str]]]:
    """A listing has found them."""
    there = tree.put()
    async with kept(tree, relist_seconds=0.02) as inventory:
        assert await inventory.ids() == [there]
        waiting = [tree.begin() for _ in range(20)]
        with anyio.fail_after(5):
            while not all(inventory.knows(each) for each in waiting):
                await anyio.sleep(0.01)
        assert await inventory.ids() == [there]
        yield inventory, waiting


async def test_a_list_costs_nothing_per_create_that_waits() -> None:
    tree = Tree()
    async with with_creates_that_wait(tree) as (inventory, _):
        before = tree.looked_at
        for _ in range(10):
            await inventory.ids()
        assert tree.looked_at == before


async def test_a_create_is_in_the_list_from_its_mark_on_which_comes_after_its_line() -> None:
    tree = Tree()
    async with with_creates_that_wait(tree) as (inventory, [made, *_]):
        assert tree.feed is not None
        tree.feed.append((made, "made"))
        assert made not in await inventory.ids()
        tree.put(volume_id=made, told=False)
        assert made in await inventory.ids()


async def test_a_create_whose_instance_died_is_looked_at_again() -> None:
    tree = Tree()
    async with with_creates_that_wait(tree) as (inventory, [died, *_]):
        tree.put(volume_id=died, told=False)
        tree.held.remove(died)
        with anyio.fail_after(10):
            while died not in await inventory.ids():
                await anyio.sleep(0.01)


async def test_a_listing_during_which_the_feed_was_lost_is_no_whole_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tree = Tree(hold=anyio.Event())
    assert tree.hold is not None
    hold, first, ids_in_root = tree.hold, tree.put(), tree.ids_in_root

    async def lost_in_the_middle() -> frozenset[str]:
        found = await ids_in_root()
        tree.feed, tree.inode = [], tree.inode + 1  # it was full, and the next line made a new one
        monkeypatch.setattr(tree, "ids_in_root", ids_in_root)
        return found

    async with kept(tree) as inventory:
        await tree.taken.wait()  # the first listing has looked
        second = tree.put()
        async with asked(inventory) as answers:
            monkeypatch.setattr(tree, "ids_in_root", lost_in_the_middle)
            hold.set()
        assert answers == [sorted([first, second])]
