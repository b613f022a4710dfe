"""A core in memory that keeps the promises of `piragua.core`, for tests of the front-end."""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from piragua.core import Report, RootEntry
from piragua.errors import (
    Conflict,
    NameInUse,
    NotFound,
    NotServed,
    OutOfSpace,
    PiraguaError,
    TooManyOperations,
)
from piragua.models import (
    Brick,
    Device,
    Done,
    Durability,
    Failed,
    GlusterVolume,
    GlusterVolumeFlags,
    Layout,
    Mode,
    Node,
    OngoingOperation,
    Outcome,
    Pending,
    Volume,
    VolumeSpec,
    gib_to_bytes,
)

CLUSTER_ID = "c58b35db66c073e7388706f51b7ba152"
NODE_IDS = (
    "0ccdb25d284334dc7ad7cd623126a649",
    "cde91d4cd9661e88a117bb3820f79813",
    "d0847000811ed437b52f1f620c353cf8",
)

Job = Callable[[], str | None]


def three_nodes() -> tuple[Node, ...]:
    """Three peers; the second one is the local one, so it is offered first; the first is down."""
    first, local, third = (
        Node(node_id, CLUSTER_ID, f"node{n}.example.com", f"10.0.0.{n}", "", online=n != 1)
        for n, node_id in enumerate(NODE_IDS, start=1)
    )
    return local, first, third


@dataclass
class InMemoryTopology:
    """One replicated Gluster volume `gv0` on three nodes, unless told otherwise."""

    known: tuple[GlusterVolume, ...] = (
        GlusterVolume(CLUSTER_ID, "gv0", True, Durability(Layout.REPLICATE, replica=3)),
    )
    peers: tuple[Node, ...] = field(default_factory=three_nodes)

    async def gluster_volumes(self) -> tuple[GlusterVolume, ...]:
        return self.known

    async def gluster_volume(self, id_or_name: str) -> GlusterVolume:
        for cluster in self.known:
            if id_or_name in (cluster.id, cluster.name):
                return cluster
        raise NotFound(f"no Gluster volume {id_or_name}")

    async def nodes(self, gluster_volume_id: str) -> tuple[Node, ...]:
        return tuple(node for node in self.peers if node.gluster_volume_id == gluster_volume_id)

    async def node(self, node_id: str) -> Node:
        for node in self.peers:
            if node.id == node_id:
                return node
        raise NotFound(f"no node {node_id}")


@dataclass
class InMemoryVolumes:
    """Volumes in a dictionary; specs keeps what was asked for, failure is raised by whatever is called next."""

    topology: InMemoryTopology = field(default_factory=InMemoryTopology)
    size_bytes: int = gib_to_bytes(1000)
    volumes: dict[str, Volume] = field(default_factory=dict)
    trash: set[str] = field(default_factory=set)
    busy: set[str] = field(default_factory=set)
    specs: list[VolumeSpec] = field(default_factory=list)
    failure: Exception | None = None

    async def get(self, volume_id: str) -> Volume:
        self._fail()
        if volume_id not in self.volumes:
            raise NotFound(f"no volume {volume_id}")
        return self.volumes[volume_id]

    async def ids(self, gluster_volume_id: str | None = None) -> list[str]:
        self._fail()
        return sorted(v.id for v in self.volumes.values() if gluster_volume_id in (None, v.gluster_volume_id))

    async def prepare_create(self, spec: VolumeSpec) -> Job:
        self._fail()
        self.specs.append(spec)
        if not self.topology.known:
            raise NotServed
        known = {name for cluster in self.topology.known for name in (cluster.id, cluster.name)}
        for cluster in spec.gluster_volumes:
            if cluster not in known:
                raise NotServed(cluster)
        if spec.size_bytes > self.size_bytes:
            raise OutOfSpace("No space")
        if spec.name in {volume.name for volume in self.volumes.values()}:
            raise NameInUse(spec.name or "")
        return lambda: self._create(spec)

    async def prepare_expand(self, volume_id: str, add_bytes: int) -> Job:
        volume = await self.get(volume_id)
        if volume.size_bytes + add_bytes > self.size_bytes:
            raise OutOfSpace("No space")

        def grow() -> str:
            self.volumes[volume_id] = replace(volume, size_bytes=volume.size_bytes + add_bytes)
            return volume_id

        return grow

    async def prepare_clone(self, volume_id: str, name: str | None = None) -> Job:
        volume = await self.get(volume_id)
        if name in {each.name for each in self.volumes.values()}:
            raise NameInUse(name or "")

        def copy() -> str:
            clone_id = uuid.uuid4().hex
            return self.add(replace(volume, id=clone_id, name=name or f"vol_{clone_id}")).id

        return copy

    async def prepare_delete(self, volume_id: str) -> Job:
        if volume_id in self.busy:
            what = "The target exists, contains other items, or is in use."
            raise Conflict(f"Failed to set up volume delete: {what}")
        if volume_id not in self.trash:
            await self.get(volume_id)

        def remove() -> None:
            self.volumes.pop(volume_id, None)
            self.trash.add(volume_id)

        return remove

    def add(self, volume: Volume) -> Volume:
        """A volume that is there already."""
        self.volumes[volume.id] = volume
        return volume

    def _create(self, spec: VolumeSpec) -> str:
        volume_id = uuid.uuid4().hex
        cluster = self.topology.known[0]
        name = spec.name or f"vol_{volume_id}"
        if spec.name == "broken":
            raise PiraguaError("quota command failed : volume is not started")
        volume = Volume(volume_id, cluster.id, cluster.name, name, spec.size_bytes, spec.gid)
        return self.add(replace(volume, snapshot=spec.snapshot, options=spec.options)).id

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure


