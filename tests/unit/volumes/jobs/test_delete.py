"""Deletes of one volume at once, on made-up locks."""

from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest

from piragua.errors import Conflict
from piragua.tree.record import Deletion, Record
from piragua.tree.states import Observed
from piragua.volumes.jobs.delete import Delete

pytestmark = pytest.mark.anyio

VOLUME_ID = "a" * 32


class Tree:
    """The volume and its lock, which a purge has for good as soon as the volume is deleted."""

    def __init__(self) -> None:
        self.held = False
        self.deletion: Deletion | None = None

    @property
    def purger(self) -> "Tree":
        return self

    def add(self, _: str) -> None:
        self.held = True

    async def take_id(self, _: str, *, timeout_seconds: float) -> "Tree":
        with anyio.move_on_after(timeout_seconds):
            while self.held:
                await anyio.sleep(0.01)
        if self.held:
            raise Conflict("another operation works on this volume")
        self.held = True
        return self

    async def release(self) -> None:
        self.held = False

    async def observe(self, _: str) -> Observed:
        await anyio.lowlevel.checkpoint()
        return Observed(VOLUME_ID, record=Record(2**30, "vol"), published=True, deletion=self.deletion)

    async def mark_deleted(self, _: str, deletion: Deletion) -> None:
        await anyio.sleep(0.02)
        self.deletion = deletion

    async def release_name(self, *_: object) -> None:
        pass


async def test_two_deletes_at_once_succeed_however_long_the_purge_takes() -> None:
    tree = cast(Any, Tree())
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            for _ in range(2):
                group.start_soon(Delete(tree, tree, "cluster", VOLUME_ID, 0, is_deleted=False).run, "nonce")
    assert tree.deletion is not None
