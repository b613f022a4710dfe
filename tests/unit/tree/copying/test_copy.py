"""Copying a data directory, on an ordinary file system, as any user.

What only root can plant and copy: tests/gluster/tree/test_copy_as_root.py. On a real Gluster:
tests/gluster/volumes/test_clone.py.
"""

import errno
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from piragua.tree.copying.copy_data import DataCopier
from tests.support.copying import ENOUGH_SECONDS, Place, copying_place, open_files
from tests.support.trees import HOLE_BYTES, described


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with copying_place(tmp_path) as place:
        yield place


def test_copying_does_not_count_as_reading(place: Place) -> None:
    file = place.source / "file"
    file.write_text("data")
    os.utime(file, ns=(1_000_000_000_000_000_001, 2))
    place.copy()
    copied = (place.target / "file").stat()
    assert (copied.st_atime_ns, copied.st_mtime_ns) == (1_000_000_000_000_000_001, 2)
    assert file.stat().st_atime_ns == copied.st_atime_ns


def test_an_empty_directory(place: Place) -> None:
    place.source.chmod(0o1777)
    assert place.copy().entries == 0
    assert described(place.target) == described(place.source)


def test_what_links_lead_to_is_not_touched(place: Place) -> None:
    outside = place.folder / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (place.source / "link").symlink_to(outside)
    (place.source / "file").symlink_to(outside / "secret")
    before = described(outside)
    place.copy()
    assert (place.target / "link").is_symlink()
    assert sorted(os.listdir(place.target)) == ["file", "link"]
    assert described(outside) == before


@pytest.mark.parametrize("which", ["source", "target"])
def test_a_data_directory_that_is_a_link_is_refused(place: Place, which: str) -> None:
    data = place.source if which == "source" else place.target
    other = place.folder / "other"
    data.rename(other)
    data.symlink_to(other)
    with pytest.raises(OSError, match="copying"):
        place.copy()


