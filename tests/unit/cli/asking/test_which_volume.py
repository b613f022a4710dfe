"""Which volume is meant, and what is said where it is not sure."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.support.answering import server
from tests.support.terminal import piped

WIKI, SHOP, NAMED_AS_AN_ID = "ab12" + "0" * 28, "ab34" + "1" * 28, "cdef" + "2" * 28
VOLUMES = {
    WIKI: {"id": WIKI, "name": "wiki"},
    SHOP: {"id": SHOP, "name": "wiki_of_the_shop"},
    NAMED_AS_AN_ID: {"id": NAMED_AS_AN_ID, "name": "beef[1]*"},
}


def answers(**named: list[str]) -> dict[str, Any]:
    """What a server knows of them. named: what it finds for a name."""
    known: dict[str, Any] = {"/volumes": {"volumes": list(VOLUMES)}}
    for volume_id, volume in VOLUMES.items():
        known[f"/piragua/v1/volumes/{volume_id}"] = volume
        known[f"/volumes/{volume_id}"] = {}
    return known


def listed(glob: str, *ids: str) -> dict[str, Any]:
    """What it answers for that glob."""
    path = f"/piragua/v1/volumes?name={quote(glob, safe='_')}&limit=10"
    return {path: {"volumes": [VOLUMES[each] for each in ids]}}


def show(known: dict[str, Any], wanted: str) -> tuple[int, str]:
    with server({**answers(), **known}) as url:
        done = piped("volume", "show", wanted, settings={"PIRAGUA_SERVER": url})
    return done.returncode, done.stdout.partition("\n")[0].removeprefix("id ").strip() or done.stderr


@pytest.mark.parametrize(
    ("wanted", "known", "meant"),
    [
        (WIKI, {}, WIKI),
        (WIKI.upper(), {}, WIKI),
        ("ab120000-0000-0000-0000-000000000000", {}, WIKI),
        ("gv0/ab120000-0000-0000-0000-000000000000/wiki", {}, WIKI),
        ("server1:/gv0/ab120000-0000-0000-0000-000000000000", {}, WIKI),
        ("wiki", listed("wiki", WIKI), WIKI),
        ("wiki_of", listed("wiki_of") | listed("wiki_of*", SHOP), SHOP),
        ("ab34", listed("ab34") | listed("ab34*"), SHOP),
        ("beef[1]*", listed("beef[[]1][*]", NAMED_AS_AN_ID), NAMED_AS_AN_ID),
    ],
)
def test_a_volume_is_meant_by(wanted: str, known: dict[str, Any], meant: str) -> None:
    assert show(known, wanted) == (0, meant)


@pytest.mark.parametrize(
    ("wanted", "known", "said"),
    [
        ("wik", listed("wik"), "no volume has the id or the name 'wik'"),
        ("f" * 32, listed("f" * 32) | listed("f" * 32 + "*"), "no volume has the id or the name"),
        (
            "wiki",
            listed("wiki", WIKI, SHOP),
            f"'wiki' can mean more than one volume: {WIKI} (wiki), {SHOP} (wiki_of",
        ),
        ("ab12", listed("ab12") | listed("ab12*", SHOP), "can mean more than one volume"),
    ],
)
def test_what_is_not_sure_is_refused(wanted: str, known: dict[str, Any], said: str) -> None:
    status, told = show(known, wanted)
    assert (status, said in told, told.count("\n")) == (4, True, 1), told


def test_what_is_not_asked_about_is_not_guessed() -> None:
    asked: list[str] = []
    known = answers() | listed("wiki_of") | listed("wiki_of*", SHOP)
    with server(known, asked=asked) as url:
        done = piped("volume", "delete", "wiki_of", "--yes", settings={"PIRAGUA_SERVER": url})
    assert (done.returncode, "with --yes neither may be shortened" in done.stderr) == (4, True)
    assert not [each for each in asked if each.startswith("DELETE")]
