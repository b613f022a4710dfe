"""Bodies and answers of the extensions. Times are in UTC (ISO 8601); a field that nothing tells is left out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self

from pydantic import BaseModel

from piragua.core import PurgeReport, Trashed
from piragua.http.refusals import SettingRefused
from piragua.models import PurgeState


class TrashEntry(BaseModel):
    """A deleted volume.

    state: `restorable`; `purging`, which cannot be restored any more; `never complete`, what a create or a clone
    that failed has left; `unreadable`, with a record that this version cannot read.
    entries_removed and waits_for: what the server that answers knows of its own purging of it; bytes_left: what
    quota still counts in it, told for a few of those that are being purged.
    """

    id: str
    cluster: str
    gluster_volume: str
    state: str
    name: str | None = None
    size_bytes: int | None = None
    deleted: datetime | None = None
    purge_due: datetime | None = None
    entries_removed: int | None = None
    bytes_left: int | None = None
    waits_for: str | None = None

    @classmethod
    def of(cls, each: Trashed) -> Self:
        return cls(
            id=each.id,
            cluster=each.gluster_volume_id,
            gluster_volume=each.gluster_volume,
            state=each.state.value,
            name=None if each.name is None else printable(each.name),
            size_bytes=each.size_bytes,
            deleted=each.deleted,
            purge_due=each.purge_due,
            entries_removed=each.entries_removed,
            bytes_left=each.bytes_left,
            waits_for=each.waits_for or None,
        )


class TrashList(BaseModel):
    """The trash, what was deleted last first."""

    trash: list[TrashEntry]


class PurgeSetting(BaseModel):
    """`running` or `paused`; holds for all servers, and until it is set anew."""

    state: str = ""

    def wanted(self) -> PurgeState:
        """Raises SettingRefused."""
        try:
            return PurgeState(self.state)
        except ValueError:
            raise SettingRefused(f"state must be running or paused, not {self.state[:100]!r}") from None


class ClusterPurge(BaseModel):
    """Purging on one Gluster volume. waiting: deleted volumes that are still there. workers: of each server."""

    cluster: str
    gluster_volume: str
    state: str
    workers: int
    waiting: int


class PurgeInfo(BaseModel):
    """state: `paused` if it is on any Gluster volume."""

    state: str
    clusters: list[ClusterPurge]

    @classmethod
    def of(cls, reports: Sequence[PurgeReport]) -> Self:
        paused = any(each.state is PurgeState.PAUSED for each in reports)
        return cls(
            state=(PurgeState.PAUSED if paused else PurgeState.RUNNING).value,
            clusters=[
                ClusterPurge(
                    cluster=each.gluster_volume_id,
                    gluster_volume=each.gluster_volume,
                    state=each.state.value,
                    workers=each.workers,
                    waiting=each.waiting,
                )
                for each in reports
            ],
        )


def printable(name: str) -> str:
    """An original's name can be bytes that are no UTF-8, which JSON has no place for."""
    return name.encode(errors="surrogateescape").decode(errors="replace")
