"""Each line of the table of states (docs/on-disk-format.md), made for real: what clients are told of it."""

from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from piragua.models import dashed
from piragua.tree.states import State
from tests.support.by_hand import MAKERS, ByHand
from tests.support.core import Core, running_core, uncached_mount
from tests.support.pool import GlusterVolume

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Told:
    """What clients are told: statuses of GET, expand and DELETE, and whether a list has the id.

    204: a DELETE that is accepted, and done when it is polled.
    """

    state: State
    show: int
    expand: int
    delete: int
    listed: bool


NOTHING = Told(State.ABSENT, 404, 404, 404, listed=False)
TABLE = {
    "absent": NOTHING,
    "returned": Told(State.RETURNED, 404, 404, 204, listed=False),
    "purging": Told(State.PURGING, 404, 404, 204, listed=False),
    "closed": Told(State.PURGING, 404, 404, 204, listed=False),
    "trash": Told(State.TRASH, 404, 404, 204, listed=False),
    "trash, closed": Told(State.TRASH, 404, 404, 204, listed=False),
    "gone unreadable": Told(State.UNCLEAR, 503, 503, 503, listed=True),
    "gone emptied": Told(State.VOLUME, 200, 202, 204, listed=True),
    "record newer": Told(State.LEFT_ALONE, 503, 503, 503, listed=True),
    "record newer, unpublished": Told(State.LEFT_ALONE, 503, 503, 503, listed=True),
    "record unreadable": Told(State.LEFT_ALONE, 503, 503, 503, listed=True),
    "volume": Told(State.VOLUME, 200, 202, 204, listed=True),
    "volume, mode lost": Told(State.VOLUME, 200, 202, 204, listed=True),
    "original, half adopted": Told(State.VOLUME, 200, 202, 204, listed=True),
    # the text of this 500 is what Heketi says of a volume in work
    "being made": Told(State.BEING_MADE, 503, 503, 500, listed=False),
    "being made, complete": Told(State.BEING_MADE, 503, 503, 500, listed=False),
    "complete": Told(State.COMPLETE, 200, 503, 503, listed=True),
    "mark lost": Told(State.COMPLETE, 200, 503, 503, listed=True),
    "clone given up": Told(State.CLONE_GIVEN_UP, 503, 503, 503, listed=False),
    "clone, mark lost": Told(State.COMPLETE, 200, 503, 503, listed=True),
    "given up, empty": Told(State.GIVEN_UP, 503, 503, 503, listed=False),
    "given up, no limit": Told(State.GIVEN_UP, 503, 503, 503, listed=False),
    "given up, limit": Told(State.GIVEN_UP, 503, 503, 503, listed=False),
    "unclear": Told(State.UNCLEAR, 503, 503, 503, listed=True),
    "unclear, another limit": Told(State.UNCLEAR, 503, 503, 503, listed=True),
    "unclear, two directories": Told(State.UNCLEAR, 503, 503, 503, listed=True),
    "original": Told(State.ORIGINAL, 200, 202, 204, listed=True),
    "original, mode lost": Told(State.ORIGINAL, 200, 202, 204, listed=True),
    "original, no limit": Told(State.ORIGINAL, 200, 400, 204, listed=True),
    "leftover": Told(State.LEFTOVER, 503, 503, 503, listed=False),
    "leftover, limit": Told(State.LEFTOVER, 503, 503, 503, listed=False),
    "not ours, two directories": Told(State.NOT_OURS, 503, 503, 503, listed=False),
    "not ours, a file": Told(State.NOT_OURS, 503, 503, 503, listed=False),
    "a plain file": Told(State.NOT_OURS, 503, 503, 503, listed=False),
    "a symbolic link": Told(State.NOT_OURS, 503, 503, 503, listed=False),
}


@pytest.fixture(scope="module")
def folder(volume: GlusterVolume) -> Path:
    return uncached_mount(volume)


async def outcome(core: Core, accepted: httpx.Response) -> int:
    """The status in the end of what may have been only accepted."""
    if accepted.status_code != 202:
        return accepted.status_code
    while True:
        reply = await core.http.get(accepted.headers["location"], follow_redirects=False)
        if reply.headers.get("x-pending") != "true":
            return reply.status_code


def test_the_table_has_every_state() -> None:
    assert {told.state for told in TABLE.values()} == set(State)
    assert TABLE.keys() == MAKERS.keys()


@pytest.mark.parametrize("line", TABLE)
async def test_what_clients_are_told(line: str, hand: ByHand, volume: GlusterVolume, folder: Path) -> None:
    async with running_core(volume, folder, purges=False) as core:
        volume_id = hand.tell(MAKERS[line](hand))
        told = TABLE[line]
        assert (await core.mounted.observe(volume_id)).state is told.state
        listed = (await core.http.get("/volumes")).json()["volumes"]
        assert (volume_id in listed) is told.listed
        shown = await core.http.get(f"/volumes/{volume_id}")
        assert shown.status_code == told.show
        assert (shown.text.strip() == "Id not found") is (told.show == 404)
        expanded = await core.http.post(f"/volumes/{volume_id}/expand", json={"expand_size": 1})
        assert expanded.status_code == told.expand
        if told.expand == 202:
            assert await outcome(core, expanded) == 303, expanded.headers
        deleted = await core.http.delete(f"/volumes/{volume_id}")
        assert await outcome(core, deleted) == told.delete
        if told.delete == 204:
            assert (await core.http.get(f"/volumes/{volume_id}")).status_code == 404
        else:
            assert (await core.mounted.observe(volume_id)).state is told.state
            assert hand.path(volume_id).exists() is (told.state is not State.ABSENT)


async def test_other_names_in_the_root_are_nobodys_business(
    hand: ByHand, volume: GlusterVolume, folder: Path
) -> None:
    like_one = dashed("f" * 32)
    names = ["lost+found", "0" * 32, like_one.upper(), f"{like_one}x", f" {like_one}", f"{like_one}\n", "vol_x"]
    async with running_core(volume, folder) as core:
        for name in names:
            (folder / name).mkdir()
            (folder / name / "inside").write_text("kept")
        await core.sweep_twice()
        listed = (await core.http.get("/volumes")).json()["volumes"]
        assert not {"f" * 32, "0" * 32} & set(listed)
        assert (await core.http.get("/volumes/" + "0" * 32)).status_code == 404
    assert all((folder / name / "inside").read_text() == "kept" for name in names)
