"""What bricks and Gluster's own files hold, read behind everybody's back."""

import fcntl
import os
import struct
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID

from lab.private_gluster import Node, PrivateGluster

_RECORD_BYTES = 17  # of quota.conf (glusterfs 10.3): a gfid and a type


def directory(volume_id: str) -> str:
    """What a volume's directory is called."""
    return str(UUID(volume_id))


def limits_bytes(node: Node, gluster_volume: str) -> dict[str, int]:
    """All limits by path, as `gluster volume quota V list` shows them."""
    root = ElementTree.fromstring(node.gluster("--xml", "volume", "quota", gluster_volume, "list"))  # noqa: S314
    return {
        str(each.findtext("path")): int(str(each.findtext("hard_limit"))) for each in root.iterfind(".//limit")
    }


def recorded_gfids(node: Node, gluster_volume: str) -> set[bytes]:
    """The directories that have a limit in the quota.conf of that node."""
    data = (node.root / f"var/lib/glusterd/vols/{gluster_volume}/quota.conf").read_bytes()
    records = data[data.index(b"\n") + 1 :]
    return {records[at : at + _RECORD_BYTES - 1] for at in range(0, len(records), _RECORD_BYTES)}


def gfid(on_brick: Path) -> bytes:
    """Gluster's own id of a directory or file, given its place on a brick."""
    return os.getxattr(on_brick, "trusted.gfid")


def brick(node: Node, gluster_volume: str, number: int = 0) -> Path:
    """A brick's folder, also when it is a disk that only the node has mounted."""
    return Path(f"{node.root}{node.brick(gluster_volume, number)}")


def volume_directories(node: Node, gluster_volume: str, number: int = 0) -> set[str]:
    """Names of what looks like volumes' directories in the root of a brick."""
    return {name for name in os.listdir(brick(node, gluster_volume, number)) if len(name) == 36}


def differing_gfids(pool: PrivateGluster, gluster_volume: str, bricks_per_node: int) -> list[str]:
    """Directories, the first two levels of them, that are not the same directory on all bricks."""
    found: dict[str, set[bytes]] = {}
    for root in [brick(node, gluster_volume, number) for node in pool.nodes for number in range(bricks_per_node)]:
        for path in [each for above in _directories(root) for each in (above, *_directories(above))]:
            name = str(path.relative_to(root))
            if not name.startswith(".glusterfs"):
                with suppress(FileNotFoundError):  # purged meanwhile
                    found.setdefault(name, set()).add(gfid(path))
    return sorted(path for path, gfids in found.items() if len(gfids) > 1)


def _directories(above: Path) -> list[Path]:
    """Those in it; none when it was purged meanwhile."""
    try:
        return [each for each in above.iterdir() if each.is_dir() and not each.is_symlink()]
    except FileNotFoundError:
        return []


@contextmanager
def quota_lock_held(whole: Path) -> Iterator[None]:
    """While this is held no limit is set or removed by any instance. whole: a mount of the Gluster volume.

    It is byte 0 of the lock file, as an open-file-description lock (docs/on-disk-format.md, "Locks").
    """
    fd = os.open(whole / ".piragua.lock", os.O_RDWR)
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLKW, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 1, 0))
        yield
    finally:
        os.close(fd)
