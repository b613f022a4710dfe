"""Names on the Gluster volume: nothing that a client or a tenant chooses leads anywhere else."""

import os
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piragua.models import dashed
from piragua.tree import layout

ID = "0123456789abcdef0123456789abcdef"
ESCAPES = ["", ".", "..", "../x", "a/b", "/", "/etc", "a\0b", "\0", "x" * 256, "é" * 128, "a/", "..\0"]


@given(volume_id=st.uuids().map(lambda each: each.hex))
def test_an_id_and_its_directory_name_each_other(volume_id: str) -> None:
    directory = layout.directory_of(volume_id)
    assert layout.id_of(directory) == volume_id
    assert directory == dashed(volume_id) == str(UUID(volume_id))


@pytest.mark.parametrize(
    "text",
    [
        *ESCAPES,
        ID.upper(),
        ID[:-1],
        ID + "0",
        f"{ID}\n",
        f" {ID}",
        dashed(ID),
        "%2e%2e",
        "g" * 32,
        "\N{ARABIC-INDIC DIGIT ZERO}" * 32,
    ],
)
def test_what_is_no_id_never_becomes_a_path(text: str) -> None:
    with pytest.raises(ValueError, match="no volume id"):
        layout.directory_of(text)


@given(text=st.text(max_size=60))
def test_only_an_id_becomes_a_directory(text: str) -> None:
    try:
        directory = layout.directory_of(text)
    except ValueError:
        return
    assert layout.id_of(directory) == text


@pytest.mark.parametrize(
    "name",
    [".piragua", ".piragua.lock", ".trashcan", ID, dashed(ID).upper(), dashed(ID) + "\n", "x" + dashed(ID), ""],
)
def test_other_names_in_the_root_are_no_volumes(name: str) -> None:
    assert layout.id_of(name) is None


@pytest.mark.parametrize("name", ESCAPES)
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        layout.safe_name(name)


@given(name=st.text(max_size=300) | st.binary(max_size=300).map(os.fsdecode))
def test_a_safe_name_is_one_component_of_a_path(name: str) -> None:
    try:
        safe = layout.safe_name(name)
    except ValueError:
        return
    assert safe == name
    assert os.path.normpath(os.path.join("/root", safe)) == f"/root/{name}"
    assert len(os.fsencode(safe)) <= 255
