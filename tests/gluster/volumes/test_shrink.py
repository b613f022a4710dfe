"""Making volumes smaller on a real Gluster: never below what they hold, whoever dies or writes meanwhile."""

import os
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from piragua.errors import GlusterError, GlusterTimeout
from piragua.models import Bounds, dashed
from piragua.tree import layout
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.record import Record, decode
from tests.support.by_hand import MAKERS, ByHand
from tests.support.calls import ask, told_by
from tests.support.core import Core, running_core
from tests.support.pool import GlusterVolume

pytestmark = pytest.mark.anyio

GIB = 2**30
MIB = 2**20
LARGE_GIB = 5


def large(hand: ByHand, **fields: Any) -> str:
    """A volume of 5 GiB."""
    volume_id = hand.directory()
    record = Record(LARGE_GIB * GIB, f"vol_{volume_id}", **fields)
    hand.data(hand.record(volume_id, record))
    return hand.tell(hand.published(hand.limit(volume_id, record.size_bytes)))


def hold_more_than_a_gib(hand: ByHand, volume_id: str) -> None:
    """Without writing so much: its files say how long they are, and quota counts blocks."""
    with (hand.data_path(volume_id) / "large").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, GIB + 8 * MIB)


def recorded(hand: ByHand, volume_id: str) -> Record:
    return decode(os.getxattr(hand.path(volume_id), layout.RECORD_XATTR))


async def sizes(core: Core, hand: ByHand, volume_id: str) -> tuple[int, int | None]:
    """What the record says and what the limit is."""
    return recorded(hand, volume_id).size_bytes, await core.mounted.limit(volume_id)


async def shrink(core: Core, volume_id: str, size_gib: Any) -> httpx.Response:
    return await core.http.post(f"/piragua/v1/volumes/{volume_id}/shrink", json={"size_gib": size_gib})


async def outcome(core: Core, answer: httpx.Response) -> httpx.Response:
    assert answer.status_code == 202, answer.text
    return await core.ended(answer)


async def test_a_volume_gets_smaller_and_keeps_all_else(volume: GlusterVolume, folder: Path, hand: ByHand) -> None:
    volume_id = large(hand, labels={"team": "blue"}, bounds=Bounds(files=100, soft_percent=50))
    (hand.data_path(volume_id) / "file").write_text("kept")
    async with running_core(volume, folder) as core:
        told = await outcome(core, await shrink(core, volume_id, 2))
        assert (told.status_code, told.headers["location"]) == (303, f"/volumes/{volume_id}")
        assert await sizes(core, hand, volume_id) == (2 * GIB, 2 * GIB)
        after = recorded(hand, volume_id)
        assert (after.labels, after.bounds) == ({"team": "blue"}, Bounds(files=100, soft_percent=50))
        assert (await core.http.get(f"/volumes/{volume_id}")).json()["size"] == 2
        assert (await core.http.get(f"/piragua/v1/volumes/{volume_id}")).json()["size_bytes"] == 2 * GIB
    assert (hand.data_path(volume_id) / "file").read_text() == "kept"
    assert "50%" in hand.quota("list", f"/{dashed(volume_id)}")


