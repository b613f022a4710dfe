"""Proving that a Gluster volume is mounted, and mounting it.

If the mount is gone, the mount point is an ordinary directory and everything "succeeds" there on the root
disk; so nothing is opened that /proc/self/mountinfo does not call a `fuse.glusterfs` of the right volume.
"""

import asyncio
import os
import re
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import anyio

from piragua.errors import MountError, NotMounted
from piragua.tree.handle import Handle

_PASSED_THROUGH = "*-[mw][dr][-i][ct][ae][c-][hb]e*"
"""md-cache and write-behind: `mount.glusterfs` takes one pattern for all translators' names."""

OPTIONS = f"acl,attribute-timeout=0,entry-timeout=0,xlator-option={_PASSED_THROUGH}.pass-through=on"
"""The kernel's caches and Gluster's md-cache off: each is good for 1 s of old answers (glusterfs 10.3).

acl: Gluster checks permissions, here and at the bricks. Without it the kernel does, and without its cache asks the
bricks for the attributes before nearly every call: a third of a create's calls (test_mount_options).

write-behind off: when a limit cuts a write short it writes past the end of its buffer with the next one, and
the client dies (glusterfs 10.3, test_mount_options).
"""

LOOKS_EVERYWHERE = "attribute-timeout=0,entry-timeout=0,xlator-option=*-dht.lookup-optimize=off"
"""What the brick that a name belongs to does not have is looked for on all others, and made there again."""

BY_GFID = f"{OPTIONS},aux-gfid-mount"
"""The same, and whatever has a gfid can be reached as `.gfid/<gfid>` besides."""

COUNTING_PID = -5
"""Who mounts as this process number may read quota's counters; as what `gluster volume quota V list` mounts it.

Bricks serve such a client after all others, and quota does not bound it, so it is only ever for reading.
"""

_SETSID = "/usr/bin/setsid"
_SYSTEM_PATH = ":/usr/sbin:/sbin"
_FIRST_OPTIONAL = 6
_ESCAPED = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class Entry:
    """One line of mountinfo: where, device (major, minor), type of file system, source."""

    path: str
    device: tuple[int, int]
    kind: str
    source: str


def parse_mountinfo(text: str) -> list[Entry]:
    """The mounts in the text of /proc/self/mountinfo, the topmost of a path last."""
    found = []
    for line in text.splitlines():
        fields = line.split(" ")
        if "-" in fields[_FIRST_OPTIONAL:]:  # ends those; before them it can be the path
            rest = fields[fields.index("-", _FIRST_OPTIONAL) + 1 :]
            major, _, minor = fields[2].partition(":")
            if len(rest) >= 2:
                found.append(Entry(_plain(fields[4]), (int(major), int(minor)), rest[0], _plain(rest[1])))
    return found


def _plain(field: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), field)


def is_whole_volume(entry: Entry, gluster_volume: str) -> bool:
    """Whether that mount shows the root of the Gluster volume (and not a directory in it)."""
    _, separator, volume = entry.source.rpartition(":")
    return entry.kind == "fuse.glusterfs" and bool(separator) and volume.lstrip("/") == gluster_volume


def resolved(path: str) -> str:
    """The path without symbolic links, as mountinfo names mounts; the mount point itself is not looked into."""
    if os.path.islink(path):
        return os.path.realpath(path)
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))


def find(path: str, *, mountinfo: str = "/proc/self/mountinfo") -> Entry | None:
    """What is mounted at that path, as seen there: the topmost mount."""
    entries = find_all(path, mountinfo=mountinfo)
    return entries[-1] if entries else None


def find_all(path: str, *, mountinfo: str = "/proc/self/mountinfo") -> list[Entry]:
    """All that is mounted at that path, the topmost last."""
    with open(mountinfo, encoding="utf-8", errors="surrogateescape") as file:
        return [entry for entry in parse_mountinfo(file.read()) if entry.path == os.path.normpath(path)]


def prove(gluster_volume: str, path: str, *, seen_by: int | str = "self") -> Handle:
    """An open root of that Gluster volume; NotMounted when something else, or nothing, is mounted. Blocks.

    seen_by: a process whose view of the mounts counts: that of a service can be its own.
    """
    entry = find(path, mountinfo=f"/proc/{seen_by}/mountinfo")
    if entry is None:
        raise NotMounted(path, 0, f"the Gluster volume {gluster_volume} is not mounted there")
    if not is_whole_volume(entry, gluster_volume):
        raise NotMounted(path, 0, f"not the Gluster volume {gluster_volume}, but {entry.source} ({entry.kind})")
    there = path if seen_by == "self" else f"/proc/{seen_by}/root{path}"
    fd = os.open(there, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    device = os.fstat(fd).st_dev
    if (os.major(device), os.minor(device)) != entry.device:
        os.close(fd)
        raise NotMounted(path, 0, "what is mounted there changed while it was looked at")
    return Handle(gluster_volume, path, fd, entry.device[1])


async def mount(
    gluster_volume: str,
    servers: Sequence[str],
    path: str,
    *,
    timeout_seconds: float = 30,
    options: str = OPTIONS,
    counting: bool = False,
) -> None:
    """Mounts the whole Gluster volume from the first server that gives it; MountError with the last reason.

    path is a directory. counting: read-only and without options, to read quota's counters through it.
    Exit status 0 proves nothing (glusterfs 10.3): the caller proves the mount.
    """
    reason = "no server is known"
    for server in servers:
        source = f"{server}:/{gluster_volume}"
        argv = ["mount", "-t", "glusterfs", "-o", options, source, path]
        if counting:
            argv = _counting_client(server, gluster_volume, path)
        reason = await _run(argv, timeout_seconds)
        if not reason and find(path) is not None:
            return
        reason = f"mounting {source} failed: {reason or 'the mount did not stay'}"
    raise MountError(path, 0, reason)


def _counting_client(server: str, gluster_volume: str, path: str) -> list[str]:
    """`mount.glusterfs` knows no `client-pid`, so its program is run as it would."""
    return [
        "glusterfs",
        f"--client-pid={COUNTING_PID}",
        "--read-only",
        "--process-name=fuse",
        f"--volfile-server={server}",
        f"--volfile-id=/{gluster_volume}",
        path,
    ]


async def _run(argv: Sequence[str], timeout_seconds: float) -> str:
    """Why the command failed, in one line; "" when it did not.

    A program that starts closes what this process has open, which hangs if it is a file on a mount that
    hangs. Without `close_fds` Python waits neither for that nor with all its threads: it uses posix_spawn,
    which cannot start a session, so that `setsid` does.
    """
    process = await asyncio.create_subprocess_exec(
        _SETSID,
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ.get("PATH", os.defpath) + _SYSTEM_PATH, "LC_ALL": "C"},
        close_fds=False,
    )
    # The mount's own process inherits the pipe and lives on: waiting for its end would be for ever.
    try:
        with anyio.fail_after(timeout_seconds):
            status = await process.wait()
    except TimeoutError:
        return f"no answer within {timeout_seconds:g} s"
    finally:
        if process.returncode is None:
            _kill_group(process)
    return "" if status == 0 else await _last_line(process) or f"exit status {status}"


def _kill_group(process: asyncio.subprocess.Process) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:  # or `setsid` has not yet made the group
        with suppress(ProcessLookupError):
            process.kill()


async def _last_line(process: asyncio.subprocess.Process) -> str:
    if process.stderr is None:
        return ""
    with anyio.move_on_after(1):
        lines = (await process.stderr.read(65536)).decode(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else ""
    return ""
