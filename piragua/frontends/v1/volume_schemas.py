"""Bodies and answers about volumes, their use, and work. Sizes in bytes, times in UTC (ISO 8601).

A field that nothing tells is left out.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from piragua import models
from piragua.core import Listed, Page, Query, Total, name_fault
from piragua.errors import InvalidRequest
from piragua.frontends.v1 import listing_query
from piragua.frontends.v1.schemas import printable
from piragua.models import Bounds, OngoingOperation, VolumeSpec, gib_to_bytes

T = TypeVar("T")

SizeGib = Annotated[int, Field(ge=1, lt=2**33)]
"""A limit of Gluster's is at most 2^63 - 1 bytes."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class VolumeWish(_Body):
    """A volume that is asked for. Without a name it is called `vol_<id>`; without clusters it may be on any."""

    size_gib: SizeGib
    name: str | None = None
    labels: dict[str, str] = {}
    files_limit: Annotated[int, Field(ge=3, le=10**12)] | None = None
    soft_limit_percent: Annotated[int, Field(ge=1, le=100)] | None = None
    clusters: list[str] = []
    gid: Annotated[int, Field(ge=0, lt=2**31 - 1)] = 0

    def spec(self) -> VolumeSpec:
        """Raises InvalidRequest for a name that cannot be."""
        fault = name_fault(self.name or "")
        if fault:
            raise InvalidRequest(f"name {fault}")
        return VolumeSpec(
            size_bytes=gib_to_bytes(self.size_gib),
            name=self.name or None,
            gid=self.gid,
            gluster_volumes=tuple(self.clusters),
            labels=self.labels,
            bounds=Bounds(self.files_limit, self.soft_limit_percent),
        )


class NewSize(_Body):
    """The size that a volume shall have."""

    size_gib: SizeGib


class NewLabels(_Body):
    """All labels that shall be set."""

    labels: dict[str, str]


class LabelChanges(_Body):
    """Labels to be set; a null takes one away."""

    labels: dict[str, str | None]


class Usage(BaseModel):
    """What a volume held when it was last looked at, as quota counts it.

    limit_bytes and fullness_percent are left out where there is no limit. The volume's own two directories count.
    """

    used_bytes: int
    limit_bytes: int | None = None
    fullness_percent: float | None = None
    files: int
    directories: int
    soft_limit_exceeded: bool
    hard_limit_exceeded: bool
    gathered: datetime
    age_seconds: int

    @classmethod
    def of(cls, usage: models.VolumeUsage) -> Self:
        percent = usage.fullness_percent
        return cls(
            used_bytes=usage.used_bytes,
            limit_bytes=usage.limit_bytes,
            fullness_percent=None if percent is None else round(percent, 3),
            files=usage.files,
            directories=usage.directories,
            soft_limit_exceeded=usage.soft_limit_exceeded,
            hard_limit_exceeded=usage.hard_limit_exceeded,
            gathered=_whole_seconds(usage.gathered),
            age_seconds=_age_seconds(usage.gathered),
        )


class VolumeEntry(BaseModel):
    """A volume.

    state: `ready`; the others cannot be changed, and `piragua check` shows them: `unpublished` (a sweep will end
    its create), `unreadable` (its record is of another version), `unclear`.
    """

    id: str
    name: str | None = None
    cluster: str
    gluster_volume: str
    size_bytes: int | None = None
    created: datetime | None = None
    state: str
    labels: dict[str, str]
    usage: Usage | None = None
    files_limit: int | None = None
    soft_limit_percent: int | None = None

    @classmethod
    def of(cls, each: Listed) -> Self:
        return cls(
            id=each.id,
            name=None if each.name is None else printable(each.name),
            cluster=each.gluster_volume_id,
            gluster_volume=each.gluster_volume,
            size_bytes=each.size_bytes,
            created=each.created,
            state=each.state.value,
            labels={printable(key): printable(value) for key, value in (each.labels or {}).items()},
            usage=None if each.usage is None else Usage.of(each.usage),
            files_limit=each.bounds.files,
            soft_limit_percent=each.bounds.soft_percent,
        )


