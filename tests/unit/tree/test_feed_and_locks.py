"""The feed and the locks on an ordinary directory, where calls fail as a test wants."""

import _thread
import os
from pathlib import Path

import pytest

from lab.machine import wait_until
from piragua.tree import layout
from piragua.tree.handle import Handle
from piragua.tree.locking import locks
from piragua.tree.own_files import feed

FIRST, SECOND = "a" * 32, "b" * 32


@pytest.fixture
def handle(tmp_path: Path) -> Handle:
    (tmp_path / layout.FEED).parent.mkdir(parents=True)
    (tmp_path / layout.LOCK_FILE).touch()
    return Handle("gv0", str(tmp_path), os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY))


def test_half_a_line_in_the_feed_hides_no_change(handle: Handle, monkeypatch: pytest.MonkeyPatch) -> None:
    feed.make(handle)
    begun, write, lengths = feed.position(handle), os.write, iter([10])
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[: next(lengths, None)]))
    feed.append(handle, FIRST, "deleted")
    feed.append(handle, SECOND, "made")
    told = feed.told_since(handle, begun, feed.position(handle))
    assert told is None or told[0].keys() >= {FIRST, SECOND}


def test_a_thread_that_cannot_be_had_holds_up_no_later_release(
    handle: Handle, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree_locks = locks.Locks(handle)
    first, second = tree_locks.try_lock(locks.SETUP), tree_locks.try_lock(locks.QUOTA)
    assert first is not None
    assert second is not None

    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(_thread, "start_new_thread", refuse)
        first.release_later()
    second.release_later()
    for each in (locks.SETUP, locks.QUOTA):
        wait_until(lambda each=each: not tree_locks.is_held(each), "the release", 10)  # type: ignore[misc]
