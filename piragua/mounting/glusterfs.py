"""Mounting a Gluster volume with its own FUSE client, and the options that Piragua's mounts need."""

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress

import anyio

from piragua.errors import MountError
from piragua.mounting import mountinfo

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
        if not reason and mountinfo.find(path) is not None:
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
