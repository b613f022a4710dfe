"""What an instance tells of its own work while it lasts."""

import anyio
import pytest

from piragua.models import Done, OperationKind, Outcome
from piragua.operations.ids import OperationId
from piragua.operations.job import Journal
from piragua.operations.operations import Operations

pytestmark = pytest.mark.anyio

CLUSTER, VOLUME = "a" * 32, "b" * 32


class FreeLock:
    async def release(self) -> None:
        return None


class EmptyJournal:
    async def take_operation(self, nonce: str) -> FreeLock:
        return FreeLock()

    async def operation_is_held(self, nonce: str) -> bool:
        return False

    async def write_failure(self, nonce: str, text: str) -> None:
        return None

    async def read_failure(self, nonce: str) -> str | None:
        return None


class Copying:
    """A job that says how far it is, and ends when it is told to."""

    kind = OperationKind.CLONE
    gluster_volume_id = CLUSTER
    volume_id = VOLUME

    def __init__(self) -> None:
        self.copied = 0
        self.may_end = anyio.Event()

    def progress(self) -> str:
        return f"{self.copied} files copied"

    async def run(self, nonce: str) -> None:
        await self.may_end.wait()

    async def abandon(self) -> None:
        return None


async def _journal_of(gluster_volume_id: str) -> Journal:
    return EmptyJournal()


async def _done(operation: OperationId) -> Outcome:
    return Done(operation.volume_id)


async def test_work_is_told_with_its_progress_until_it_ends() -> None:
    operations = Operations(_journal_of, _done, settle_seconds=0)
    job = Copying()
    async with operations.open():
        operation_id = await operations.start(job)
        job.copied = 3
        (told,) = operations.ongoing()
        assert (told.operation_id, told.kind, told.volume_id) == (operation_id, OperationKind.CLONE, VOLUME)
        assert (told.progress, told.stale, len(told.id)) == ("3 files copied", False, 32)
        job.may_end.set()
        assert await operations.poll(operation_id) == Done(VOLUME)
        assert operations.ongoing() == []
