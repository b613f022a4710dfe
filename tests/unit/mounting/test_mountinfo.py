"""Proving a mount: what /proc/self/mountinfo says, and what must never pass for a Gluster volume."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piragua.errors import NotMounted
from piragua.mounting import mountinfo
from piragua.mounting.mountinfo import MountEntry, is_whole_volume, parse_mountinfo
from piragua.tree import proof

REAL = r"""22 28 0:20 / /proc rw,nosuid,nodev,noexec,relatime shared:13 - proc proc rw
28 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw,errors=remount-ro
97 28 0:53 / /run/piragua/gv0 rw,relatime - fuse.glusterfs localhost:/gv0 rw,user_id=0,group_id=0,allow_other
98 28 0:54 / /mnt/with\040space\012and\134more rw,relatime shared:9 master:1 - fuse.glusterfs 10.0.0.1:gv0 rw
99 28 0:55 / /mnt/deep rw - fuse.glusterfs 10.0.0.1:/gv0/0b7c/vol rw
100 28 0:56 / /run/piragua/gv0 rw - tmpfs tmpfs rw
"""


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_a_real_one_is_read() -> None:
    found = parse_mountinfo(REAL)
    assert len(found) == 6
    assert found[2] == MountEntry("/run/piragua/gv0", (0, 53), "fuse.glusterfs", "localhost:/gv0")
    assert found[3].path == "/mnt/with space\nand\\more"


def test_the_topmost_mount_counts(tmp_path: Path) -> None:
    text = write(tmp_path / "mountinfo", REAL)
    found = mountinfo.find("/run/piragua/gv0/", mountinfo=text)
    assert found is not None
    assert found.kind == "tmpfs"
    assert mountinfo.find("/run/piragua", mountinfo=text) is None


@pytest.mark.parametrize(
    ("source", "kind", "whole"),
    [
        ("localhost:/gv0", "fuse.glusterfs", True),
        ("10.0.0.1:gv0", "fuse.glusterfs", True),
        ("[fd00::1]:/gv0", "fuse.glusterfs", True),
        ("a,b,c:/gv0", "fuse.glusterfs", True),
        ("localhost:/gv01", "fuse.glusterfs", False),
        ("localhost:/other/gv0", "fuse.glusterfs", False),
        ("localhost:/gv0/sub", "fuse.glusterfs", False),
        ("localhost:/gv0", "fuse", False),
        ("localhost:/gv0", "nfs", False),
        ("gv0", "fuse.glusterfs", False),
        ("", "fuse.glusterfs", False),
    ],
)
def test_only_the_root_of_the_right_gluster_volume_counts(source: str, kind: str, *, whole: bool) -> None:
    assert is_whole_volume(MountEntry("/mnt", (0, 1), kind, source), "gv0") is whole


PLAIN = st.text(st.characters(codec="ascii", exclude_categories=["Cc", "Zs"], exclude_characters="\\"), min_size=1)


@given(
    path=st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1, max_size=30),
    device=st.tuples(st.integers(0, 4095), st.integers(0, 2**20 - 1)),
    kind=PLAIN,
    source=st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1, max_size=30),
    optional=st.lists(st.sampled_from(["shared:1", "master:2", "propagate_from:3", "unbindable"]), max_size=3),
)
def test_what_the_kernel_escapes_is_read_back(
    path: str, device: tuple[int, int], kind: str, source: str, optional: list[str]
) -> None:
    fields = ["36", "35", f"{device[0]}:{device[1]}", "/", _escaped(path), "rw", *optional]
    line = f"{' '.join(fields)} - {kind} {_escaped(source)} rw"
    assert parse_mountinfo(line) == [MountEntry(path, device, kind, source)]


def _escaped(text: str) -> str:
    """As the kernel does it, and for all that could end a line."""
    return "".join(f"\\{ord(each):03o}" if each in " \t\n\\#" or ord(each) < 33 else each for each in text)


@given(text=st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    for entry in parse_mountinfo(text):
        assert isinstance(entry, MountEntry)


def test_an_ordinary_directory_is_never_proven(tmp_path: Path) -> None:
    with pytest.raises(NotMounted, match="is not mounted"):
        proof.prove("gv0", str(tmp_path))


def test_something_else_that_is_mounted_there_is_named() -> None:
    with pytest.raises(NotMounted, match="proc"):
        proof.prove("gv0", "/proc")


def test_a_mount_that_changes_while_it_is_looked_at_is_not_proven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = MountEntry(str(tmp_path), (4095, 1), "fuse.glusterfs", "localhost:/gv0")
    monkeypatch.setattr(mountinfo, "find", lambda path, **_: entry)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(NotMounted, match="changed"):
        proof.prove("gv0", str(tmp_path))
    assert len(os.listdir("/proc/self/fd")) == before
