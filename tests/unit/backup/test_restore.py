"""What a copy of the records may put back, and what it must leave alone."""

import json
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piragua.backup.restore import _decide
from piragua.backup.save import SavedVolume, parse
from piragua.errors import InvalidRequest
from piragua.models import BYTES_PER_GIB, GlusterVolumeFlags, Mode, PurgeState
from piragua.shared_settings.modes import SetMode
from piragua.shared_settings.saved import SavedSettings, encode
from piragua.tree.record import Deletion, Record
from piragua.tree.states import DataDirectory, Observed, State

ID = "ab1d8755907d44c39b320de2750c8e75"
NOW = datetime(2026, 5, 1, tzinfo=UTC)
RECORD = Record(2 * BYTES_PER_GIB, "data", gid=2000, unknown={"later": [1]})
DATA = DataDirectory("data", 0, 2000, 0o2775, empty=False)
SAVED = SavedVolume(ID, "data", 2000, RECORD.size_bytes, RECORD)
BARE = Observed(ID, entries=("data",), data=DATA)
DELETION = Deletion(NOW - timedelta(days=3), 60)


SETTINGS = {
    "flags": {"file": False, "block": False},
    "mode": {"state": "read-only", "number": 7},
    "purge": {"state": "paused"},
    "tags": {"c" * 32: {"rack": "r7"}},
}


def document(*, settings: object = None, **changes: Any) -> bytes:
    """A copy of one volume. settings None: as an earlier version made it."""
    volume = {
        "id": ID,
        "state": "a volume",
        "name": "data",
        "gid": 2000,
        "limit_bytes": RECORD.size_bytes,
        "record": json.loads(RECORD.encode()),
        "unreadable": "",
        "gone": None,
    }
    whole = {
        "format": "piragua-records",
        "version": 1,
        "saved": "2026-05-01T00:00:00+00:00",
        "gluster_volumes": [{"id": "c" * 32, "name": "gv0", "volumes": [volume | changes]}],
    }
    if settings is not None:
        whole["gluster_volumes"][0]["settings"] = settings  # type: ignore[index]
    return json.dumps(whole).encode()


@pytest.mark.parametrize(
    "observed",
    [
        BARE,
        replace(BARE, published=True),
        replace(BARE, limit_bytes=RECORD.size_bytes),
        replace(BARE, record=RECORD),
        replace(BARE, record=RECORD, data=replace(DATA, empty=True)),
    ],
    ids=[
        "all is lost",
        "record lost",
        "only the limit is left",
        "mark and limit lost",
        "mark of an empty one lost",
    ],
)
def test_what_was_lost_is_put_back(observed: Observed) -> None:
    step = _decide(observed, SAVED, NOW)
    assert (step.record, step.limit_bytes, step.deletion) == (RECORD, RECORD.size_bytes, None)


@pytest.mark.parametrize(
    "observed",
    [
        replace(BARE, published=True, record=RECORD),
        replace(BARE, published=True, record=replace(RECORD, size_bytes=BYTES_PER_GIB)),
        replace(BARE, deletion=DELETION),
        replace(BARE, deletion=replace(DELETION, purging=True)),
        replace(BARE, tombstone=True),
        replace(BARE, deletion_unreadable="half a mark"),
        replace(BARE, record_unreadable="of a later version"),
        replace(BARE, record=replace(RECORD, name="other")),
        replace(BARE, record=replace(RECORD, clone_source="f" * 32)),
        replace(BARE, entries=("data", "more"), data=None, published=True),
        replace(BARE, entries=("other",), data=replace(DATA, name="other")),
        replace(BARE, entries=("data",), data=None),
        replace(BARE, entries=(), data=None, published=True),
        Observed(ID, exists=False),
    ],
    ids=lambda observed: observed.state.value,
)
def test_everything_else_is_left_as_it_is(observed: Observed) -> None:
    step = _decide(observed, SAVED, NOW)
    assert not step.changes
    assert step.record is None
    assert step.why


