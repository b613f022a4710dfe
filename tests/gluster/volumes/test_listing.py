"""Lists of volumes as administrators ask for them: filtered, ordered, in pages, and never with one left out."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import httpx
import pytest

from piragua.tree import layout
from piragua.tree.record import Record
from tests.support.by_hand import MAKERS, ByHand, by_hand
from tests.support.core import Core, mounted_at, running_core, uncached_mount
from tests.support.pool import GlusterVolume

pytestmark = pytest.mark.anyio

GIB = 2**30
MIB = 2**20
UUID = "123e4567-e89b-12d3-a456-426614174000"
PATH = "/piragua/v1/volumes"

NAMES = ("alpha", "beta", "gamma", "delta", f"prod_shop_data_{UUID}")


@dataclass
class Scene:
    """Five volumes by their names' first words, and what Piragua says of them."""

    core: Core
    hand: ByHand
    ids: dict[str, str]

    async def ask(self, query: str) -> httpx.Response:
        return await self.core.http.get(f"{PATH}{query}")

    async def names(self, query: str) -> list[str]:
        """What that query lists, by the first words of names."""
        answer = await self.ask(query)
        assert answer.status_code == 200, answer.text
        return [each.get("name", "?").split("_")[0] for each in answer.json()["volumes"]]


@pytest.fixture(scope="module")
async def scene(volume: GlusterVolume) -> AsyncIterator[Scene]:
    folder = uncached_mount(volume)
    async with mounted_at(volume, folder):
        pass
    with by_hand(volume, folder) as hand:
        ids = {name.split("_")[0]: made(hand, name, number) for number, name in enumerate(NAMES)}
        async with running_core(volume, folder) as core:
            scene = Scene(core, hand, ids)
            with anyio.fail_after(30):
                while await used(scene) != sorted(await used(scene)) or not (await used(scene))[0]:
                    await core.usage.gather()
                    await anyio.sleep(0.1)
            yield scene


def made(hand: ByHand, name: str, number: int) -> str:
    """Each a day older, larger and fuller than the one before."""
    created = datetime.now(UTC).replace(microsecond=0) - timedelta(days=number, minutes=5)
    labels = {"team": "blue" if number % 2 else "red", "number": str(number)}
    record = Record((number + 1) * GIB, name, created=created, labels=labels)
    volume_id = hand.record(hand.directory(), record)
    hand.data(volume_id, name)
    for file in range(number + 1):
        (hand.data_path(volume_id) / f"{file}").write_bytes(os.urandom((number + 1) * 100_000))
    return hand.tell(hand.published(hand.limit(volume_id, record.size_bytes)))


async def used(scene: Scene) -> list[int]:
    listed = (await scene.ask("?sort=created&order=desc")).json()["volumes"]
    return [each.get("usage", {}).get("used_bytes", 0) for each in listed]


ALL = ["alpha", "beta", "delta", "gamma", "prod"]
OLDER = ["alpha", "beta", "gamma", "delta", "prod"]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", ALL),
        ("?sort=name&order=desc", ALL[::-1]),
        *((f"?sort={sort}", OLDER) for sort in ("size", "used", "fullness", "files")),
        *((f"?sort={sort}&order=desc", OLDER[::-1]) for sort in ("size", "used", "fullness", "files")),
        ("?sort=created", OLDER[::-1]),
        ("?label=team=blue", ["beta", "delta"]),
        ("?label=team", ALL),
        ("?label=team=", []),
        ("?label=team=red&label=number=2", ["gamma"]),
        ("?label=nobody", []),
        ("?label=kubernetes/namespace=shop", ["prod"]),
        ("?label=kubernetes/claim", ["prod"]),
        ("?name=*lta", ["delta"]),
        ("?name=[ab]*", ["alpha", "beta"]),
        ("?name=ALPHA", []),
        ("?name=prod_*_data_????????-*", ["prod"]),
        ("?name=", []),
        ("?older_than=2d", ["delta", "gamma", "prod"]),
        ("?newer_than=36h", ["alpha", "beta"]),
        ("?newer_than=0", []),
        ("?older_than=1d&newer_than=3d", ["beta", "gamma"]),
        ("?fuller_than=0&sort=used&limit=1", ["alpha"]),
        ("?fuller_than=99.9", []),
        ("?state=ready", ALL),
        ("?state=unclear", []),
        ("?cluster={cluster}&label=team=blue", ["beta", "delta"]),
        ("?cluster={gluster_volume}", ALL),
        ("?limit=2", ["alpha", "beta"]),
        ("?limit=2&sort=size&order=desc", ["prod", "delta"]),
    ],
)
async def test_what_matches_is_listed_in_the_order_that_was_asked_for(
    scene: Scene, query: str, wanted: list[str]
) -> None:
    cluster = (await scene.ask("?limit=1")).json()["volumes"][0]
    assert await scene.names(query.format_map(cluster)) == wanted


