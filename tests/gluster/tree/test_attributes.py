"""Modes are those that the bricks have now, and cost no call of their own."""

import os
import stat
from pathlib import Path

import pytest

from piragua.mounting import glusterfs
from piragua.tree import attributes
from tests.bench.work import brick_calls
from tests.support.pool import GlusterVolume

CALLS = 50


def test_what_another_server_changed_is_seen_at_once(fresh_volume: GlusterVolume) -> None:
    ours, other = fresh_volume.mount(options=glusterfs.OPTIONS), fresh_volume.mount()
    (other / "directory").mkdir(0o755)
    root = os.open(ours, os.O_PATH)
    try:
        for number in range(CALLS):
            mode = 0o700 + number % 8
            (other / "directory").chmod(mode)
            assert attributes.mode_of("directory", root) == stat.S_IFDIR | mode
            directory = os.open("directory", os.O_PATH, dir_fd=root)
            assert attributes.mode_of_opened(directory) == stat.S_IFDIR | mode
            os.close(directory)
        (other / "directory").rmdir()
        with pytest.raises(FileNotFoundError):
            attributes.mode_of("directory", root)
    finally:
        os.close(root)


def test_the_bricks_are_asked_once(fresh_volume: GlusterVolume) -> None:
    root = os.open(fresh_volume.mount(options=glusterfs.OPTIONS), os.O_PATH)
    fresh_volume.pool.nodes[0].gluster("volume", "profile", fresh_volume.name, "start")
    try:
        os.mkdir("directory", dir_fd=root)
        before = brick_calls(fresh_volume)
        for _ in range(CALLS):
            os.close(os.open("directory", os.O_PATH, dir_fd=root))
        opening = brick_calls(fresh_volume) - before
        before = brick_calls(fresh_volume)
        for _ in range(CALLS):
            attributes.mode_of("directory", root)
            directory = os.open("directory", os.O_PATH, dir_fd=root)
            attributes.mode_of_opened(directory)
            os.close(directory)
        asked = brick_calls(fresh_volume) - before
    finally:
        os.close(root)
    assert asked["LOOKUP"] <= 2 * opening["LOOKUP"] + CALLS / 5, (opening, asked)
    assert asked["STAT"] < CALLS / 5, asked


def test_a_link_is_not_followed_and_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("file")
    folder = os.open(tmp_path, os.O_PATH)
    try:
        assert stat.S_ISLNK(attributes.mode_of("link", folder))
        assert attributes.mode_of("file", folder) == (tmp_path / "file").stat().st_mode
        with pytest.raises(FileNotFoundError):
            attributes.mode_of("nothing", folder)
        with pytest.raises(ValueError, match="null"):
            attributes.mode_of("file\0more", folder)
    finally:
        os.close(folder)
    with pytest.raises(OSError, match="Bad file descriptor"):
        attributes.mode_of_opened(folder)