async def test_it_is_refused_below_what_the_volume_holds_and_says_how_much_that_is(
    volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    volume_id = large(hand)
    hold_more_than_a_gib(hand, volume_id)
    async with running_core(volume, folder) as core:
        with anyio.fail_after(30):  # bricks add up in the background
            while (refused := await shrink(core, volume_id, 1)).status_code != 409:
                await anyio.sleep(0.1)
        assert "holds 1082130432 bytes (1.008 GiB), more than 1 GiB" in refused.text
        assert await sizes(core, hand, volume_id) == (LARGE_GIB * GIB, LARGE_GIB * GIB)
        assert (await outcome(core, await shrink(core, volume_id, 2))).status_code == 303


async def test_what_is_no_smaller_size_is_refused(volume: GlusterVolume, folder: Path, hand: ByHand) -> None:
    volume_id = large(hand)
    async with running_core(volume, folder) as core:
        for size_gib in (0, -1, 5, 6, 2**33, 10**30, 1.5, "1", None, True, [1]):
            refused = await shrink(core, volume_id, size_gib)
            assert (refused.status_code, len(refused.text.splitlines())) == (400, 1), refused.text
        assert await sizes(core, hand, volume_id) == (LARGE_GIB * GIB, LARGE_GIB * GIB)


async def test_what_is_not_there_or_not_clear_is_not_shrunk(
    volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    wanted = {"absent": 404, "trash": 404, "record newer": 503, "unclear": 503, "original, no limit": 400}
    async with running_core(volume, folder) as core:
        for state, status in wanted.items():
            volume_id = hand.tell(MAKERS[state](hand))
            assert (await shrink(core, volume_id, 1)).status_code == status, state


async def test_a_volume_of_the_original_can_be_shrunk(volume: GlusterVolume, folder: Path, hand: ByHand) -> None:
    volume_id = hand.limit(hand.data(hand.directory(), files=1), 3 * GIB)
    hand.tell(volume_id)
    async with running_core(volume, folder) as core:
        assert (await outcome(core, await shrink(core, volume_id, 2))).status_code == 303
        assert await sizes(core, hand, volume_id) == (2 * GIB, 2 * GIB)


async def test_what_is_written_while_the_limit_is_set_ends_the_shrink_and_the_size_comes_back(
    volume: GlusterVolume, folder: Path, hand: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume_id = large(hand)
    async with running_core(volume, folder) as core:
        limits = core.limits
        real = limits.set

        async def late_writer(mounted: ProvenMount, each: str, size_bytes: int, **options: Any) -> None:
            if size_bytes == GIB:
                hold_more_than_a_gib(hand, volume_id)
                with anyio.fail_after(30):
                    while await limits.used_bytes(mounted, each) < GIB:
                        await anyio.sleep(0.1)
            await real(mounted, each, size_bytes, **options)

        monkeypatch.setattr(limits, "set", late_writer)
        told = await outcome(core, await shrink(core, volume_id, 1))
        assert (told.status_code, "more than 1 GiB" in told.text) == (500, True)
        assert await sizes(core, hand, volume_id) == (LARGE_GIB * GIB, LARGE_GIB * GIB)


@pytest.mark.parametrize("happens", [True, False])
@pytest.mark.parametrize("error", [GlusterTimeout, GlusterError])
async def test_a_limit_that_fails_leaves_one_size_or_the_other(
    volume: GlusterVolume,
    folder: Path,
    hand: ByHand,
    monkeypatch: pytest.MonkeyPatch,
    error: type[GlusterError],
    happens: bool,
) -> None:
    volume_id = large(hand)
    async with running_core(volume, folder) as core:
        limits = core.limits
        real = limits.set

        async def fails(mounted: ProvenMount, each: str, size_bytes: int, **options: Any) -> None:
            monkeypatch.setattr(limits, "set", real)
            if happens:
                await real(mounted, each, size_bytes, **options)
            raise error(("volume", "quota"), 0, "as the test wants it")

        monkeypatch.setattr(limits, "set", fails)
        told = await outcome(core, await shrink(core, volume_id, 2))
        assert (told.status_code, "as the test wants it" in told.text) == (500, True)
        await core.sweep.sweep()
        kept_bytes = 2 * GIB if happens and error is GlusterTimeout else LARGE_GIB * GIB
        assert await sizes(core, hand, volume_id) == (kept_bytes, kept_bytes)


@pytest.mark.parametrize("error", [GlusterTimeout, GlusterError])
async def test_when_nobody_can_tell_what_it_holds_by_then_the_size_comes_back(
    volume: GlusterVolume, folder: Path, hand: ByHand, monkeypatch: pytest.MonkeyPatch, error: type[GlusterError]
) -> None:
    volume_id = large(hand)
    async with running_core(volume, folder) as core:
        limits = core.limits
        real = limits.used_bytes

        async def fails_when_it_is_small(mounted: ProvenMount, each: str) -> int:
            if await mounted.limit(each) == 2 * GIB:
                raise error(("volume", "quota"), 0, "as the test wants it")
            return await real(mounted, each)

        monkeypatch.setattr(limits, "used_bytes", fails_when_it_is_small)
        told = await outcome(core, await shrink(core, volume_id, 2))
        assert (told.status_code, "as the test wants it" in told.text) == (500, True)
        assert await sizes(core, hand, volume_id) == (LARGE_GIB * GIB, LARGE_GIB * GIB)


def test_an_instance_shrinks_for_administrators_only_and_another_tells_the_end(volume: GlusterVolume) -> None:
    one, other = volume.start_instance(), volume.start_instance()
    location = told_by(one, ask(one, "POST", "/volumes", {"size": 3}).headers["location"]).headers["location"]
    path = f"/piragua/v1{location}/shrink"
    assert ask(one, "POST", path, {"size_gib": 1}, user="user").status_code == 401
    told = told_by(other, ask(one, "POST", path, {"size_gib": 1}).headers["location"])
    assert (told.status_code, told.headers["location"]) == (303, location)
    assert ask(other, "GET", location).json()["size"] == 1
