"""What a Gluster volume and its nodes need before volumes can be made on it and looked after."""

from piragua.errors import StorageError, UnusableAddress
from piragua.models import GlusterVolume, Node

ON = frozenset({"on", "true", "yes", "enable", "1"})
"""What Gluster takes for "on", whatever the case; `volume info` repeats it as it was set (glusterfs 10.3)."""

QUOTA = "features.quota"
FILES_QUOTA = "features.inode-quota"
STATFS_SHOWS_LIMITS = "features.quota-deem-statfs"


def is_on(gluster_volume: GlusterVolume, option: str) -> bool:
    """Whether one of the options above is on; one that is not set is off.

    `quota enable` sets all three, and no `volume reset` takes them away. Where `features.quota-deem-statfs` was
    never set all the same, `volume get` says "off", and statfs shows the size of the whole Gluster volume in place
    of limits, at the latest when some other option is set (glusterfs 10.3).
    """
    return gluster_volume.options.get(option, "off").lower() in ON


def shows_limits(gluster_volume: GlusterVolume) -> bool:
    """Whether there are limits and statfs shows them: else every limit would look lost."""
    return is_on(gluster_volume, QUOTA) and is_on(gluster_volume, STATFS_SHOWS_LIMITS)


def require_limits(gluster_volume: GlusterVolume) -> None:
    """StorageError, with the command that mends it, when no limit could be set or seen."""
    name = gluster_volume.name
    if not gluster_volume.started:
        raise StorageError(f"the Gluster volume {name} is not started: gluster volume start {name}")
    if not is_on(gluster_volume, QUOTA):
        raise StorageError(f"quota is off on the Gluster volume {name}: gluster volume quota {name} enable")
    if not is_on(gluster_volume, STATFS_SHOWS_LIMITS):
        raise StorageError(
            f"limits cannot be read back on the Gluster volume {name}:"
            f" gluster volume set {name} {STATFS_SHOWS_LIMITS} on"
        )


def require_files_limits(gluster_volume: GlusterVolume) -> None:
    """StorageError, with the command that mends it, when the number of files cannot be limited."""
    if not is_on(gluster_volume, FILES_QUOTA):
        name = gluster_volume.name
        raise StorageError(
            f"files cannot be limited on the Gluster volume {name}: gluster volume inode-quota {name} enable"
        )


def require_addresses(nodes: tuple[Node, ...]) -> None:
    """UnusableAddress while a node has no address that Kubernetes accepts: it would throw the volume away."""
    for node in nodes:
        if node.address is None:
            raise UnusableAddress(node.problem)