async def test_a_volume_in_a_list_is_told_as_it_is_alone(scene: Scene) -> None:
    listed = (await scene.ask("")).json()
    assert (listed["total"], "next" in listed) == (5, False)
    for each in listed["volumes"]:
        alone = (await scene.core.http.get(f"{PATH}/{each['id']}")).json()
        for one in (each, alone):
            one["usage"].pop("age_seconds")
        assert each == alone
        assert each["state"] == "ready"
        assert datetime.fromisoformat(each["created"]) < datetime.now(UTC)


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("sort", ["name", "size", "used", "fullness", "created", "files"])
async def test_pages_show_each_volume_once(scene: Scene, sort: str, order: str) -> None:
    query = f"?sort={sort}&order={order}"
    whole = await scene.names(query)
    found, after = list[str](), ""
    for _ in range(3):
        page = (await scene.ask(f"{query}&limit=2{after}")).json()
        assert page["total"] == 5
        found += [each["name"].split("_")[0] for each in page["volumes"]]
        after = f"&after={page['next']}" if "next" in page else ""
    assert (found, after) == (whole, "")


async def test_what_comes_and_goes_between_two_pages_moves_nothing_else(scene: Scene) -> None:
    page = (await scene.ask("?limit=3")).json()
    scene.hand.mark(scene.ids["delta"], layout.DELETION_XATTR, b"{half")  # where the page ended
    scene.hand.tell(scene.ids["delta"])
    try:
        rest = (await scene.ask(f"?limit=3&after={page['next']}")).json()
        assert [each.get("name", "?").split("_")[0] for each in rest["volumes"]] == ["gamma", "prod"]
    finally:
        scene.hand.mark(scene.ids["delta"], layout.DELETION_XATTR, b"{}")
        scene.hand.tell(scene.ids["delta"])


async def test_what_cannot_be_changed_is_listed_with_its_state(scene: Scene) -> None:
    wanted = {
        "record newer": "unreadable",
        "record unreadable": "unreadable",
        "unclear": "unclear",
        "gone unreadable": "unclear",
        "complete": "unpublished",
        "original": "ready",
        "original, no limit": "ready",
    }
    made = {scene.hand.tell(MAKERS[maker](scene.hand)): maker for maker in wanted}
    away = [scene.hand.tell(MAKERS[maker](scene.hand)) for maker in ("trash", "purging", "being made", "leftover")]
    try:
        listed = {each["id"]: each for each in (await scene.ask("")).json()["volumes"]}
        assert {wanted[maker] for maker in made.values()} == {"ready", "unreadable", "unclear", "unpublished"}
        for volume_id, maker in made.items():
            assert listed[volume_id]["state"] == wanted[maker], maker
            assert listed[volume_id]["labels"] == {}
            alone = await scene.ask(f"/{volume_id}")
            assert alone.status_code == 503 or alone.json()["state"] == wanted[maker], maker
        assert (await scene.ask(f"/{next(each for each in made if made[each] == 'complete')}")).status_code == 200
        assert not set(away) & listed.keys()
        only = {each["id"] for each in (await scene.ask("?state=unreadable")).json()["volumes"]}
        assert only == {volume_id for volume_id, maker in made.items() if wanted[maker] == "unreadable"}
        by_maker = {maker: listed[volume_id] for volume_id, maker in made.items()}
        assert by_maker["original"]["size_bytes"] == GIB
        assert "size_bytes" not in by_maker["original, no limit"]
        assert "name" not in by_maker["record newer"]
    finally:
        for volume_id in (*made, *away):
            scene.hand.mark(
                volume_id, layout.DELETION_XATTR, b'{"deleted":"2024-01-01T00:00:00Z","retention_seconds":9e9}'
            )
            scene.hand.tell(volume_id)


async def test_bytes_of_a_name_that_json_has_no_place_for_are_replaced(scene: Scene) -> None:
    volume_id = scene.hand.directory()
    inside = os.fsencode(scene.hand.path(volume_id)) + b"/caf\xe9"
    os.mkdir(inside, 0o755)
    scene.hand.tell(volume_id)
    try:
        answer = await scene.ask("?limit=1&name=caf*")
        [found] = answer.json()["volumes"]
        assert (found["id"], found["name"]) == (volume_id, "caf\N{REPLACEMENT CHARACTER}")
        after = (await scene.ask("?limit=3")).json()["next"]
        assert (await scene.ask(f"?after={after}")).status_code == 200
    finally:
        os.rmdir(inside)
        scene.hand.path(volume_id).rmdir()
        scene.hand.tell(volume_id)


