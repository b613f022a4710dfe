"""What may be asked for: names that can be directories, sizes and groups that exist."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piragua.errors import InvalidRequest
from piragua.frontends.heketi.schemas import DurabilityWish, Replicate, SnapshotWish, VolumeCreate, VolumeExpand
from piragua.models import Layout, Snapshot

ALLOWED = string.ascii_letters + string.digits + "_-"


@given(st.text(ALLOWED, min_size=1, max_size=255))
def test_a_plain_name_is_kept_as_it_is(name: str) -> None:
    assert VolumeCreate(size=1, name=name).spec().name == name


@given(st.text(min_size=1).filter(lambda name: not set(name) <= set(ALLOWED)))
def test_a_name_with_anything_else_never_gets_through(name: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^validation failed: name: must be in a valid format\.$"):
        VolumeCreate(size=1, name=name).spec()


@given(st.integers(min_value=256, max_value=2000))
def test_a_name_that_cannot_be_a_directory_is_refused(length: int) -> None:
    with pytest.raises(InvalidRequest, match="255"):
        VolumeCreate(size=1, name="n" * length).spec()


@given(st.integers(min_value=1, max_value=2**63 - 1))
def test_sizes_are_exact(size_gib: int) -> None:
    assert VolumeCreate(size=size_gib).spec().size_bytes == size_gib * 2**30
    assert VolumeExpand(expand_size=size_gib).add_bytes() == size_gib * 2**30


@given(st.integers(max_value=0))
def test_there_is_no_volume_of_nothing(size_gib: int) -> None:
    for wish in (VolumeCreate(size=size_gib).spec, VolumeExpand(expand_size=size_gib).add_bytes):
        with pytest.raises(InvalidRequest, match="size: "):
            wish()


@given(st.integers(min_value=0, max_value=2**31 - 2))
def test_groups_that_exist_are_kept(gid: int) -> None:
    assert VolumeCreate(size=1, gid=gid).spec().gid == gid


@given(st.integers(max_value=-1) | st.integers(min_value=2**31 - 1))
def test_other_groups_are_refused(gid: int) -> None:
    with pytest.raises(InvalidRequest, match="Bad group id"):
        VolumeCreate(size=1, gid=gid).spec()


def test_a_replicated_volume_without_count_asks_for_two() -> None:
    durability = VolumeCreate(size=1, durability=DurabilityWish(type="replicate")).spec().durability
    assert (durability.layout, durability.replica) == (Layout.REPLICATE, 2)


def test_counts_of_a_type_that_is_not_chosen_are_not_looked_at() -> None:
    wish = DurabilityWish(type="none", replicate=Replicate(replica=9))
    assert VolumeCreate(size=1, durability=wish).spec().durability.replica == 0


def test_snapshots_that_are_off_have_factor_one() -> None:
    assert VolumeCreate(size=1, snapshot=SnapshotWish(factor=7)).spec().snapshot == Snapshot(False, 1)
