"""Settings, and files written anew as a whole, on a replicated Gluster volume with several replica sets."""

import errno
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from lab.private_gluster import PrivateGluster
from piragua.errors import MountError
from piragua.shared_settings.tags import TagStore
from piragua.tree import layout
from piragua.tree.handle import Handle
from piragua.tree.mount import Mount
from piragua.tree.own_files import marks, numbered_files, small_files
from piragua.tree.proof import prove
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.threads import FileThreads
from tests.support.core import uncached_mount
from tests.support.pool import gluster_volume

ROUNDS = 100
FOLDER = layout.TAGS
KEY = "0ccdb25d284334dc7ad7cd623126a649"


@pytest.fixture(scope="module")
def mounted(three_nodes: PrivateGluster) -> Iterator[list[Handle]]:
    """Two mounts of one Gluster volume, set up."""
    with gluster_volume(three_nodes, bricks_per_node=2) as volume:
        both = [prove(volume.name, str(uncached_mount(volume, node))) for node in range(2)]
        small_files.make_lock_file(both[0])
        small_files.set_up(both[0])
        yield both
    three_nodes.delete_volume(volume.name)


@pytest.fixture
def handles(mounted: list[Handle]) -> list[Handle]:
    """The same, with nothing kept."""
    for each in (Path(mounted[0].path) / FOLDER).iterdir():
        each.unlink()
    return mounted


def files(handle: Handle) -> list[str]:
    return sorted(each.name for each in (Path(handle.path) / FOLDER).iterdir())


def test_a_reader_always_finds_a_whole_one(handles: list[Handle]) -> None:
    writer, reader = handles
    numbered_files.replace(writer, FOLDER, KEY, b"0" * 1000)
    seen: list[bytes | None] = []
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            seen.append(numbered_files.read(reader, FOLDER, KEY))

    thread = threading.Thread(target=read)
    thread.start()
    try:
        for number in range(ROUNDS):
            data = str(number % 10).encode() * 1000
            numbered_files.replace(writer, FOLDER, KEY, data)
            assert numbered_files.read(writer, FOLDER, KEY) == data
    finally:
        over.set()
        thread.join()
    assert numbered_files.read(reader, FOLDER, KEY) == data
    assert len(seen) > ROUNDS // 10
    assert {None if each is None else (len(each), len(set(each))) for each in seen} == {(1000, 1)}
    assert len(files(reader)) == 2


def test_what_is_not_there_or_was_taken_away_is_none(handles: list[Handle]) -> None:
    handle = handles[0]
    assert numbered_files.read(handle, FOLDER, KEY) is None
    numbered_files.remove(handle, FOLDER, KEY)
    numbered_files.replace(handle, FOLDER, KEY, b"")
    numbered_files.replace(handle, FOLDER, "other", b"kept")
    assert numbered_files.read(handle, FOLDER, KEY) == b""
    numbered_files.remove(handle, FOLDER, KEY)
    assert numbered_files.read_folder(handle, FOLDER) == {"other": b"kept"}


def test_what_a_dead_writer_left_half_does_not_count(handles: list[Handle]) -> None:
    handle = handles[0]
    folder = Path(handle.path) / FOLDER
    (folder / f"{KEY}.1").write_bytes(b"hal")
    assert numbered_files.read(handle, FOLDER, KEY) is None
    numbered_files.replace(handle, FOLDER, KEY, b"first")
    (folder / f"{KEY}.3").write_bytes(b"")
    assert numbered_files.read(handle, FOLDER, KEY) == b"first"
    numbered_files.replace(handle, FOLDER, KEY, b"second")
    assert numbered_files.read(handle, FOLDER, KEY) == b"second"
    assert files(handle) == [f"{KEY}.2", f"{KEY}.4"]