def deep(folder: Path, levels: int) -> None:
    """A chain of directories, each with a file before and one after it, all the same file."""
    fd = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("down", dir_fd=fd)
        below = os.open("down", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
        os.link(folder / "first", "same", dst_dir_fd=fd)
        os.mkdir("side", dir_fd=fd)
    os.close(fd)


def depth_of(folder: Path) -> int:
    """How far down the chain goes; every file on the way must be the first one."""
    first, levels = (folder / "first").stat(), 0
    fd = os.open(folder, os.O_RDONLY)
    while "down" in os.listdir(fd):
        below = os.open("down", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
        assert os.path.samestat(os.stat("same", dir_fd=fd), first)
        assert os.stat("side", dir_fd=fd).st_mode & 0o7777 == 0o755
        levels += 1
    os.close(fd)
    return levels


def test_a_tree_deeper_than_any_path_and_than_what_may_be_open(place: Place) -> None:
    os.umask(0o022)
    (place.source / "first").write_text("first")
    deep(place.source, 1500)
    before = open_files()
    copier = place.copier(deepest_open=20)
    most = 0
    while not copier.work(0):
        most = max(most, open_files() - before)
    assert most <= 2 * 20 + 10
    assert depth_of(place.target) == 1500
    assert open_files() == before


def test_files_with_several_names_are_forgotten_when_all_were_seen(place: Place) -> None:
    """A volume can have millions of them."""
    for number in range(20):
        folder = place.source / f"folder{number}"
        folder.mkdir()
        (folder / "a").write_text(str(number))
        for name in ("b", "c"):
            os.link(folder / "a", folder / name)
    before = described(place.source)
    copier, most = place.copier(), 0
    while not copier.work(0):
        most = max(most, len(copier._entries._first_links))
    assert most == 1
    assert not copier._entries._first_links
    assert described(place.target) == before


def test_a_name_that_is_added_or_taken_away_meanwhile(place: Place) -> None:
    """Names that are there from the beginning to the end are still one file."""
    for name in ("a", "b", "gone"):
        (place.source / name).mkdir()
    (place.source / "a" / "file").write_text("data")
    os.link(place.source / "a" / "file", place.source / "b" / "file")
    os.link(place.source / "a" / "file", place.source / "gone" / "file")
    copier = place.copier()
    while not list(place.target.glob("*/file")):
        assert not copier.work(0)
    shutil.rmtree(place.source / "gone")
    os.link(place.source / "a" / "file", place.source / "b" / "more")
    assert copier.work(ENOUGH_SECONDS)
    assert os.path.samefile(place.target / "a" / "file", place.target / "b" / "file")


def test_steps_are_short(place: Place) -> None:
    (place.source / "large").write_bytes(os.urandom(40 * 2**20))
    copier = place.copier()
    steps = 1
    while not copier.work(0):
        steps += 1
    assert steps > 4


def move(path: Path) -> None:
    path.rename(path.with_name(path.name + " moved"))


def make_a_directory_of(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").touch()


def replace(path: Path) -> None:
    new = path.with_name("new")
    new.write_text("new")
    new.rename(path)


CHANGES: list[Callable[[Path], object]] = [
    Path.unlink,
    lambda path: path.write_text("other"),
    move,
    make_a_directory_of,
    replace,
]


@pytest.mark.parametrize("seed", range(20))
def test_what_is_changed_meanwhile_breaks_nothing(place: Place, seed: int) -> None:
    chance = random.Random(seed)
    outside = place.folder / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    for number in range(30):
        folder = place.source / f"folder{number % 6}" / f"folder{number % 3}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"file{number}").write_text("here")
        (place.source / f"file{number}").write_text("here")
    (place.source / "kept").mkdir()
    (place.source / "kept" / "kept").write_text("kept")
    before = open_files()
    copier = place.copier(deepest_open=3)
    while not copier.work(0):
        some = [path for path in place.source.rglob("*") if "kept" not in str(path)]
        if not some:
            continue
        path = chance.choice(some)
        if path.is_symlink():
            path.unlink()
        elif path.is_file():
            chance.choice(CHANGES)(path)
        elif chance.random() < 0.5:
            shutil.rmtree(path)
            path.symlink_to(outside)
    assert (place.target / "kept" / "kept").read_text() == "kept"
    assert sorted(os.listdir(outside)) == ["secret"]
    assert not [path for path in place.target.rglob("secret") if not path.is_symlink()]
    assert open_files() == before


def test_a_file_that_is_cut_shorter_meanwhile(place: Place) -> None:
    (place.source / "file").write_bytes(os.urandom(30 * 2**20))
    copier = place.copier()
    while not copier.copied_bytes:
        assert not copier.work(0)
    os.truncate(place.source / "file", 9 * 2**20)
    assert copier.work(ENOUGH_SECONDS)
    assert (place.target / "file").read_bytes() == (place.source / "file").read_bytes()


def test_a_kernel_that_copies_nothing_does_not_cut_files(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "copy_file_range", lambda *_: 0)
    (place.source / "file").write_bytes(os.urandom(3 * 2**20))
    place.copy()
    assert (place.target / "file").read_bytes() == (place.source / "file").read_bytes()


def test_all_data_and_no_hole_is_not_believed_of_a_sparse_file(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the kernel says for a file system that cannot tell."""
    (place.source / "sparse").touch()
    os.truncate(place.source / "sparse", HOLE_BYTES)
    monkeypatch.setattr(os, "lseek", lambda fd, at, how: at if how == os.SEEK_DATA else os.fstat(fd).st_size)
    place.copy()
    assert (place.target / "sparse").stat().st_size == HOLE_BYTES
    assert (place.target / "sparse").stat().st_blocks == 0


def test_an_error_names_what_was_copied(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    (place.source / "a").mkdir()
    (place.source / "a" / "file").write_text("data")

    def full(*_: object) -> Iterator[int]:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr(DataCopier, "copy", full)
    before = open_files()
    with pytest.raises(OSError, match="copying 'a/file': Disk quota exceeded") as refused:
        place.copy()
    assert refused.value.errno == errno.EDQUOT
    assert open_files() == before
