"""What is mounted where, as the kernel says it in mountinfo (proc(5))."""

import os
import re
from dataclasses import dataclass

_FIRST_OPTIONAL = 6
_ESCAPED = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class MountEntry:
    """One line of mountinfo: where, device (major, minor), type of file system, source."""

    path: str
    device: tuple[int, int]
    kind: str
    source: str


def parse_mountinfo(text: str) -> list[MountEntry]:
    """The mounts in the text of /proc/self/mountinfo, the topmost of a path last."""
    found = []
    for line in text.splitlines():
        fields = line.split(" ")
        if "-" in fields[_FIRST_OPTIONAL:]:  # ends those; before them it can be the path
            rest = fields[fields.index("-", _FIRST_OPTIONAL) + 1 :]
            major, _, minor = fields[2].partition(":")
            if len(rest) >= 2:
                found.append(MountEntry(_plain(fields[4]), (int(major), int(minor)), rest[0], _plain(rest[1])))
    return found


def _plain(field: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), field)


def is_whole_volume(entry: MountEntry, gluster_volume: str) -> bool:
    """Whether that mount shows the root of the Gluster volume (and not a directory in it)."""
    _, separator, volume = entry.source.rpartition(":")
    return entry.kind == "fuse.glusterfs" and bool(separator) and volume.lstrip("/") == gluster_volume


def resolved(path: str) -> str:
    """The path without symbolic links, as mountinfo names mounts; the mount point itself is not looked into."""
    if os.path.islink(path):
        return os.path.realpath(path)
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))


def find(path: str, *, mountinfo: str = "/proc/self/mountinfo") -> MountEntry | None:
    """What is mounted at that path, as seen there: the topmost mount."""
    entries = find_all(path, mountinfo=mountinfo)
    return entries[-1] if entries else None


def find_all(path: str, *, mountinfo: str = "/proc/self/mountinfo") -> list[MountEntry]:
    """All that is mounted at that path, the topmost last."""
    with open(mountinfo, encoding="utf-8", errors="surrogateescape") as file:
        return [entry for entry in parse_mountinfo(file.read()) if entry.path == os.path.normpath(path)]
