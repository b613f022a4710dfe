"""What instances say about operations, their own and each other's, on a real Gluster."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import anyio
import httpx
import pytest

from piragua.models import OperationKind
from piragua.operations.ids import OperationId
from piragua.tree.locking import locks
from tests.support.by_hand import MAKERS, ByHand, by_hand
from tests.support.core import Core, running_core, uncached_mount
from tests.support.lock_holder import lock_held
from tests.support.pool import GlusterVolume

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def first(volume: GlusterVolume) -> Path:
    return uncached_mount(volume)


@pytest.fixture(scope="module")
def second(volume: GlusterVolume) -> Path:
    return uncached_mount(volume)


@pytest.fixture
def hand(volume: GlusterVolume, first: Path) -> Iterator[ByHand]:
    with by_hand(volume, first) as hand:
        yield hand


async def poll(core: Core, operation: str) -> httpx.Response:
    return await core.http.get(operation, follow_redirects=False)


def is_pending(reply: httpx.Response) -> bool:
    return reply.status_code == 200 and reply.headers.get("x-pending") == "true"


async def until_over(core: Core, operation: str) -> httpx.Response:
    with anyio.fail_after(30):
        while True:
            reply = await poll(core, operation)
            if not is_pending(reply):
                return reply


async def operation_for(core: Core, volume: GlusterVolume, kind: OperationKind, volume_id: str) -> OperationId:
    cluster = (await core.http.get("/clusters")).json()["clusters"][0]
    return OperationId(kind, cluster, volume_id, uuid4().hex[:16])


async def test_any_instance_can_be_asked_while_it_runs_and_after(
    volume: GlusterVolume, first: Path, second: Path
) -> None:
    async with (
        running_core(volume, first, hold_seconds=0.1) as one,
        running_core(volume, second, hold_seconds=0.1) as other,
    ):
        with lock_held(second, locks.QUOTA):  # nobody's limit can be set
            created = await one.http.post("/volumes", json={"size": 1})
            operation = created.headers["location"]
            assert is_pending(await poll(one, operation))
            assert is_pending(await poll(other, operation))
            assert (await other.http.get("/volumes")).json()["volumes"] == []
        ends = [await until_over(other, operation), await until_over(one, operation)]
        assert [end.status_code for end in ends] == [303, 303]
        assert ends[0].headers["location"] == ends[1].headers["location"]
        assert (await other.http.get(ends[0].headers["location"])).json()["size"] == 1


async def test_why_a_create_failed_is_told_by_every_instance(
    volume: GlusterVolume, first: Path, second: Path, hand: ByHand
) -> None:
    async with running_core(volume, first) as one, running_core(volume, second) as other:
        with lock_held(second, locks.QUOTA):
            created = await one.http.post("/volumes", json={"size": 1, "name": "unlucky"})
            hand.quota("disable")
        ends = [await until_over(core, created.headers["location"]) for core in (one, other)]
        hand.quota("enable")
        assert [end.status_code for end in ends] == [500, 500]
        assert ends[0].text == ends[1].text
        assert "quota" in ends[0].text.lower()
        assert "Id not found" not in ends[0].text
        again = await one.http.post("/volumes", json={"size": 1, "name": "unlucky"})
        assert (await until_over(other, again.headers["location"])).status_code == 303


async def test_the_lock_of_an_operation_says_whether_its_owner_lives(
    volume: GlusterVolume, first: Path, second: Path, hand: ByHand
) -> None:
    async with running_core(volume, first, hold_seconds=0.1) as core:
        volume_id = hand.tell(hand.volume_with())
        operation = await operation_for(core, volume, OperationKind.EXPAND, volume_id)
        with lock_held(second, locks.operation_offset(operation.nonce)) as owner:
            assert is_pending(await poll(core, f"/queue/{operation.text}"))
            owner.kill()
            end = await until_over(core, f"/queue/{operation.text}")
        assert (end.status_code, end.text.strip()) == (
            500,
            "the server that did this went away before it was done",
        )


@pytest.mark.parametrize(
    ("kind", "line", "status"),
    [
        (OperationKind.CREATE, "volume", 303),
        (OperationKind.CREATE, "complete", 303),
        (OperationKind.CREATE, "given up, limit", 500),
        (OperationKind.CREATE, "unclear", 500),
        (OperationKind.CREATE, "absent", 500),
        (OperationKind.CREATE, "trash", 500),
        (OperationKind.EXPAND, "volume", 500),
        (OperationKind.EXPAND, "absent", 500),
        (OperationKind.DELETE, "volume", 500),
        (OperationKind.DELETE, "trash", 204),
        (OperationKind.DELETE, "absent", 204),
        (OperationKind.DELETE, "unclear", 500),
    ],
)
async def test_how_it_ended_is_read_from_what_is_there(
    kind: OperationKind, line: str, status: int, volume: GlusterVolume, first: Path, hand: ByHand
) -> None:
    async with running_core(volume, first, purges=False) as core:
        volume_id = MAKERS[line](hand)
        operation = await operation_for(core, volume, kind, volume_id)
        end = await until_over(core, f"/queue/{operation.text}")
        assert end.status_code == status
        if status == 303:
            assert (await core.http.get(end.headers["location"])).json()["id"] == volume_id
        else:
            assert "Id not found" not in end.text


async def test_an_expand_that_was_done_is_told_from_one_that_never_happened(
    volume: GlusterVolume, first: Path, second: Path, hand: ByHand
) -> None:
    async with running_core(volume, first) as one, running_core(volume, second) as other:
        volume_id = hand.tell(hand.volume_with())
        operations = []
        for _ in range(9):
            grown = await one.http.post(f"/volumes/{volume_id}/expand", json={"expand_size": 1})
            assert (await until_over(one, grown.headers["location"])).status_code == 303
            operations.append(grown.headers["location"])
        ends = [(await until_over(other, each)).status_code for each in operations]
        assert ends[1:] == [303] * 8, "the last eight are remembered"


@pytest.mark.parametrize(
    "unknown", ["0", "00" * 41, "ff" * 41, "01" + "ab" * 40, "a" * 2000, "0123456789abcdef" * 2, "AB" * 41]
)
async def test_an_unknown_operation_never_reads_as_a_volume_that_is_gone(
    unknown: str, volume: GlusterVolume, first: Path
) -> None:
    async with running_core(volume, first) as core:
        reply = await poll(core, f"/queue/{unknown}")
        assert reply.status_code == 404
        assert "Id not found" not in reply.text


async def test_a_full_queue_says_when_to_come_again(volume: GlusterVolume, first: Path, second: Path) -> None:
    async with running_core(volume, first, max_operations=2) as core:
        with lock_held(second, locks.QUOTA):
            replies = [await core.http.post("/volumes", json={"size": 1}) for _ in range(4)]
        assert [reply.status_code for reply in replies] == [202, 202, 429, 429]
        assert replies[2].headers["retry-after"] == "1"
        before = set(await core.mounted.ids_in_root())
        for reply in replies[:2]:
            assert (await until_over(core, reply.headers["location"])).status_code == 303
        assert set(await core.mounted.ids_in_root()) == before, "the refused left nothing"
        accepted = await core.http.post("/volumes", json={"size": 1})
        assert (await until_over(core, accepted.headers["location"])).status_code == 303