@dataclass
class InMemoryOperations:
    """Jobs run when they are started; their end shows after `pending_polls` polls."""

    pending_polls: int = 0
    full: bool = False
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def start(self, job: Job) -> str:
        if self.full:
            raise TooManyOperations("too many")
        operation_id = uuid.uuid4().hex
        try:
            self.outcomes[operation_id] = Done(job())
        except PiraguaError as error:
            self.outcomes[operation_id] = Failed(str(error))
        return operation_id

    async def poll(self, operation_id: str) -> Outcome:
        self.asked.append(operation_id)
        if operation_id not in self.outcomes:
            raise NotFound(f"no operation {operation_id}")
        if self.asked.count(operation_id) <= self.pending_polls:
            return Pending()
        return self.outcomes[operation_id]


@dataclass
class InMemoryDevices:
    """Devices that were put there; unseen: one of them was not reported yet."""

    known: tuple[Device, ...] = ()
    by_brick: Mapping[Brick, str] = field(default_factory=dict)
    unseen: PiraguaError | None = None

    async def of_node(self, node_id: str) -> tuple[Device, ...]:
        return tuple(device for device in self.known if device.node_id == node_id)

    async def device(self, device_id: str) -> Device:
        for device in self.known:
            if device.id == device_id:
                return device
        raise self.unseen or NotFound("Id not found")

    def id_of(self, brick: Brick) -> str:
        return self.by_brick.get(brick, "")


@dataclass
class InMemoryTags:
    """Tags in a dictionary."""

    kept: dict[str, Mapping[str, str]] = field(default_factory=dict)

    async def of(self, ids: Iterable[str]) -> dict[str, Mapping[str, str]]:
        return {part_id: self.kept.get(part_id, {}) for part_id in ids}

    async def change(
        self, part_id: str, change: Callable[[Mapping[str, str]], Mapping[str, str]]
    ) -> Mapping[str, str]:
        self.kept[part_id] = change(self.kept.get(part_id, {}))
        return self.kept[part_id]


@dataclass
class InMemoryFlags:
    """Flags in a dictionary."""

    kept: dict[str, GlusterVolumeFlags] = field(default_factory=dict)

    async def of(self, gluster_volume: str) -> GlusterVolumeFlags:
        return self.kept.get(gluster_volume, GlusterVolumeFlags())

    async def set(self, gluster_volume: str, flags: GlusterVolumeFlags) -> None:
        self.kept[gluster_volume] = flags


@dataclass
class InMemoryModes:
    """One mode."""

    mode: Mode = Mode.NORMAL

    async def current(self) -> Mode:
        return self.mode

    async def set(self, mode: Mode) -> None:
        self.mode = mode


@dataclass
class InMemoryInFlight:
    """Operations that were put there."""

    operations: Sequence[OngoingOperation] = ()
    cleaned_up: int = 0

    async def all(self) -> Sequence[OngoingOperation]:
        return self.operations

    async def clean_up(self) -> None:
        self.cleaned_up += 1


@dataclass
class InMemoryLogLevel:
    """One level."""

    level: str = "info"

    def get(self) -> str:
        return self.level

    def set(self, level: str) -> None:
        if level not in ("none", "critical", "error", "warning", "info", "debug"):
            raise KeyError(level)
        self.level = level


@dataclass
class InMemoryAdministration:
    """What administrators look at and set."""

    devices: InMemoryDevices = field(default_factory=InMemoryDevices)
    tags: InMemoryTags = field(default_factory=InMemoryTags)
    flags: InMemoryFlags = field(default_factory=InMemoryFlags)
    modes: InMemoryModes = field(default_factory=InMemoryModes)
    across_instances: InMemoryInFlight = field(default_factory=InMemoryInFlight)
    log_level: InMemoryLogLevel = field(default_factory=InMemoryLogLevel)


@dataclass
class InMemoryExamination:
    """Entries and reports that were put there."""

    found: Sequence[RootEntry] = ()
    examined: Sequence[Report] = ()

    async def entries(self) -> Sequence[RootEntry]:
        return self.found

    async def reports(self) -> Sequence[Report]:
        return self.examined


@dataclass
class InMemoryInspection:
    """What is looked into as a whole."""

    examination: InMemoryExamination = field(default_factory=InMemoryExamination)
    records: bytes = b"{}\n"
    metrics: bytes = b"heketi_up 1\n"

    async def document(self) -> bytes:
        return self.records

    async def text(self) -> bytes:
        return self.metrics
