"""Long work with made-up jobs: admission, ids, outcomes, and what is said of work that is another's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from piragua.errors import LimitNotSet, NotFound, NotMounted, OutcomeUnknown, TooManyOperations
from piragua.models import Done, Failed, OperationKind, Outcome, Pending
from piragua.operations.ids import OperationId
from piragua.operations.job import Journal
from piragua.operations.operations import OWNER_WENT_AWAY, Operations

pytestmark = pytest.mark.anyio

CLUSTER, VOLUME = "c" * 32, "1" * 32
HEX = st.text("0123456789abcdef", min_size=32, max_size=32)
OPERATION_IDS = st.builds(
    OperationId, st.sampled_from(OperationKind), HEX, HEX, st.text("0123456789abcdef", min_size=16, max_size=16)
)


@dataclass
class Work:
    """A job. goes_on: it runs until then; error: how it fails."""

    kind: OperationKind = OperationKind.CREATE
    gluster_volume_id: str = CLUSTER
    volume_id: str = VOLUME
    goes_on: anyio.Event | None = None
    error: Exception | None = None
    runs: int = 0
    abandoned: int = 0

    async def run(self, nonce: str) -> None:
        self.runs += 1
        if self.goes_on is not None:
            await self.goes_on.wait()
        if self.error is not None:
            raise self.error

    async def abandon(self) -> None:
        self.abandoned += 1


@dataclass
class Shared:
    """What instances share: locks of operations, and texts of failures; away: it cannot be reached."""

    held: set[str] = field(default_factory=set)
    failures: dict[str, str] = field(default_factory=dict)
    away: bool = False
    slow: anyio.Event | None = None
    verdict: Outcome = Failed(OWNER_WENT_AWAY)

    async def of(self, gluster_volume_id: str) -> Journal:
        if gluster_volume_id != CLUSTER:
            raise NotFound("Id not found")
        if self.away:
            raise NotMounted("/mnt", 0, "not mounted")
        return self

    async def judge(self, operation: OperationId) -> Outcome:
        return self.verdict

    async def take_operation(self, nonce: str) -> "Held":
        if self.slow is not None:
            await self.slow.wait()
        self.held.add(nonce)
        return Held(self, nonce)

    async def operation_is_held(self, nonce: str) -> bool:
        return nonce in self.held

    async def write_failure(self, nonce: str, text: str) -> None:
        self.failures[nonce] = text

    async def read_failure(self, nonce: str) -> str | None:
        return self.failures.get(nonce)


@dataclass
class Held:
    shared: Shared
    nonce: str

    async def require(self) -> None:
        assert self.nonce in self.shared.held

    async def release(self) -> None:
        self.shared.held.discard(self.nonce)


@asynccontextmanager
async def instance(shared: Shared, *, limit: int = 100, shutdown_seconds: float = 5) -> AsyncIterator[Operations]:
    operations = Operations(
        shared.of, shared.judge, limit=limit, settle_seconds=0.05, hold_seconds=0.1, look_again_seconds=0.01
    )
    async with operations.open(shutdown_timeout_seconds=shutdown_seconds):
        yield operations


@given(operation=OPERATION_IDS)
def test_an_id_says_all_that_another_instance_needs(operation: OperationId) -> None:
    assert OperationId.parse(operation.text) == operation
    assert len(operation.text) == 2 * (1 + 16 + 16 + 8)
    assert set(operation.text) <= set("0123456789abcdef")


@given(text=st.one_of(st.text(max_size=120), st.text("0123456789abcdefABCDEF ", min_size=78, max_size=86)))
def test_what_is_no_id_is_told_from_one(text: str) -> None:
    try:
        operation = OperationId.parse(text)
    except NotFound as error:
        assert "Id not found" not in str(error)
    else:
        assert operation.text == text


@pytest.mark.parametrize(
    "change",
    [lambda i: i.upper(), lambda i: i[:-2], lambda i: i + "00", lambda i: "00" + i[2:], lambda i: "ff" + i[2:]],
)
def test_an_id_with_a_flaw_is_none(change: object) -> None:
    good = OperationId(OperationKind.CREATE, "a" * 32, "b" * 32, "c" * 16).text
    with pytest.raises(NotFound):
        OperationId.parse(change(good))  # type: ignore[operator]


async def test_quick_work_is_over_when_its_id_is_given_out() -> None:
    async with instance(Shared()) as operations:
        made = await operations.start(Work())
        assert operations.ongoing_count == 0
        assert await operations.poll(made) == Done(VOLUME)
        assert await operations.poll(await operations.start(Work(OperationKind.DELETE))) == Done(None)


async def test_slow_work_is_pending_here_and_elsewhere_until_it_is_over() -> None:
    shared = Shared()
    async with instance(shared) as one, instance(shared) as other:
        goes_on = anyio.Event()
        operation = await one.start(Work(goes_on=goes_on))
        assert await one.poll(operation) == Pending()
        assert await other.poll(operation) == Pending()
        shared.verdict = Done(VOLUME)
        goes_on.set()
        assert await one.poll(operation) == Done(VOLUME)
        assert await other.poll(operation) == Done(VOLUME)


async def test_a_poll_ends_as_soon_as_the_work_does() -> None:
    async with instance(Shared()) as operations:
        goes_on = anyio.Event()
        operation = await operations.start(Work(goes_on=goes_on))
        outcomes: list[Outcome] = []

        async def poll() -> None:
            outcomes.append(await operations.poll(operation))

        async with anyio.create_task_group() as group:
            group.start_soon(poll)
            await anyio.wait_all_tasks_blocked()
            goes_on.set()
        assert outcomes == [Done(VOLUME)]


@pytest.mark.parametrize(
    ("verdict", "told"), [(Done(VOLUME), Done(VOLUME)), (Failed(OWNER_WENT_AWAY), Failed("the mount was lost"))]
)
async def test_work_that_could_not_be_taken_back_is_pending_until_the_tree_can_tell(
    verdict: Outcome, told: Outcome
) -> None:
    shared = Shared()
    async with instance(shared) as operations, instance(shared) as other:
        goes_on = anyio.Event()
        operation = await operations.start(Work(goes_on=goes_on, error=OutcomeUnknown("the mount was lost")))
        shared.away = True
        goes_on.set()
        assert await operations.poll(operation) == Pending()
        assert await operations.poll(operation) == Pending()
        shared.away, shared.verdict = False, verdict
        assert await operations.poll(operation) == told
        assert await other.poll(operation) == told


async def test_why_it_failed_is_told_by_every_instance() -> None:
    shared = Shared()
    async with instance(shared) as one, instance(shared) as other:
        operation = await one.start(Work(error=LimitNotSet("the limit could not be set")))
        assert await one.poll(operation) == Failed("the limit could not be set")
        assert await other.poll(operation) == Failed("the limit could not be set")


async def test_a_bug_is_told_in_plain_words_and_not_in_its_own() -> None:
    shared = Shared()
    async with instance(shared) as one, instance(shared) as other:
        operation = await one.start(Work(error=ZeroDivisionError("secret detail")))
        for each in (one, other):
            outcome = await each.poll(operation)
            assert isinstance(outcome, Failed)
            assert "secret" not in outcome.message
        assert shared.held == set()


async def test_the_death_of_its_owner_is_told() -> None:
    shared = Shared()
    async with instance(shared) as other:
        lost = OperationId(OperationKind.EXPAND, CLUSTER, VOLUME, "d" * 16).text
        assert await other.poll(lost) == Failed(OWNER_WENT_AWAY)


async def test_what_cannot_be_judged_now_is_pending() -> None:
    shared = Shared(away=True)
    async with instance(shared) as operations:
        assert (
            await operations.poll(OperationId(OperationKind.CREATE, CLUSTER, VOLUME, "d" * 16).text) == Pending()
        )


async def test_an_unknown_gluster_volume_makes_an_unknown_operation() -> None:
    async with instance(Shared()) as operations:
        with pytest.raises(NotFound):
            await operations.poll(OperationId(OperationKind.CREATE, "e" * 32, VOLUME, "d" * 16).text)


async def test_no_more_than_the_limit_also_when_all_come_at_once() -> None:
    shared, goes_on = Shared(slow=anyio.Event()), anyio.Event()
    work = [Work(goes_on=goes_on) for _ in range(20)]
    refused: list[Work] = []
    async with instance(shared, limit=5) as operations:

        async def start(each: Work) -> None:
            try:
                await operations.start(each)
            except TooManyOperations:
                refused.append(each)

        async with anyio.create_task_group() as group:
            for each in work:
                group.start_soon(start, each)
            await anyio.wait_all_tasks_blocked()
            assert shared.slow is not None
            shared.slow.set()
        assert sum(each.runs for each in work) == 5
        assert len(refused) == 15
        assert all(each.abandoned == 1 and each.runs == 0 for each in refused)
        goes_on.set()
    async with instance(shared, limit=1) as operations:
        for _ in range(3):
            assert await operations.poll(await operations.start(Work())) == Done(VOLUME)


async def test_work_that_cannot_be_noted_is_not_begun() -> None:
    shared, work = Shared(away=True), Work()
    async with instance(shared, limit=1) as operations:
        for _ in range(3):
            with pytest.raises(NotMounted):
                await operations.start(work)
        assert (work.runs, work.abandoned) == (0, 3)


async def test_the_end_waits_for_work_and_takes_no_new_one() -> None:
    shared, goes_on = Shared(), anyio.Event()
    work, late = Work(goes_on=goes_on), Work()
    finished = anyio.Event()

    async with anyio.create_task_group() as group:
        stop = anyio.Event()
        running: list[Operations] = []

        async def serve() -> None:
            async with instance(shared) as operations:
                running.append(operations)
                await operations.start(work)
                await stop.wait()
            finished.set()

        group.start_soon(serve)
        await anyio.sleep(0.1)
        stop.set()
        await anyio.wait_all_tasks_blocked()
        assert not finished.is_set()
        with pytest.raises(TooManyOperations):
            await running[0].start(late)
        assert late.abandoned == 1
        goes_on.set()
        with anyio.fail_after(5):
            await finished.wait()
    assert shared.held == set()


async def test_the_end_comes_while_work_is_being_noted() -> None:
    shared, late = Shared(slow=anyio.Event()), Work()
    refused: list[Exception] = []
    async with anyio.create_task_group() as group:

        async def start(operations: Operations) -> None:
            try:
                await operations.start(late)
            except TooManyOperations as error:
                refused.append(error)

        async with instance(shared) as operations:
            group.start_soon(start, operations)
            await anyio.wait_all_tasks_blocked()
        assert shared.slow is not None
        shared.slow.set()
    assert len(refused) == 1
    assert (late.runs, late.abandoned) == (0, 1)
    assert shared.held == set()


async def test_the_end_does_not_wait_for_ever() -> None:
    shared = Shared()
    with anyio.fail_after(5):
        async with instance(shared, shutdown_seconds=0.05) as operations:
            operation = await operations.start(Work(goes_on=anyio.Event()))
    assert shared.held == set(), "so that others can tell"
    async with instance(replace(shared, verdict=Failed(OWNER_WENT_AWAY))) as other:
        assert await other.poll(operation) == Failed(OWNER_WENT_AWAY)
