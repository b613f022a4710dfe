"""Proving that a Gluster volume is mounted.

If the mount is gone, the mount point is an ordinary directory and everything "succeeds" there on the root
disk; so nothing is opened that /proc/self/mountinfo does not call a `fuse.glusterfs` of the right volume.
"""

import os

from piragua.errors import NotMounted
from piragua.mounting import mountinfo
from piragua.tree.handle import Handle


def prove(gluster_volume: str, path: str, *, seen_by: int | str = "self") -> Handle:
    """An open root of that Gluster volume; NotMounted when something else, or nothing, is mounted. Blocks.

    seen_by: a process whose view of the mounts counts: that of a service can be its own.
    """
    entry = mountinfo.find(path, mountinfo=f"/proc/{seen_by}/mountinfo")
    if entry is None:
        raise NotMounted(path, 0, f"the Gluster volume {gluster_volume} is not mounted there")
    if not mountinfo.is_whole_volume(entry, gluster_volume):
        raise NotMounted(path, 0, f"not the Gluster volume {gluster_volume}, but {entry.source} ({entry.kind})")
    there = path if seen_by == "self" else f"/proc/{seen_by}/root{path}"
    fd = os.open(there, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    device = os.fstat(fd).st_dev
    if (os.major(device), os.minor(device)) != entry.device:
        os.close(fd)
        raise NotMounted(path, 0, "what is mounted there changed while it was looked at")
    return Handle(gluster_volume, path, fd, entry.device[1])
