"""Copying what only root can plant: devices, other owners, attributes of the system. No Gluster."""

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.copying import ENOUGH_SECONDS, Place, copying_place, open_files
from tests.support.trees import HOLE_BYTES, described, plant


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with copying_place(tmp_path) as place:
        yield place


@pytest.mark.parametrize("in_kernel", [True, False])
def test_everything_is_as_in_the_source(place: Place, in_kernel: bool) -> None:
    plant(place.source)
    before = described(place.source)
    copier = place.copy(in_kernel=in_kernel)
    assert described(place.target) == before
    assert described(place.source) == before
    assert copier.entries == len(before) - 1
    assert copier.copied_bytes >= 3 * 2**20


def test_attributes_of_tenants_are_copied_and_those_of_the_file_system_are_not(place: Place) -> None:
    """What Gluster keeps in `trusted.` is about the source; docs/heketi-compatibility.md says so."""
    (place.source / "file").write_text("data")
    (place.source / "link").symlink_to("file")
    os.setxattr(place.source / "file", "user.of-a-tenant", b"kept")
    for name in ("file", "link"):
        os.setxattr(place.source / name, "trusted.other", b"of root", follow_symlinks=False)
    place.copy()
    assert os.listxattr(place.target / "file") == ["user.of-a-tenant"]
    assert os.getxattr(place.target / "file", "user.of-a-tenant") == b"kept"
    assert os.listxattr(place.target / "link", follow_symlinks=False) == []


def test_it_can_be_closed_in_the_middle(place: Place) -> None:
    plant(place.source)
    before = open_files()
    copier = place.copier()
    for _ in range(10):
        assert not copier.work(0)
    assert open_files() > before
    copier.close()
    assert open_files() == before
    assert not copier.work(ENOUGH_SECONDS)


@pytest.mark.parametrize("refusal", [errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP])
def test_what_the_kernel_refuses_is_read_and_written(
    place: Place, refusal: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(refusal, "refused")

    monkeypatch.setattr(os, "copy_file_range", refuse)
    plant(place.source)
    place.copy()
    assert described(place.target) == described(place.source)


@pytest.mark.parametrize("refusal", [errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP])
def test_holes_are_found_where_the_file_system_does_not_tell(
    place: Place, refusal: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(refusal, "refused")

    plant(place.source)
    before = described(place.source)
    monkeypatch.setattr(os, "lseek", refuse)
    place.copy()
    assert described(place.target) == before
    assert (place.target / "sparse").stat().st_blocks * 512 < HOLE_BYTES


def test_a_target_that_goes_is_an_error(place: Place) -> None:
    plant(place.source)
    copier = place.copier()
    copier.work(0)
    shutil.rmtree(place.target)
    with pytest.raises(OSError, match="copying"):
        copier.work(ENOUGH_SECONDS)
