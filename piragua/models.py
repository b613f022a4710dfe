"""What Piragua talks about: frozen values without input or output.

GiB are turned into bytes, and back, here only. An id is 32 lower-case hex digits everywhere
but on the Gluster volume, where a volume's directory is the same UUID with dashes.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from uuid import UUID

BYTES_PER_GIB = 2**30


def gib_to_bytes(size_gib: int) -> int:
    """Bytes in that many GiB (2^30 bytes each)."""
    return size_gib * BYTES_PER_GIB


def whole_gib(size_bytes: int) -> int:
    """GiB that fit into size_bytes, rounded down."""
    return size_bytes // BYTES_PER_GIB


def gib_to_hold(size_bytes: int) -> int:
    """GiB that are needed to hold size_bytes, rounded up."""
    return -(-size_bytes // BYTES_PER_GIB)


def dashed(hex_id: str) -> str:
    """The UUID of 32 hex digits as its directory is called: with dashes."""
    return str(UUID(hex=hex_id))


def part_id(*of_what: str) -> str:
    """The id (32 hex digits) of what has none of its own, the same on every instance: a brick, a device."""
    return hashlib.sha256("\n".join(of_what).encode(errors="surrogateescape")).hexdigest()[:32]


class Layout(Enum):
    """How a Gluster volume keeps data safe; the values are Heketi's words for it."""

    NONE = "none"
    REPLICATE = "replicate"
    DISPERSE = "disperse"


@dataclass(frozen=True)
class Durability:
    """A layout and its counts; counts of a layout that is not chosen are 0."""

    layout: Layout = Layout.NONE
    replica: int = 0
    data: int = 0
    redundancy: int = 0


@dataclass(frozen=True)
class Snapshot:
    """What a client asked for about snapshots. It is kept and repeated; nothing is reserved."""

    enable: bool = False
    factor: float = 1


@dataclass(frozen=True)
class Bounds:
    """What bounds a volume beside its size.

    files: how many files and directories it may hold, its own two directories counted; None: any number.
    soft_percent: of the size; from there on quota warns. None: what the Gluster volume has for all.
    """

    files: int | None = None
    soft_percent: int | None = None


NO_BOUNDS = Bounds()


@dataclass(frozen=True)
class VolumeSpec:
    """A volume that is asked for.

    name None: the volume is called `vol_<id>`. gid 0: none, only root writes.
    gluster_volumes: ids or names of Gluster volumes it may be on; empty: any.
    """

    size_bytes: int
    name: str | None = None
    gid: int = 0
    gluster_volumes: tuple[str, ...] = ()
    durability: Durability = Durability()
    snapshot: Snapshot = Snapshot()
    options: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    bounds: Bounds = NO_BOUNDS


@dataclass(frozen=True)
class VolumeUsage:
    """What a volume held when it was last looked at, as quota counts it; sizes in bytes.

    limit_bytes None: it has no limit. directories: its own two are among them. gathered: in UTC.
    """

    used_bytes: int
    limit_bytes: int | None
    files: int
    directories: int
    soft_limit_exceeded: bool
    hard_limit_exceeded: bool
    gathered: datetime

    @property
    def fullness_percent(self) -> float | None:
        """How much of the limit is used; above 100 where quota stopped writers late. None without a limit."""
        return None if not self.limit_bytes else 100 * self.used_bytes / self.limit_bytes


@dataclass(frozen=True)
class Volume:
    """A thin volume: a directory with a limit.

    gluster_volume_id and gluster_volume are the id and the name of the Gluster volume it lies on.
    created is None for a volume that the original Piragua made.
    """

    id: str
    gluster_volume_id: str
    gluster_volume: str
    name: str
    size_bytes: int
    gid: int = 0
    created: datetime | None = None
    snapshot: Snapshot = Snapshot()
    options: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    bounds: Bounds = NO_BOUNDS

    @property
    def path(self) -> str:
        """What a node mounts, after `host:`: `<glustervolume>/<id>/<name>`."""
        return f"{self.gluster_volume}/{dashed(self.id)}/{self.name}"


@dataclass(frozen=True)
class Brick:
    """A brick as `gluster volume info` names it: host, its folder, and the peer it is on."""

    host: str
    path: str
    peer_id: str
    arbiter: bool = False


@dataclass(frozen=True)
class BrickStatus:
    """A brick as `gluster volume status ... detail` shows it; sizes in bytes."""

    peer_id: str
    path: str
    online: bool
    size_total_bytes: int = 0
    size_free_bytes: int = 0
    device: str = ""


@dataclass(frozen=True)
class GlusterVolume:
    """A Gluster volume, which is what Heketi calls a cluster. options are those set on it."""

    id: str
    name: str
    started: bool
    durability: Durability
    bricks: tuple[Brick, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Peer:
    """A member of the trusted pool. hostnames is empty for the local one ("localhost" is no name)."""

    id: str
    hostnames: tuple[str, ...]
    connected: bool
    local: bool = False


@dataclass(frozen=True)
class Node:
    """A peer that holds bricks of a configured Gluster volume.

    name: what the peer is called in the pool. address: the one storage address that nodes of
    Kubernetes mount from, or None, and then problem says why in one sentence.
    """

    id: str
    gluster_volume_id: str
    name: str
    address: str | None
    problem: str
    online: bool


@dataclass(frozen=True)
class DeviceBrick:
    """A brick on a device. size_bytes: of its file system, as Gluster reports it."""

    id: str
    gluster_volume_id: str
    path: str
    size_bytes: int


@dataclass(frozen=True)
class Device:
    """A file system of a node with bricks of configured Gluster volumes, as Gluster last reported it.

    name: the block device. online: whether all of its bricks are.
    """

    id: str
    node_id: str
    name: str
    total_bytes: int
    free_bytes: int
    online: bool
    bricks: tuple[DeviceBrick, ...]


@dataclass(frozen=True)
class GlusterVolumeFlags:
    """What an administrator lets a Gluster volume hold. New volumes need `file`."""

    file: bool = True
    block: bool = False


class Mode(Enum):
    """What requests may change, the strictest last; the values are Heketi's words for it."""

    NORMAL = "normal"
    LOCAL_CLIENT = "local-client"
    READ_ONLY = "read-only"


class PurgeState(Enum):
    """Whether deleted volumes whose retention is over are purged."""

    RUNNING = "running"
    PAUSED = "paused"


class OperationKind(Enum):
    """Long work, by the byte that stands for it in an operation's id."""

    CREATE = 1
    EXPAND = 2
    DELETE = 3
    RESTORE = 4
    CLONE = 5
    SHRINK = 6


@dataclass(frozen=True)
class Pending:
    """The operation is not over."""


@dataclass(frozen=True)
class Done:
    """The operation succeeded; volume_id is None when there is nothing left to show (a delete)."""

    volume_id: str | None


@dataclass(frozen=True)
class Failed:
    """The operation failed; message is the text for the client."""

    message: str


Outcome = Pending | Done | Failed


@dataclass(frozen=True)
class OngoingOperation:
    """An operation of any instance that is not over.

    stale: its server went away, and what it left is not settled yet. progress: how far it is, "" where
    nobody says. since: when it was admitted (UTC), and server the host name of who works on it; None and ""
    where an earlier version told of it. waiting: it waits for its turn.
    """

    operation_id: str
    kind: OperationKind
    volume_id: str
    stale: bool = False
    progress: str = ""
    since: datetime | None = None
    server: str = ""
    waiting: bool = False

    @property
    def id(self) -> str:
        """A short one (32 hex digits): an operation's own is longer than Heketi's."""
        return part_id(self.operation_id)
