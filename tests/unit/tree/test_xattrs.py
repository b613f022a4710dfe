"""Extended attributes as they were set, whatever their length."""

import os
from pathlib import Path

import pytest

from piragua.tree import xattrs


@pytest.mark.parametrize("length_bytes", [0, 1, 206, 2048, 3000])
def test_what_was_set_is_read_also_through_a_path_only_descriptor(tmp_path: Path, length_bytes: int) -> None:
    data = os.urandom(length_bytes)
    os.setxattr(tmp_path, "user.test", data)
    fd = os.open(tmp_path, os.O_PATH)
    try:
        assert xattrs.read(fd, "user.test") == data
    finally:
        os.close(fd)


def test_none_is_not_an_empty_one_and_an_error_is_neither(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_PATH)
    try:
        assert xattrs.read(fd, "user.test") is None
    finally:
        os.close(fd)
    with pytest.raises(FileNotFoundError, match=r"user\.test"):
        xattrs.read(fd, "user.test")
