"""Whose a volume is: labels that are set, and those that its name tells, on every instance and for good."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from piragua.errors import Conflict
from piragua.models import Bounds
from piragua.tree import directories, layout
from piragua.tree.handle import Handle
from piragua.tree.record import LARGEST_BYTES, Record, decode
from piragua.tree.states import State
from tests.support.by_hand import MAKERS, ByHand, record_of
from tests.support.calls import ask, told_by
from tests.support.core import Core, running_core
from tests.support.instance import Instance
from tests.support.pool import GlusterVolume

pytestmark = pytest.mark.anyio

GIB = 2**30
UUID = "123e4567-e89b-12d3-a456-426614174000"

Labels = dict[str, str]


def on_disk(hand: ByHand, volume_id: str) -> dict[str, Any]:
    """The record, as JSON."""
    found: dict[str, Any] = json.loads(os.getxattr(hand.path(volume_id), layout.RECORD_XATTR))
    return found


async def put(core: Core, volume_id: str, labels: Any, method: str = "PUT") -> Any:
    return await core.http.request(method, f"/piragua/v1/volumes/{volume_id}/labels", json={"labels": labels})


async def test_labels_are_set_anew_and_changed_one_by_one(
    volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    volume_id = hand.volume_with()
    async with running_core(volume, folder) as core:
        first = await put(core, volume_id, {"team": "blue", "app.example.com/tier": "Größe 1"})
        assert first.status_code == 200
        assert first.json()["labels"] == {"team": "blue", "app.example.com/tier": "Größe 1"}
        changed = await put(core, volume_id, {"team": None, "owner": "", "nobodys": None}, "PATCH")
        assert changed.json()["labels"] == {"app.example.com/tier": "Größe 1", "owner": ""}
        anew = await put(core, volume_id, {"a": "1"})
        assert anew.json()["labels"] == on_disk(hand, volume_id)["labels"] == {"a": "1"}
        assert (await put(core, volume_id, {})).json()["labels"] == {}


async def test_the_names_of_the_provisioner_tell_prefix_namespace_and_claim_unless_labels_say_otherwise(
    volume: GlusterVolume, folder: Path
) -> None:
    async with running_core(volume, folder) as core:
        wish = {"size_gib": 1, "name": f"prod_shop-eu_data-mysql-0_{UUID}", "labels": {"team": "blue"}}
        answer = await core.http.post("/piragua/v1/volumes", json=wish)
        assert answer.status_code == 202, answer.text
        told = await core.ended(answer)
        volume_id = told.headers["location"].removeprefix("/volumes/")
        labels = (await core.http.get(f"/piragua/v1/volumes/{volume_id}")).json()["labels"]
        assert labels == {
            "kubernetes/claim": "data-mysql-0",
            "kubernetes/namespace": "shop-eu",
            "kubernetes/prefix": "prod",
            "team": "blue",
        }
        set_labels = {"kubernetes/namespace": "warehouse", "kubernetes/claim": None}
        labels = (await put(core, volume_id, set_labels, "PATCH")).json()["labels"]
        assert (labels["kubernetes/namespace"], labels["kubernetes/claim"]) == ("warehouse", "data-mysql-0")
        [found] = (await core.http.get("/piragua/v1/volumes?label=kubernetes/namespace=warehouse")).json()[
            "volumes"
        ]
        assert (found["id"], found["labels"]) == (volume_id, labels)


async def test_what_else_the_record_says_stays(volume: GlusterVolume, folder: Path, hand: ByHand) -> None:
    """Also what a later version has written there, and what no API sets."""
    volume_id = hand.volume_with()
    record = record_of(volume_id).with_operation("0123456789abcdef")
    fields = {**json.loads(record.encode()), "colour": ["red"], "files_limit": 70}
    hand.mark(volume_id, layout.RECORD_XATTR, json.dumps(fields).encode())
    async with running_core(volume, folder) as core:
        assert (await put(core, volume_id, {"team": "blue"})).status_code == 200
    after = on_disk(hand, volume_id)
    assert after == {**fields, "labels": {"team": "blue"}}
    assert decode(json.dumps(after).encode()).bounds == Bounds(files=70)


async def test_a_volume_of_the_original_gets_a_record_with_its_labels(
    volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    volume_id = hand.tell(MAKERS["original"](hand))
    without_limit = hand.tell(MAKERS["original, no limit"](hand))
    async with running_core(volume, folder) as core:
        answer = await put(core, volume_id, {"team": "blue"})
        assert (answer.status_code, answer.json()["labels"]) == (200, {"team": "blue"})
        assert (await core.mounted.observe(volume_id)).state is State.VOLUME
        refused = await put(core, without_limit, {"team": "blue"})
        assert (refused.status_code, "limit-usage" in refused.text) == (400, True)
        assert (await core.mounted.observe(without_limit)).state is State.ORIGINAL


KEYS = ["", "A", "a b", "-a", "a-", "a" * 64, "a\n", "ä", "a=b", "../a.", "\u202ea", "a\0"]
VALUES = ["\n", "a\tb", "\0", "\x1b[2J", "\u202e", "\u2028", "x" * 254, "ä" * 127]


WRONG: list[Labels] = [
    *({key: "x"} for key in KEYS),
    *({"a": value} for value in VALUES),
    {f"k{number}": "" for number in range(33)},
]


async def test_what_is_no_label_is_refused_in_one_sentence_and_changes_nothing(
    volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    volume_id = hand.volume_with()
    hand.record(volume_id, Record(GIB, f"vol_{volume_id}", labels={"team": "blue"}))
    before = on_disk(hand, volume_id)
    async with running_core(volume, folder) as core:
        for labels in WRONG:
            for method in ("PUT", "PATCH"):
                refused = await put(core, volume_id, labels, method)
                assert (refused.status_code, refused.headers["content-type"]) == (400, "text/plain; charset=utf-8")
                assert len(refused.text.strip().splitlines()) == 1
                assert "\x1b" not in refused.text
            made = await core.http.post("/piragua/v1/volumes", json={"size_gib": 1, "labels": labels})
            assert made.status_code == 400, labels
    assert on_disk(hand, volume_id) == before


BODIES = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b'{"labels": null}',
    b'{"labels": []}',
    b'{"labels": {"a": 1}}',
    b'{"labels": {"a": {"b": "c"}}}',
    b'{"labels": {"a": "\\ud800"}}',
    b'{"labels": {"a": "\xff"}}',
    b'{"labels": {}, "more": 1}',
    b'{"Labels": {}}',
    b'{"labels": {"a": "b"}',
    b'{"labels":' * 10_000,
]


async def test_a_body_that_is_none_is_refused(volume: GlusterVolume, folder: Path, hand: ByHand) -> None:
    volume_id = hand.volume_with()
    path = f"/piragua/v1/volumes/{volume_id}/labels"
    async with running_core(volume, folder) as core:
        for body in BODIES:
            for method in ("PUT", "PATCH"):
                refused = await core.http.request(method, path, content=body)
                assert (refused.status_code, len(refused.text.splitlines())) == (400, 1), (body, refused.text)


async def test_labels_that_do_not_fit_into_the_record_are_refused_and_those_that_do_leave_room_for_an_expand(
    volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    volume_id = hand.volume_with()
    async with running_core(volume, folder) as core:
        labels = dict[str, str]()
        while (answer := await put(core, volume_id, labels | {f"k{len(labels)}": "x" * 250})).status_code == 200:
            labels[f"k{len(labels)}"] = "x" * 250
        assert (answer.status_code, str(LARGEST_BYTES) in answer.text) == (400, True)
        assert len(labels) >= 6
        size = 0  # of one more, to the byte
        while (await put(core, volume_id, labels | {"z": "x" * size})).status_code == 200:
            size += 1
        labels["z"] = "x" * (size - 1)
        assert on_disk(hand, volume_id)["labels"] == labels
        grown = await core.http.post(f"/volumes/{volume_id}/expand", json={"expand_size": 9})  # of one more digit
        assert (await core.ended(grown)).status_code == 303
        assert on_disk(hand, volume_id)["labels"] == labels


async def test_who_is_not_there_or_not_clear_gets_no_labels(
    volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    wanted = {"absent": 404, "trash": 404, "record newer": 503, "unclear": 503}
    async with running_core(volume, folder) as core:
        for state, status in wanted.items():
            volume_id = hand.tell(MAKERS[state](hand))
            assert (await put(core, volume_id, {"a": "b"})).status_code == status, state


async def test_a_volume_in_work_is_a_conflict(
    volume: GlusterVolume, folder: Path, hand: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("piragua.volumes.jobs.relabel._LOCK_WAIT_SECONDS", 0.1)
    volume_id = hand.lock(hand.volume_with())
    async with running_core(volume, folder) as core:
        refused = await put(core, volume_id, {"a": "b"})
        assert (refused.status_code, "another operation" in refused.text) == (409, True)
        with pytest.raises(Conflict):
            await core.volumes.set_labels(volume_id, lambda _: {"a": "b"})


class Died(BaseException):
    """Stands for the death of the process: nothing of its own is done after it."""


async def test_whoever_dies_right_after_a_change_has_told_the_others_before(
    volume: GlusterVolume, folder: Path, hand: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume_id = hand.volume_with()
    real = directories.write_record

    def write_and_die(handle: Handle, volume_id: str, record: Record) -> None:
        real(handle, volume_id, record)
        raise Died

    async with running_core(volume, folder) as core, running_core(volume, folder) as other:
        assert (await other.inventory.observe_many())[volume_id].record == record_of(volume_id)
        monkeypatch.setattr(directories, "write_record", write_and_die)
        with pytest.raises(Died):
            await core.volumes.set_labels(volume_id, lambda _: {"team": "blue"})
        seen = (await other.inventory.observe_many())[volume_id].record
        assert seen is not None
        assert seen.labels == {"team": "blue"}


# With instances as users run them


def labels_of(instance: Instance, volume_id: str) -> Labels:
    found: Labels = ask(instance, "GET", f"/piragua/v1/volumes/{volume_id}").json()["labels"]
    return found


def labelled(instance: Instance, label: str) -> list[str]:
    """The ids that the instance lists for that label."""
    answer = ask(instance, "GET", f"/piragua/v1/volumes?label={label}")
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["volumes"]]


def test_labels_are_seen_by_every_instance_and_outlive_all_of_them(volume: GlusterVolume) -> None:
    first, second = volume.start_instance(), volume.start_instance()
    wish = {"size_gib": 1, "labels": {"team": "of-two", "tier": "1"}}
    told = told_by(first, ask(first, "POST", "/piragua/v1/volumes", wish).headers["location"])
    volume_id = told.headers["location"].removeprefix("/volumes/")
    assert labelled(second, "team=of-two") == labelled(first, "team=of-two") == [volume_id]
    path = f"/piragua/v1/volumes/{volume_id}/labels"
    assert ask(second, "PATCH", path, {"labels": {"team": "red", "tier": None}}).status_code == 200
    assert labels_of(first, volume_id) == {"team": "red"}
    assert labelled(first, "team=red") == [volume_id]  # at once: a list is never older than a change
    assert labelled(first, "team=of-two") == []
    assert ask(first, "PUT", path, {"labels": {}}, user="user").status_code == 401
    for instance in (first, second):
        assert instance.terminate() == 0
    first.start()
    first.wait_until_healthy()
    assert labels_of(first, volume_id) == {"team": "red"}
    assert labelled(first, "team=red") == [volume_id]