def test_an_expand_after_the_copy_is_not_undone() -> None:
    step = _decide(replace(BARE, limit_bytes=5 * BYTES_PER_GIB), SAVED, NOW)
    assert step.record is not None
    assert (step.record.size_bytes, step.limit_bytes) == (5 * BYTES_PER_GIB, 5 * BYTES_PER_GIB)


def test_what_was_in_the_trash_goes_back_there_and_stays_for_a_day_at_least() -> None:
    step = _decide(BARE, replace(SAVED, deletion=DELETION), NOW)
    assert step.deletion == Deletion(NOW, 86400)
    assert not step.deletion.due(NOW + timedelta(hours=23))
    long = _decide(BARE, replace(SAVED, deletion=replace(DELETION, retention_seconds=7 * 86400)), NOW)
    assert long.deletion == Deletion(NOW, 7 * 86400)


def test_an_original_gets_its_limit_back_and_no_record() -> None:
    original = SavedVolume(ID, "data", 2000, BYTES_PER_GIB)
    assert BARE.state is State.ORIGINAL
    step = _decide(BARE, original, NOW)
    assert (step.record, step.limit_bytes) == (None, BYTES_PER_GIB)
    assert not _decide(replace(BARE, limit_bytes=2**20), original, NOW).changes


def test_a_copy_keeps_all_of_a_record() -> None:
    saved = parse(document(gone=json.loads(DELETION.encode())))
    assert saved.saved == NOW
    assert saved.volumes == {"gv0": [replace(SAVED, deletion=DELETION)]}


def test_a_copy_keeps_what_administrators_set() -> None:
    read = parse(document(settings=SETTINGS)).settings["gv0"]
    mode = SetMode(Mode.READ_ONLY, 7)
    assert read == SavedSettings(
        GlusterVolumeFlags(file=False), mode, PurgeState.PAUSED, {"c" * 32: {"rack": "r7"}}
    )
    assert encode(read) == SETTINGS


def test_a_copy_of_an_earlier_version_has_no_settings_and_is_read() -> None:
    assert parse(document()).settings == {}
    assert parse(document(settings={})).settings == {"gv0": SavedSettings()}


@pytest.mark.parametrize(
    "settings",
    [
        {"tags": {"../../etc": {"a": "b"}}},
        {"tags": {"C" * 32: {"a": "b"}}},
        {"tags": {"c" * 32: ["a"]}},
        {"tags": None},
        {"mode": {"state": "whatever"}},
        {"flags": {"file": True}},
        {"purge": {"state": "soon"}},
        {"purge": []},
        "read-only",
    ],
)
def test_settings_that_were_tampered_with_are_refused_too(settings: object) -> None:
    with pytest.raises(InvalidRequest, match="not a copy of Piragua's records"):
        parse(document(settings=settings))


def test_a_record_of_a_later_version_is_not_made_an_older_one() -> None:
    (volume,) = parse(document(record={"v": 2, "anything": 1})).volumes["gv0"]
    step = _decide(BARE, volume, NOW)
    assert "this version knows 1" in step.why
    assert not step.changes


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "../../etc"},
        {"id": 5},
        {"name": ".."},
        {"name": "a/b"},
        {"record": {**json.loads(RECORD.encode()), "name": "../x"}},
        {"gone": {"deleted": "yesterday", "retention_seconds": 1}},
        {"limit_bytes": "much"},
    ],
)
def test_a_copy_that_was_tampered_with_is_refused_as_a_whole(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="not a copy of Piragua's records"):
        parse(document(**changes))


@given(
    st.binary()
    | st.text().map(str.encode)
    | st.sampled_from([document(settings=SETTINGS)]).flatmap(
        lambda whole: st.integers(0, len(whole)).map(lambda at: whole[:at])
    )
)
def test_no_document_brings_anything_but_a_sentence(data: bytes) -> None:
    with suppress(InvalidRequest):
        parse(data)
