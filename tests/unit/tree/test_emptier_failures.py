"""A purge goes on past what cannot be removed, and tries it only once. On an ordinary file system."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from piragua.tree import purge
from piragua.tree.handle import Handle
from piragua.tree.purge import BALLAST, DataPurge, write_ballast

ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True, scope="module")
def directories_that_stay_open() -> Iterator[None]:
    """Shutting a directory whose purge has begun keeps out all but root, and a service that is no root itself."""
    with pytest.MonkeyPatch.context() as patch:
        if os.geteuid() != 0:
            patch.setattr(purge, "_shut", lambda fd: None)
        yield


@pytest.fixture
def data(tmp_path: Path) -> Path:
    data = tmp_path / "01234567-89ab-cdef-0123-456789abcdef" / "data"
    data.mkdir(parents=True)
    return data


@pytest.fixture
def handle(tmp_path: Path) -> Handle:
    return Handle("gv0", str(tmp_path), os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY))


def work(data_purge: DataPurge) -> None:
    for _ in range(1000):
        if data_purge.work(50):
            return
    pytest.fail("it does not come to its end")


def refuse(monkeypatch: pytest.MonkeyPatch, number: int) -> list[str]:
    """unlink of "stuck..." fails with that errno; the names that it was tried with."""
    tried = list[str]()
    unlink: Callable[..., None] = os.unlink

    def refusing(name: str, *, dir_fd: int) -> None:
        if name.startswith("stuck"):
            tried.append(name)
            raise OSError(number, os.strerror(number))
        unlink(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", refusing)
    return tried


def test_all_else_goes_and_nothing_is_tried_twice(
    data: Path, handle: Handle, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in (data, data / "a", data / "a" / "b", data / "c"):
        place.mkdir(exist_ok=True)
        for number in range(1200):
            os.mknod(place / f"file{number}")
    for place in (data, data / "a" / "b"):
        for number in range(10):
            (place / f"stuck{number}").touch()
    tried = refuse(monkeypatch, errno.EPERM)
    lists = list[int]()
    scandir = os.scandir

    def counted(fd: int) -> object:
        lists.append(fd)
        return scandir(fd)

    monkeypatch.setattr(os, "scandir", counted)
    with pytest.raises(OSError, match="entries that cannot be removed: 20, the first: Operation not permitted"):
        work(DataPurge(handle, ID))
    left = {path.relative_to(data).as_posix() for path in data.rglob("*")}
    assert left == {f"{place}stuck{n}" for place in ("", "a/b/") for n in range(10)} | {"a", "a/b"}
    assert len(tried) == 20, "once each"
    assert len(lists) < 4 * 10, "a listing for each batch of a thousand, not for each entry"


def test_a_tree_deeper_than_what_may_be_open_with_a_stuck_file_ends(
    data: Path, handle: Handle, monkeypatch: pytest.MonkeyPatch
) -> None:
    fd = os.open(data, os.O_RDONLY)
    for level in range(500):
        os.mknod(f"file{level}", dir_fd=fd)
        os.mkdir("deeper", dir_fd=fd)
        below = os.open("deeper", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.mknod("stuck", dir_fd=fd)
    os.close(fd)
    tried = refuse(monkeypatch, errno.EIO)
    with pytest.raises(OSError, match="cannot be removed"):
        work(DataPurge(handle, ID))
    assert len(tried) <= 5
    assert os.listdir(data) == ["deeper"], "files above it are gone"
    monkeypatch.undo()
    work(DataPurge(handle, ID))
    assert os.listdir(data.parent) == []


def test_a_mount_that_does_not_work_ends_it_at_once(
    data: Path, handle: Handle, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(10):
        (data / f"stuck{number}").touch()
    tried = refuse(monkeypatch, errno.ENOTCONN)
    with pytest.raises(OSError, match="not connected"):
        DataPurge(handle, ID).work(100)
    assert len(tried) == 1


def test_too_many_that_cannot_be_removed_are_given_up(
    data: Path, handle: Handle, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3000):
        (data / f"stuck{number}").touch()
    tried = refuse(monkeypatch, errno.EACCES)
    with pytest.raises(OSError, match="cannot be removed"):
        work(DataPurge(handle, ID))
    assert len(tried) < 1100


def test_what_keeps_writers_out_goes_last(data: Path, handle: Handle, monkeypatch: pytest.MonkeyPatch) -> None:
    (data / BALLAST).write_text("a tenant's own, not at the top")
    (data / "file").touch()
    write_ballast(handle, ID)
    write_ballast(handle, ID)
    assert sorted(os.listdir(data.parent)) == sorted([BALLAST, "data"])
    removed = list[str]()
    for name in ("unlink", "rmdir"):
        call = getattr(os, name)

        def noted(what: str, *, dir_fd: int, call: Callable[..., None] = call) -> None:
            call(what, dir_fd=dir_fd)
            removed.append(what)

        monkeypatch.setattr(os, name, noted)
    work(DataPurge(handle, ID))
    assert os.listdir(data.parent) == []
    assert removed[-2:] == ["data", BALLAST]
