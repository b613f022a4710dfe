"""The table of states: every look has exactly one state, and what that means for lists, clients and the sweep."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piragua.tree.record import Deletion, Record
from piragua.tree.states import DELETED, LISTED, SWEPT, USABLE, DataDirectory, Observed, State, data_mode

ID = "0123456789abcdef0123456789abcdef"
RECORD = Record(2**30, "vol_x", gid=2000)
DATA = DataDirectory("vol_x", 0, 2000, 0o2775, empty=True)
DELETION = Deletion(datetime(2024, 1, 1, tzinfo=UTC), 0)
MADE = Observed(ID, record=RECORD, entries=("vol_x",), data=DATA, limit_bytes=2**30)

LOOKS = st.builds(
    Observed,
    volume_id=st.just(ID),
    exists=st.booleans(),
    tombstone=st.booleans(),
    closed=st.booleans(),
    deletion=st.sampled_from([None, DELETION, replace(DELETION, purging=True)]),
    deletion_unreadable=st.sampled_from(["", "why"]),
    record=st.sampled_from([None, RECORD, replace(RECORD, clone_source="a" * 32)]),
    record_unreadable=st.sampled_from(["", "why"]),
    published=st.booleans(),
    locked=st.booleans(),
    entries=st.sampled_from([(), ("vol_x",), ("other",), ("a", "vol_x")]),
    data=st.sampled_from([None, DATA, replace(DATA, empty=False), replace(DATA, mode=0o755)]),
    limit_bytes=st.sampled_from([None, 2**30, 2**31]),
)


@given(observed=LOOKS)
def test_every_look_has_a_state_with_one_meaning(observed: Observed) -> None:
    state = observed.state
    kinds = [kind for kind in (USABLE, DELETED, SWEPT) if state in kind]
    assert len(kinds) <= 1
    assert not (state in DELETED and state in LISTED)
    assert USABLE <= LISTED


@given(observed=LOOKS)
def test_data_is_removed_only_where_a_mark_says_so(observed: Observed) -> None:
    marked = observed.tombstone or observed.deletion is not None or observed.closed
    assert not (observed.state in DELETED and not marked)
    if observed.state in (State.GIVEN_UP, State.LEFTOVER):
        assert not observed.entries or (observed.data is not None and observed.data.empty)
    if observed.deletion_unreadable and observed.exists and not observed.tombstone:
        assert observed.state is State.UNCLEAR


@given(observed=LOOKS)
def test_nothing_of_a_living_maker_is_swept(observed: Observed) -> None:
    if observed.locked and observed.record is not None:
        assert observed.state not in SWEPT


@given(observed=LOOKS)
def test_absence_is_said_only_of_what_is_not_there(observed: Observed) -> None:
    assert (observed.state is State.ABSENT) == (not observed.exists)


@pytest.mark.parametrize(
    ("observed", "state"),
    [
        (Observed(ID, exists=False, tombstone=True), State.ABSENT),
        (Observed(ID, tombstone=True, published=True), State.RETURNED),
        (Observed(ID, deletion=DELETION, published=True), State.TRASH),
        (Observed(ID, deletion=DELETION, closed=True), State.TRASH),
        (Observed(ID, deletion=replace(DELETION, purging=True)), State.PURGING),
        (Observed(ID, closed=True, published=True), State.PURGING),
        (Observed(ID, deletion=DELETION, record_unreadable="newer"), State.TRASH),
        (Observed(ID, record_unreadable="newer", published=True), State.LEFT_ALONE),
        (Observed(ID, record=RECORD, published=True, locked=True), State.VOLUME),
        (Observed(ID, published=True), State.VOLUME),
        (MADE, State.COMPLETE),
        (replace(MADE, locked=True), State.BEING_MADE),
        (replace(MADE, limit_bytes=2**31), State.GIVEN_UP),
        (replace(MADE, limit_bytes=2**31, data=replace(DATA, empty=False)), State.UNCLEAR),
        (replace(MADE, data=replace(DATA, mode=0o755)), State.GIVEN_UP),
        (replace(MADE, data=replace(DATA, uid=1, empty=False)), State.UNCLEAR),
        (replace(MADE, entries=("other",), data=replace(DATA, name="other", empty=False)), State.UNCLEAR),
        (replace(MADE, record=replace(RECORD, clone_source="a" * 32)), State.CLONE_GIVEN_UP),
        (Observed(ID, record=RECORD), State.GIVEN_UP),
        (Observed(ID, record=RECORD, entries=("a", "b")), State.UNCLEAR),
        (Observed(ID, entries=("vol_x",), data=DATA), State.ORIGINAL),
        (Observed(ID), State.LEFTOVER),
        (Observed(ID, entries=("file",)), State.NOT_OURS),
        (Observed(ID, entries=("a", "b")), State.NOT_OURS),
    ],
)
def test_the_first_line_that_fits(observed: Observed, state: State) -> None:
    assert observed.state is state


def test_a_group_may_write_where_one_was_asked_for() -> None:
    assert data_mode(2000) == 0o2775
    assert data_mode(0) == 0o755
