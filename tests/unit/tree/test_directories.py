"""What one look at a volume's directory takes for proof that it is not there."""

import errno
import os
from pathlib import Path

import pytest

from piragua.tree import directories
from piragua.tree.handle import Handle
from piragua.tree.locking.locks import Locks
from piragua.tree.states import Observed, State

ID = "0123456789abcdef0123456789abcdef"
DIRECTORY = "01234567-89ab-cdef-0123-456789abcdef"


@pytest.fixture
def handle(tmp_path: Path) -> Handle:
    """An ordinary folder in the place of a mounted Gluster volume, with a lock file."""
    (tmp_path / ".piragua.lock").touch()
    return Handle("gv0", str(tmp_path), os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY))


def observe(handle: Handle) -> Observed:
    return directories.observe(handle, Locks(handle), ID)


def test_a_directory_that_cannot_be_opened_is_not_there(handle: Handle) -> None:
    assert observe(handle).state is State.ABSENT


def test_a_lock_file_that_is_out_of_reach_proves_nothing(handle: Handle) -> None:
    os.makedirs(f"{handle.path}/{DIRECTORY}/vol_{DIRECTORY}")
    assert observe(handle).state is State.ORIGINAL
    os.unlink(f"{handle.path}/.piragua.lock")
    with pytest.raises(FileNotFoundError):
        observe(handle)


@pytest.mark.parametrize("number", [errno.ESTALE, errno.ENOENT])
def test_what_is_removed_while_it_is_looked_at_is_not_there(
    handle: Handle, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    os.mkdir(f"{handle.path}/{DIRECTORY}")

    def removed_meanwhile(fd: int, observed: Observed) -> Observed:
        os.rmdir(f"{handle.path}/{DIRECTORY}")
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(directories, "_contents", removed_meanwhile)
    assert observe(handle).state is State.ABSENT


def test_any_other_error_is_no_answer(handle: Handle, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkdir(f"{handle.path}/{DIRECTORY}")

    def broken(fd: int, observed: Observed) -> Observed:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(directories, "_contents", broken)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        observe(handle)
