"""What is kept with a volume: it comes back as it went, and what is not ours is never taken for ours."""

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piragua.errors import InvalidRequest
from piragua.models import Bounds, Snapshot
from piragua.tree.record import (
    FORMAT_VERSION,
    LARGEST_BYTES,
    NOT_DELETED,
    Deletion,
    NewerRecord,
    Record,
    UnreadableRecord,
    decode,
    decode_deletion,
)

TEXT = st.text(max_size=20)
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-8))])
TIMES = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=ZONES).map(
    lambda time: time.replace(microsecond=0)
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=8,
)
FINITE = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**60), 2**60), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)
KNOWN = {
    "v",
    "size_bytes",
    "name",
    "gid",
    "created",
    "snapshot",
    "options",
    "labels",
    "files_limit",
    "soft_limit_percent",
    "operations",
    "clone_source",
}
RECORDS = st.builds(
    Record,
    size_bytes=st.integers(1, 2**63),
    name=st.text(min_size=1, max_size=40),
    gid=st.integers(0, 2**32 - 1),
    created=st.none() | TIMES,
    snapshot=st.builds(Snapshot, st.booleans(), st.floats(1, 100, allow_nan=False) | st.integers(1, 100)),
    options=st.lists(TEXT, max_size=3).map(tuple),
    labels=st.dictionaries(TEXT, TEXT, max_size=3),
    bounds=st.builds(Bounds, st.none() | st.integers(1, 2**63), st.none() | st.integers(1, 100)),
    clone_source=st.none() | st.text("0123456789abcdef", min_size=32, max_size=32),
    operations=st.lists(st.text("0123456789abcdef", min_size=16, max_size=16), max_size=8).map(tuple),
    unknown=st.dictionaries(TEXT.filter(lambda key: key not in KNOWN), FINITE, max_size=3),
)


def good(**changes: Any) -> bytes:
    """A record as it is stored, with some fields replaced."""
    stored: dict[str, Any] = json.loads(Record(2**30, "vol_x").encode())
    return json.dumps(stored | changes).encode()


@given(record=RECORDS)
def test_a_record_comes_back_as_it_went(record: Record) -> None:
    try:
        stored = record.encode()
    except InvalidRequest:
        return
    assert len(stored) <= LARGEST_BYTES
    assert decode(stored) == record