WRONG = [
    "?limit=0",
    "?limit=10001",
    "?limit=-1",
    "?limit=1.0",
    "?limit=",
    "?limit=%D9%A1",
    "?limit=1&limit=2",
    "?sort=colour",
    "?sort=",
    "?order=up",
    "?state=READY",
    "?older_than=7",
    "?older_than=-1d",
    "?older_than=99999d",
    "?newer_than=soon",
    "?fuller_than=-1",
    "?fuller_than=nan",
    "?fuller_than=inf",
    "?fuller_than=1e3",
    "?label=",
    "?label==x",
    "?label=A",
    "?label=a%00",
    "?" + "&".join(["label=a"] * 33),
    "?cluster=nobody",
    "?cluster=",
    "?colour=red",
    "?Limit=1",
    "?limit%0A=1",
    "?after=",
    "?after=AAAA",
    "?after=W10",
    "?after=bnVsbA",
    "?after=%FF",
    "?after=" + "A" * 2000,
    "?name=" + "a" * 1025,
]


@pytest.mark.parametrize("query", WRONG, ids=[query[:20] for query in WRONG])
async def test_a_wrong_parameter_is_refused_in_one_sentence(scene: Scene, query: str) -> None:
    refused = await scene.ask(query)
    assert (refused.status_code, len(refused.text.splitlines())) == (400, 1), refused.text
    assert refused.headers["content-type"] == "text/plain; charset=utf-8"


async def test_a_place_in_one_order_is_none_in_another(scene: Scene) -> None:
    after = (await scene.ask("?sort=size&limit=1")).json()["next"]
    assert (await scene.ask(f"?sort=size&after={after}")).status_code == 200
    for query in ("?sort=used", "?sort=size&order=desc", "?sort=name"):
        assert (await scene.ask(f"{query}&after={after}")).status_code == 400, query


@pytest.mark.parametrize("pattern", ["*" * 500, "*a" * 400 + "b", "[" * 500, "[!", "[]-a]*", "\\"])
async def test_a_hostile_pattern_costs_nothing(scene: Scene, pattern: str) -> None:
    with anyio.fail_after(2):
        assert (await scene.core.http.get(PATH, params={"name": pattern})).status_code == 200


async def test_the_api_describes_its_query_and_its_bodies(scene: Scene) -> None:
    document: dict[str, Any] = (await scene.core.http.get("/piragua/v1/openapi.json")).json()
    lists = document["paths"][PATH]["get"]
    assert {each["name"] for each in lists["parameters"]} == {
        *("label", "name", "older_than", "newer_than", "fuller_than"),
        *("state", "cluster", "sort", "order", "limit", "after"),
    }
    assert {each["in"] for each in lists["parameters"]} == {"query"}
    for path, method in (("", "post"), ("/{volume_id}/labels", "put"), ("/{volume_id}/shrink", "post")):
        assert "requestBody" in document["paths"][f"{PATH}{path}"][method]
    assert {"/piragua/v1/usage", "/piragua/v1/operations", "/piragua/v1/trash"} <= document["paths"].keys()


CREATES = [
    {},
    {"size_gib": 0},
    {"size_gib": 2**33},
    {"size_gib": "1"},
    {"size_gib": 1, "name": "a/b"},
    {"size_gib": 1, "name": "a" * 256},
    {"size_gib": 1, "name": 5},
    {"size_gib": 1, "files_limit": 2},
    {"size_gib": 1, "files_limit": 10**13},
    {"size_gib": 1, "soft_limit_percent": 0},
    {"size_gib": 1, "soft_limit_percent": 101},
    {"size_gib": 1, "gid": -1},
    {"size_gib": 1, "clusters": ["nobody"]},
    {"size_gib": 1, "clusters": "gv0"},
    {"size_gib": 1, "colour": "red"},
    {"size": 1},
]


async def test_a_create_that_cannot_be_is_refused_in_one_sentence_and_a_taken_name_is_a_conflict(
    scene: Scene,
) -> None:
    before = await scene.names("")
    for body in CREATES:
        refused = await scene.core.http.post(PATH, json=body)
        assert (refused.status_code, len(refused.text.splitlines())) == (400, 1), (body, refused.text)
    made = await scene.core.http.post(PATH, json={"size_gib": 1, "name": "taken"})
    assert (await scene.core.ended(made)).status_code == 303
    taken = await scene.core.http.post(PATH, json={"size_gib": 1, "name": "taken"})
    assert (taken.status_code, taken.text) == (409, "Volume name 'taken' already in use\n")
    assert await scene.names("") == sorted([*before, "taken"])
