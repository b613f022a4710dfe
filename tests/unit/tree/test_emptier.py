"""Purging data: whatever lies in it, and whatever is done to it meanwhile. On an ordinary file system."""

import errno
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from piragua.tree import purge
from piragua.tree.handle import Handle
from piragua.tree.purge import DataPurge

ID = "0123456789abcdef0123456789abcdef"
DIRECTORY = "01234567-89ab-cdef-0123-456789abcdef"

Tree = dict[bytes, "Tree | bytes | None"]
NAMES = st.binary(min_size=1, max_size=40).filter(
    lambda name: name not in (b".", b"..") and not set(name) & {0, 47}
)
TREES = st.recursive(
    st.one_of(st.none(), st.sampled_from([b"..", b"/", b"../../outside", b"../../outside/file", b"nowhere"])),
    lambda inner: st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=40,
)


@pytest.fixture(autouse=True, scope="module")
def directories_that_stay_open() -> Iterator[None]:
    """Shutting a directory whose purge has begun keeps out all but root, and a service that is no root itself."""
    with pytest.MonkeyPatch.context() as patch:
        if os.geteuid() != 0:
            patch.setattr(purge, "_shut", lambda fd: None)
        yield


class Root:
    """A folder in the place of a mounted Gluster volume, with a volume and something beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.outside = path / "outside"
        self.outside.mkdir()
        (self.outside / "file").write_text("kept")
        self.volume = path / DIRECTORY
        self.volume.mkdir()

    def data_purge(self) -> DataPurge:
        handle = Handle("gv0", str(self.path), os.open(self.path, os.O_RDONLY | os.O_DIRECTORY))
        return DataPurge(handle, ID)

    def check_outside(self) -> None:
        assert sorted(os.listdir(self.path)) == sorted(["outside", DIRECTORY])
        assert os.listdir(self.outside) == ["file"]
        assert (self.outside / "file").read_text() == "kept"


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path)


def plant(tree: Tree, folder: bytes) -> None:
    for name, what in tree.items():
        path = folder + b"/" + name
        if isinstance(what, dict):
            os.mkdir(path)
            plant(what, path)
        elif what is None:
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
        else:
            os.symlink(what, path)


def empty(data_purge: DataPurge, entries: int = 200, most_rounds: int = 10_000) -> None:
    for _ in range(most_rounds):
        if data_purge.work(entries):
            return
    pytest.fail("it does not come to its end")


@settings(max_examples=60)
@given(tree=st.dictionaries(NAMES, TREES, max_size=6), entries=st.integers(1, 50))
def test_everything_inside_goes_and_nothing_else(tree: Tree, entries: int) -> None:
    folder = tempfile.mkdtemp()
    try:
        root = Root(Path(folder))
        plant(tree, os.fsencode(root.volume))
        empty(root.data_purge(), entries)
        assert os.listdir(root.volume) == []
        root.check_outside()
    finally:
        shutil.rmtree(folder)


def test_a_thousand_levels_and_five_thousand_entries(root: Root) -> None:
    fd = os.open(root.volume, os.O_RDONLY)
    for number in range(5000):
        os.mknod(f"file{number}", dir_fd=fd)
    for level in range(1000):
        os.mkdir("deeper", dir_fd=fd)
        os.mknod(f"at{level}", dir_fd=fd)
        below = os.open("deeper", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)
    before = len(os.listdir("/proc/self/fd"))
    data_purge = root.data_purge()
    most = 0
    while not data_purge.work(100):
        most = max(most, len(os.listdir("/proc/self/fd")) - before)
    assert os.listdir(root.volume) == []
    assert most < 300, "descriptors stay few, however deep the tree is"
    assert data_purge.removed >= 7000


def test_what_is_there_already_or_gone_is_no_error(root: Root) -> None:
    empty(root.data_purge())
    root.volume.rmdir()
    empty(root.data_purge())


def test_a_symbolic_link_in_the_place_of_the_volume_is_not_followed(root: Root) -> None:
    root.volume.rmdir()
    root.volume.symlink_to("outside")
    with pytest.raises(OSError, match=r".") as refused:
        root.data_purge().work(10)
    assert refused.value.errno in (errno.ELOOP, errno.ENOTDIR)
    assert (root.outside / "file").exists()


@pytest.mark.parametrize("call", ["rmdir", "open", "scandir"])
def test_a_directory_that_becomes_a_link_meanwhile_is_not_followed(
    call: str, root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root.volume / "data" / "swapped").mkdir(parents=True)
    (root.volume / "data" / "swapped" / "inside").write_text("")
    calls = getattr(os, call)

    def swap_before(what: str | int, *rest: object, **options: object) -> object:
        seen = os.readlink(f"/proc/self/fd/{what}") if isinstance(what, int) else what
        if str(seen).endswith("swapped") and not (root.volume / "data" / "swapped").is_symlink():
            (root.volume / "data" / "swapped").rename(root.volume / "data" / "moved")
            (root.volume / "data" / "swapped").symlink_to(root.outside)
        return calls(what, *rest, **options)

    monkeypatch.setattr(os, call, swap_before)
    empty(root.data_purge())
    assert os.listdir(root.volume) == []
    root.check_outside()


def test_a_directory_that_never_gets_empty_is_given_up(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    # Gluster can hide what keeps a directory from being removed; a client can write faster than we remove
    (root.volume / "data" / "odd").mkdir(parents=True)
    rmdir: Callable[..., None] = os.rmdir

    def refuse(name: str, *, dir_fd: int) -> None:
        if name == "odd":
            raise OSError(errno.ENOTEMPTY, "Directory not empty")
        rmdir(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "rmdir", refuse)
    with pytest.raises(OSError, match="do not stay empty"):
        empty(root.data_purge())
    monkeypatch.undo()
    empty(root.data_purge())
    assert os.listdir(root.volume) == []


def test_descriptors_are_not_closed_under_a_call_that_hangs(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    (root.volume / "data").mkdir()
    for number in range(3):
        (root.volume / "data" / f"file{number}").touch()
    hangs, goes_on = threading.Event(), threading.Event()
    unlink: Callable[..., None] = os.unlink

    def hang(name: str, *, dir_fd: int) -> None:
        hangs.set()
        goes_on.wait(30)
        unlink(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", hang)
    data_purge = root.data_purge()
    before = set(os.listdir("/proc/self/fd"))
    thread = threading.Thread(target=data_purge.work, args=(1,))
    thread.start()
    assert hangs.wait(30)
    opened = {fd for fd in set(os.listdir("/proc/self/fd")) - before if DIRECTORY in _target(fd)}
    data_purge.close()
    assert all(DIRECTORY in _target(fd) for fd in opened), "the hanging call's own directory stays open"
    goes_on.set()
    thread.join(30)
    assert not any(DIRECTORY in _target(fd) for fd in opened), "and is closed when the call came back"


def _target(fd: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except FileNotFoundError:
        return ""


def test_files_that_take_long_are_removed_a_few_at_a_time(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        (root.volume / f"file{number}").touch()
    monkeypatch.setattr(purge, "_LONGEST_WORK_SECONDS", 0)
    data_purge, removed = root.data_purge(), [0]
    while not data_purge.work(100):
        removed.append(data_purge.removed)
    assert max(after - before for before, after in pairwise(removed)) == 1
    assert os.listdir(root.volume) == []