@given(data=st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_is_stored_is_a_record_or_is_refused(data: bytes) -> None:
    _check(data)


@given(changes=st.dictionaries(st.sampled_from(sorted(KNOWN)), JSON, min_size=1, max_size=3))
def test_a_record_with_odd_fields_is_read_as_meant_or_refused(changes: dict[str, Any]) -> None:
    _check(good(**changes))


def _check(data: bytes) -> None:
    try:
        record = decode(data)
    except UnreadableRecord:
        return
    assert type(record.size_bytes) is int
    assert record.size_bytes > 0
    assert type(record.gid) is int
    assert type(record.name) is str
    assert record.clone_source is None or type(record.clone_source) is str
    assert type(record.snapshot.enable) is bool
    assert type(record.snapshot.factor) in (int, float)
    json.dumps(record.snapshot.factor, allow_nan=False)
    assert record.created is None or record.created.tzinfo is not None
    assert all(type(each) is str for each in (*record.options, *record.operations, *record.labels))
    try:
        stored = record.encode()
    except InvalidRequest:
        return
    assert decode(stored).encode() == stored


@pytest.mark.parametrize("version", [FORMAT_VERSION + 1, 2**40])
def test_a_later_versions_record_is_known_as_such(version: int) -> None:
    with pytest.raises(NewerRecord, match=str(version)):
        decode(good(v=version, anything=[1]))


@pytest.mark.parametrize("version", [0, -1, "1", "2", 1.5, True, None, []])
def test_a_version_that_there_never_was_is_unreadable(version: object) -> None:
    with pytest.raises(UnreadableRecord):
        decode(good(v=version))


@pytest.mark.parametrize("data", [b"", b"{}", b"null", b"[" * 100_000, b"{" * 100_000, good()[:-1], b"\xff\xfe"])
def test_what_is_cut_off_or_never_was_a_record_is_unreadable(data: bytes) -> None:
    with pytest.raises(UnreadableRecord):
        decode(data)


def test_fields_of_other_versions_survive_a_rewrite() -> None:
    record = decode(good(later={"deep": [1, None, "x"]}, other=False))
    again = json.loads(replace(record, size_bytes=5).encode())
    assert (again["later"], again["other"], again["size_bytes"]) == ({"deep": [1, None, "x"]}, False, 5)


def test_the_last_eight_operations_are_remembered() -> None:
    record = Record(1, "x")
    for number in range(12):
        record = record.with_operation(f"{number:016x}")
    assert record.operations == tuple(f"{number:016x}" for number in range(4, 12))
    assert decode(record.encode()).operations == record.operations


def test_a_record_stays_below_what_an_ext4_brick_takes() -> None:
    with pytest.raises(InvalidRequest, match="2047"):
        Record(1, "x", options=("o" * 2000,)).encode()


def test_no_field_is_forgotten() -> None:
    whole = Record(1, "x", created=datetime.now(UTC), clone_source="0" * 32, bounds=Bounds(5, 80))
    stored = json.loads(whole.encode())
    kept = {field.name for field in fields(Record)} - {"unknown", "bounds"}
    assert kept | {"v", "files_limit", "soft_limit_percent"} == set(stored) == KNOWN


def test_a_volume_without_bounds_has_a_record_as_earlier_versions_wrote_it() -> None:
    assert not {"files_limit", "soft_limit_percent"} & json.loads(Record(1, "x").encode()).keys()


@given(
    deletion=st.builds(Deletion, TIMES, st.floats(0, 1e9) | st.integers(0, 10**9), st.booleans()),
)
def test_a_mark_of_the_trash_comes_back_as_it_went(deletion: Deletion) -> None:
    assert decode_deletion(deletion.encode()) == deletion


@given(data=st.binary(max_size=100) | JSON.map(lambda value: json.dumps(value).encode()))
def test_a_mark_of_the_trash_is_one_or_none_or_refused(data: bytes) -> None:
    try:
        deletion = decode_deletion(data)
    except UnreadableRecord:
        return
    assert (deletion is None) == (data.strip() in (b"", b"{}"))


@pytest.mark.parametrize("data", [None, b"", NOT_DELETED])
def test_an_emptied_mark_says_not_deleted(data: bytes | None) -> None:
    assert decode_deletion(data) is None


@pytest.mark.parametrize(
    "odd",
    [
        {"deleted": "2024-01-01T00:00:00"},
        {"deleted": "yesterday"},
        {"deleted": 5},
        {"retention_seconds": "soon"},
        {"retention_seconds": float("nan")},
        {"retention_seconds": None},
        {"retention_seconds": 10**400},
        {"deleted": "0001-01-01T00:00:00+05:00"},
    ],
)
def test_a_mark_that_cannot_be_read_is_never_taken_for_deleted(odd: dict[str, Any]) -> None:
    stored = json.loads(Deletion(datetime(2024, 1, 1, tzinfo=UTC), 0).encode())
    with pytest.raises(UnreadableRecord):
        decode_deletion(json.dumps(stored | odd).encode())


def test_a_retention_is_over_when_it_is() -> None:
    deleted = datetime(2024, 1, 1, tzinfo=UTC)
    deletion = Deletion(deleted, 60)
    assert not deletion.due(deleted + timedelta(seconds=59))
    assert deletion.due(deleted + timedelta(seconds=60))
    assert not deletion.due(deleted - timedelta(days=1)), "deleted by a server whose clock is ahead"
    assert replace(deletion, purging=True).due(deleted)


def test_a_record_with_little_room_remembers_fewer_operations() -> None:
    record = Record(1, "x", options=("o" * 1800,))
    for number in range(20):
        record = record.with_operation(f"{number:016x}")
    assert 1 <= len(record.operations) < 8
    assert record.operations[-1] == f"{19:016x}"
    assert len(record.encode()) <= LARGEST_BYTES


def test_a_record_that_has_room_can_be_of_any_size_and_remember_the_last_operation() -> None:
    """Else a limit would be set that its record could never say."""
    length = 0
    while _has_room(Record(2**30, "x", options=("o" * (length + 1),))):
        length += 1
    record = Record(2**30, "x", options=("o" * length,)).with_operation(f"{1:016x}")
    grown = replace(record, size_bytes=2**63 - 1).shortened()
    assert grown.with_operation(f"{2:016x}").operations == (f"{2:016x}",)
    assert len(grown.with_operation(f"{2:016x}").encode()) == LARGEST_BYTES


def test_a_record_that_gets_too_large_forgets_the_oldest_operations_first() -> None:
    record = Record(1, "x", options=("o" * 1700,))
    for number in range(8):
        record = record.with_operation(f"{number:016x}")
    grown = replace(record, labels={"a": "b" * 100})
    with pytest.raises(InvalidRequest):
        grown.encode()
    kept = grown.shortened().operations
    assert kept == record.operations[-len(kept) :]
    assert len(grown.shortened().encode()) <= LARGEST_BYTES


def _has_room(record: Record) -> bool:
    try:
        record.require_room()
    except InvalidRequest:
        return False
    return True