def test_of_two_who_change_it_at_once_one_fails(handles: list[Handle], monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock keeps them apart; where it was lost, one of them is told."""
    first, second = handles
    numbered_files.replace(first, FOLDER, KEY, b"before")
    writes = numbered_files._write

    def slow(folder_fd: int, name: str, data: bytes) -> None:
        monkeypatch.setattr(numbered_files, "_write", writes)
        numbered_files.replace(second, FOLDER, KEY, b"second")
        writes(folder_fd, name, data)

    monkeypatch.setattr(numbered_files, "_write", slow)
    with pytest.raises(FileExistsError):
        numbered_files.replace(first, FOLDER, KEY, b"first")
    assert {numbered_files.read(each, FOLDER, KEY) for each in handles} == {b"second"}


@pytest.mark.anyio
@pytest.mark.parametrize(
    "step", ["before the new file", "half of it written", "before the old one goes", "after it"]
)
async def test_of_tags_whose_change_died_others_tell_the_old_or_the_new(
    step: str, handles: list[Handle], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those that have them in memory, and also when a file that was half written is whole after all."""
    writer, *readers = [TagStore([mount_of(handle)]) for handle in (*handles, handles[1])]
    await writer.change(KEY, lambda _: {"rack": "first"})
    await writer.change(KEY, lambda _: {"rack": "old"})
    cached, fresh = readers
    assert await cached.of([KEY]) == {KEY: {"rack": "old"}}
    _die(step, monkeypatch)
    with suppress(MountError):
        await writer.change(KEY, lambda _: {"rack": "new"})
    monkeypatch.undo()
    is_new = step in ("before the old one goes", "after it")
    expected = {KEY: {"rack": "new" if is_new else "old"}}
    assert [await each.of([KEY]) for each in (cached, fresh)] == [expected, expected]
    if step == "half of it written":
        (Path(handles[0].path) / FOLDER / f"{KEY}.3").write_bytes(b'{"rack": "new"}\n')
        assert [await each.of([KEY]) for each in (cached, fresh)] == [{KEY: {"rack": "new"}}] * 2
    await writer.change(KEY, lambda tags: {**tags, "more": "x"})
    assert (await cached.of([KEY]))[KEY]["more"] == "x"


def mount_of(handle: Handle) -> Mount:
    mounted = ProvenMount(handle, FileThreads(timeout_seconds=10), FileThreads(timeout_seconds=10))
    return cast(Mount, SimpleNamespace(current=lambda: mounted))


def _die(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the next change end there, as the death of its instance does."""
    write = numbered_files._write

    def stop(*_: object) -> None:
        raise OSError(errno.EIO, "died")

    def write_half(folder_fd: int, name: str, data: bytes) -> None:
        write(folder_fd, name, data[:5])
        stop()

    def write_only(folder_fd: int, name: str, data: bytes) -> None:
        write(folder_fd, name, data)
        stop()

    steps = {"before the new file": stop, "half of it written": write_half, "before the old one goes": write_only}
    if step in steps:
        monkeypatch.setattr(numbered_files, "_write", steps[step])


def test_more_than_a_reader_takes_is_refused_and_loses_nothing(handles: list[Handle]) -> None:
    handle = handles[0]
    most = 2**20 - 1
    numbered_files.replace(handle, FOLDER, KEY, b"0" * most)
    with pytest.raises(OSError, match="too large") as refused:
        numbered_files.replace(handle, FOLDER, KEY, b"1" * (most + 1))
    assert refused.value.errno == errno.EFBIG
    assert numbered_files.read(handle, FOLDER, KEY) == b"0" * most
    assert files(handle) == [f"{KEY}.1"]


def test_no_link_is_followed(handles: list[Handle], tmp_path: Path) -> None:
    handle = handles[0]
    secret = tmp_path / "secret"
    secret.write_text("of the server\n")
    (Path(handle.path) / FOLDER / f"{KEY}.1").symlink_to(secret)
    with pytest.raises(OSError, match="symbolic"):
        numbered_files.read(handle, FOLDER, KEY)
    assert secret.read_text() == "of the server\n"


def test_a_setting_is_read_everywhere_as_it_was_set_last(handles: list[Handle]) -> None:
    first, second = handles
    assert marks.read(second, "mode") is None
    for number in range(50):
        data = str(number).encode()
        marks.write(first, "mode", data)
        assert [marks.read(each, "mode") for each in handles] == [data, data]
    assert marks.read(second, "flags") is None