class VolumePage(BaseModel):
    """A page. total: how many volumes match. next: `after` of the next page.

    usage_gathered: when the oldest of the figures were read.
    """

    volumes: list[VolumeEntry]
    next: str | None = None
    total: int
    usage_gathered: datetime | None = None

    @classmethod
    def of(cls, page: Page, query: Query) -> Self:
        return cls(
            volumes=[VolumeEntry.of(each) for each in page.volumes],
            next=None if page.next is None else listing_query.cursor(query, page.next),
            total=page.total,
            usage_gathered=None if page.gathered is None else _whole_seconds(page.gathered),
        )


class Sums(BaseModel):
    """size_bytes: the sum of the volumes' sizes. capacity_bytes and free_bytes: of the Gluster volume itself.

    What was gathered is left out until it was.
    """

    used_bytes: int | None = None
    size_bytes: int
    volumes: int
    capacity_bytes: int | None = None
    free_bytes: int | None = None
    gathered: datetime | None = None
    age_seconds: int | None = None


class ClusterSums(Sums):
    """The same of one Gluster volume."""

    cluster: str
    gluster_volume: str

    @classmethod
    def of(cls, each: Total) -> Self:
        return cls(
            cluster=each.gluster_volume_id,
            gluster_volume=each.gluster_volume,
            used_bytes=each.used_bytes,
            size_bytes=each.size_bytes,
            volumes=each.volumes,
            capacity_bytes=each.capacity_bytes,
            free_bytes=each.free_bytes,
            gathered=None if each.gathered is None else _whole_seconds(each.gathered),
            age_seconds=None if each.gathered is None else _age_seconds(each.gathered),
        )


class UsageSums(Sums):
    """All Gluster volumes together, and each."""

    clusters: list[ClusterSums]

    @classmethod
    def of(cls, totals: Sequence[Total]) -> Self:
        gathered = _known([each.gathered for each in totals])
        oldest = None if gathered is None else min(gathered)
        return cls(
            used_bytes=_sum([each.used_bytes for each in totals]),
            size_bytes=sum(each.size_bytes for each in totals),
            volumes=sum(each.volumes for each in totals),
            capacity_bytes=_sum([each.capacity_bytes for each in totals]),
            free_bytes=_sum([each.free_bytes for each in totals]),
            gathered=None if oldest is None else _whole_seconds(oldest),
            age_seconds=None if oldest is None else _age_seconds(oldest),
            clusters=[ClusterSums.of(each) for each in totals],
        )


class OperationEntry(BaseModel):
    """An operation of any server that is not over; its id can be polled below `/queue/`.

    state: `running`, `queued` (it waits for its turn) or `stale` (its server went away).
    """

    id: str
    kind: str
    volume: str | None = None
    state: str
    progress: str | None = None
    since: datetime | None = None
    age_seconds: int | None = None
    server: str | None = None

    @classmethod
    def of(cls, each: OngoingOperation) -> Self:
        return cls(
            id=each.operation_id,
            kind=each.kind.name.lower(),
            volume=each.volume_id or None,
            state="stale" if each.stale else "queued" if each.waiting else "running",
            progress=each.progress or None,
            since=None if each.since is None else _whole_seconds(each.since),
            age_seconds=None if each.since is None else _age_seconds(each.since),
            server=each.server or None,
        )


class OperationList(BaseModel):
    """What all servers have in work, the oldest first."""

    operations: list[OperationEntry]

    @classmethod
    def of(cls, ongoing: Sequence[OngoingOperation]) -> Self:
        never = datetime.min.replace(tzinfo=UTC)
        ordered = sorted(ongoing, key=lambda each: (each.since or never, each.operation_id))
        return cls(operations=[OperationEntry.of(each) for each in ordered])


def _whole_seconds(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(microsecond=0)


def _age_seconds(time: datetime) -> int:
    return max(0, int((datetime.now(UTC) - time).total_seconds()))


def _sum(values: Sequence[int | None]) -> int | None:
    known = _known(values)
    return None if known is None else sum(known)


def _known(values: Sequence[T | None]) -> list[T] | None:
    """All of them, or None if one is missing."""
    known = [each for each in values if each is not None]
    return known if len(known) == len(values) else None
