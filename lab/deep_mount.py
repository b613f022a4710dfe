"""Mounting a directory of a Gluster volume the way a Kubernetes node does, and proving that it is mounted."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STEADY_SECONDS = 0.3


class NotDeepMounted(Exception):
    """The mount command may have said yes, but the directory is not mounted."""


@contextmanager
def deep_mounted(
    address: str, path: str, mount_point: Path, log: Path, options: str = "", timeout_seconds: float = 120
) -> Iterator[Path]:
    """Mount `<address>:/<path>` at mount_point, an empty folder; lazily unmounted at the end.

    log: gets what the FUSE client logs. options: more for `mount -o`. `mount` exits 0 for a path
    that does not exist, and a mount can vanish just after it (glusterfs 10.3 behaviour): it must
    stay, and answer, for a moment. Raises NotDeepMounted.
    """
    source = f"{address}:/{path.lstrip('/')}"
    all_options = ",".join(filter(None, [f"log-file={log}", options]))
    command = ["mount", "-t", "glusterfs", "-o", all_options, source, str(mount_point)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_seconds, check=False)
        if done.returncode or not _stays_mounted(source, mount_point):
            logged = log.read_text(errors="replace") if log.exists() else ""
            raise NotDeepMounted(f"{source}: not mounted {done.stdout}{done.stderr}\n{logged}")
        yield mount_point
    finally:
        subprocess.run(["umount", "--lazy", str(mount_point)], capture_output=True, check=False)


def mount_points_below(folder: Path | str, mountinfo: str = "/proc/self/mountinfo") -> list[str]:
    """Where something is mounted below that folder, the latest first."""
    lines = Path(mountinfo).read_text().splitlines()
    return [point for point in (line.split()[4] for line in reversed(lines)) if point.startswith(f"{folder}/")]


def _stays_mounted(source: str, mount_point: Path) -> bool:
    deadline = time.monotonic() + STEADY_SECONDS
    while time.monotonic() < deadline:
        mounts = [line.split()[:3] for line in Path("/proc/self/mounts").read_text().splitlines()]
        if [source, str(mount_point), "fuse.glusterfs"] not in mounts:
            return False
        try:
            os.statvfs(mount_point)
        except OSError:
            return False
        time.sleep(STEADY_SECONDS / 10)
    return True
