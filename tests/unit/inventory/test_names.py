"""Whose a name is, by what its file says and by what became of the volume in it."""

from typing import Any

import pytest

from piragua.errors import NameInUse
from piragua.inventory import names
from piragua.tree.record import Record
from piragua.tree.states import Observed

pytestmark = pytest.mark.anyio

NAME = "mysql-data"
OURS, OTHER = "a" * 32, "b" * 32


class Lock:
    held = True

    async def require(self) -> None: ...

    async def release(self) -> None:
        self.held = False


class Tree:
    """The part of `ProvenMount` that names need, with one name and one other volume."""

    def __init__(self, holder: str | None, other: Observed, *, other_is_held: bool = False) -> None:
        self.holder = holder
        self.other = other
        self.other_is_held = other_is_held
        self.locks = list[Lock]()

    async def holder_of(self, _name: str) -> str | None:
        return self.holder

    async def release_name(self, _name: str, volume_id: str) -> None:
        if self.holder == volume_id:
            self.holder = None

    async def take_name(self, _name: str, **_: object) -> Lock:
        self.locks.append(Lock())
        return self.locks[-1]

    async def id_is_held(self, volume_id: str) -> bool:
        return self.other_is_held and volume_id == OTHER

    async def observe(self, _volume_id: str) -> Observed:
        return self.other

    async def publish(self, volume_id: str, name: str) -> None:
        if self.holder not in (None, volume_id):
            raise NameInUse(name)
        self.holder = volume_id


VOLUME = Observed(OTHER, record=Record(2**30, NAME), published=True)
GONE = Observed(OTHER, exists=False)
PURGED = Observed(OTHER, tombstone=True)
LEFT = [
    pytest.param(None, VOLUME, False, id="no file"),
    pytest.param("", VOLUME, False, id="an empty file"),
    pytest.param(OTHER, GONE, False, id="of one that is gone"),
    pytest.param(OTHER, PURGED, False, id="of one that is deleted"),
]
TAKEN = [
    pytest.param(OTHER, VOLUME, False, id="of a volume"),
    pytest.param(OTHER, GONE, True, id="of one that somebody works on"),
    pytest.param(OTHER, Observed(OTHER, deletion_unreadable="half a mark"), False, id="of one that is unclear"),
]
CASES = ("holder", "other", "held")


@pytest.mark.parametrize(CASES, LEFT)
async def test_what_a_crash_left_is_nobodys(holder: str | None, other: Observed, held: bool) -> None:
    tree: Any = Tree(holder, other, other_is_held=held)
    assert await names.other_holder(tree, NAME, OURS) == ""
    assert tree.holder == holder
    lock: Any = await names.take_free(tree, NAME, wait_seconds=0)
    assert (tree.holder, lock.held) == (None, True)


@pytest.mark.parametrize(CASES, LEFT)
@pytest.mark.parametrize("publish", [names.publish_left, names.publish_again])
async def test_what_a_crash_left_keeps_nobody_from_being_published(
    publish: Any, holder: str | None, other: Observed, held: bool
) -> None:
    tree: Any = Tree(holder, other, other_is_held=held)
    await publish(tree, OURS, NAME)
    assert tree.holder == OURS
    assert not any(lock.held for lock in tree.locks)


@pytest.mark.parametrize(CASES, TAKEN)
async def test_a_name_that_is_needed_stays_with_its_volume(holder: str, other: Observed, held: bool) -> None:
    tree: Any = Tree(holder, other, other_is_held=held)
    assert await names.other_holder(tree, NAME, OURS) == OTHER
    with pytest.raises(NameInUse):
        await names.take_free(tree, NAME, wait_seconds=0)
    with pytest.raises(NameInUse):
        await names.publish_left(tree, OURS, NAME)
    with pytest.raises(NameInUse):
        await names.publish_again(tree, OURS, NAME)
    await names.release_left(tree, OURS, NAME)
    assert tree.holder == OTHER
    assert not any(lock.held for lock in tree.locks)


async def test_a_volumes_own_name_is_free_for_it_and_for_no_other() -> None:
    tree: Any = Tree(OTHER, VOLUME)
    await names.require_free(tree, NAME, OTHER)
    assert await names.other_holder(tree, NAME, OTHER) == ""
    assert tree.holder == OTHER
    with pytest.raises(NameInUse):
        await names.require_free(tree, NAME)


@pytest.mark.parametrize("holder", ["", OURS])
async def test_a_purge_frees_what_was_left_with_its_volume(holder: str) -> None:
    tree: Any = Tree(holder, VOLUME)
    await names.release_left(tree, OURS, NAME)
    assert tree.holder is None
    assert not any(lock.held for lock in tree.locks)
