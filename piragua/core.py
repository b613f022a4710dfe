"""What the front-end asks of the core, as protocols, so that a test can put an in-memory stand-in there.

Ids are 32 lower-case hex digits, sizes are bytes, errors are those of `piragua.errors`.
A job is made by `Volumes` and run by `Operations`; the front-end only carries it across.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from piragua.check.examination import Report, RootEntry
from piragua.models import (
    Brick,
    Device,
    GlusterVolume,
    GlusterVolumeFlags,
    Mode,
    Node,
    OngoingOperation,
    Outcome,
    Volume,
    VolumeSpec,
)

MadeJob = TypeVar("MadeJob", covariant=True)
TakenJob = TypeVar("TakenJob", contravariant=True)

Health = Callable[[], Awaitable[Sequence[str]]]
"""Why the service cannot do its work just now, one sentence each; empty when it can."""


class Topology(Protocol):
    """The Gluster volumes that are served, and the peers that hold their bricks."""

    async def gluster_volumes(self) -> tuple[GlusterVolume, ...]: ...

    async def gluster_volume(self, id_or_name: str) -> GlusterVolume:
        """Raises NotFound for one that is not configured."""
        ...

    async def nodes(self, gluster_volume_id: str) -> tuple[Node, ...]:
        """In the order in which they should be mounted from, as far as nothing else is known."""
        ...

    async def node(self, node_id: str) -> Node:
        """Raises NotFound."""
        ...


class Volumes(Protocol[MadeJob]):
    """Thin volumes. A `prepare_...` makes every check that can be answered at once."""

    async def get(self, volume_id: str) -> Volume:
        """Raises NotFound only when absence is proven."""
        ...

    async def ids(self, gluster_volume_id: str | None = None) -> list[str]:
        """Sorted; of one Gluster volume, or of all."""
        ...

    async def prepare_create(self, spec: VolumeSpec) -> MadeJob:
        """Raises InvalidRequest, Unsupported, NameInUse, OutOfSpace, UnusableAddress."""
        ...

    async def prepare_expand(self, volume_id: str, add_bytes: int) -> MadeJob:
        """Raises NotFound, Conflict, OutOfSpace, Unsupported."""
        ...

    async def prepare_clone(self, volume_id: str, name: str | None = None) -> MadeJob:
        """Raises NotFound, NameInUse, OutOfSpace."""
        ...

    async def prepare_delete(self, volume_id: str) -> MadeJob:
        """Raises NotFound, Conflict."""
        ...


class Operations(Protocol[TakenJob]):
    """Long work, which goes on when the request is over."""

    async def start(self, job: TakenJob) -> str:
        """The operation's id (hex); waits a short, bounded time for the end. Raises TooManyOperations."""
        ...

    async def poll(self, operation_id: str) -> Outcome:
        """Held for a bounded time while it is pending. Raises NotFound for an id that says nothing."""
        ...


class Devices(Protocol):
    """The file systems that bricks lie on."""

    async def of_node(self, node_id: str) -> tuple[Device, ...]:
        """Those that are known; never an error."""
        ...

    async def device(self, device_id: str) -> Device:
        """Raises NotFound only when absence is proven."""
        ...

    def id_of(self, brick: Brick) -> str:
        """The id of the device that the brick lies on; "" while that is not known."""
        ...


class Tags(Protocol):
    """Tags of nodes and devices, by their id."""

    async def of(self, ids: Iterable[str]) -> dict[str, Mapping[str, str]]:
        """None while they cannot be read: Kubernetes throws a new volume away when it cannot read its nodes."""
        ...

    async def change(
        self, part_id: str, change: Callable[[Mapping[str, str]], Mapping[str, str]]
    ) -> Mapping[str, str]:
        """The tags as they are afterwards."""
        ...


class Flags(Protocol):
    """What Gluster volumes may hold, by their names."""

    async def of(self, gluster_volume: str) -> GlusterVolumeFlags: ...

    async def set(self, gluster_volume: str, flags: GlusterVolumeFlags) -> None: ...


class Modes(Protocol):
    """Which requests may change something, for all instances."""

    async def current(self) -> Mode: ...

    async def set(self, mode: Mode) -> None: ...


class OperationsAcrossInstances(Protocol):
    """Operations of all instances that are not over."""

    async def all(self) -> Sequence[OngoingOperation]: ...

    async def clean_up(self) -> None:
        """Begins to bring to an end what servers that went away have left."""
        ...


class LogLevel(Protocol):
    """How much this instance writes to its log, in Heketi's words."""

    def get(self) -> str: ...

    def set(self, level: str) -> None:
        """Raises KeyError for what is no level."""
        ...


@dataclass(frozen=True)
class Administration:
    """What administrators look at and set."""

    devices: Devices
    tags: Tags
    flags: Flags
    modes: Modes
    across_instances: OperationsAcrossInstances
    log_level: LogLevel


class Examination(Protocol):
    """What lies on the Gluster volumes, and what does not agree."""

    async def entries(self) -> Sequence[RootEntry]:
        """Never leaves one out: raises StorageError, NotReady."""
        ...

    async def reports(self) -> Sequence[Report]: ...


class Records(Protocol):
    """The records of all volumes."""

    async def document(self) -> bytes:
        """A copy that `piragua restore-records` takes."""
        ...


Metrics = Callable[[], Awaitable[bytes]]
"""The metrics as Prometheus' text."""


@dataclass(frozen=True)
class Inspection:
    """What is looked into as a whole."""

    examination: Examination
    records: Records
    metrics: Metrics
