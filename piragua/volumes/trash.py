"""What is deleted and not yet purged, and who may go on with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

import anyio

from piragua.errors import Conflict, PiraguaError
from piragua.models import PurgeState
from piragua.shared_settings.purging import purge_state_of, set_purge_state
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.record import Deletion
from piragua.tree.states import DELETED, Observed, State
from piragua.volumes.backend import Backend
from piragua.volumes.jobs.restore import Restore, refusal
from piragua.volumes.volumes import Volumes

_LOCK_WAIT_SECONDS = 10
_MEASURED_AT_ONCE = 10
_MEASURING_SECONDS = 3


class TrashState(Enum):
    """What can still be done with it."""

    RESTORABLE = "restorable"
    NEVER_COMPLETE = "never complete"
    UNREADABLE = "unreadable"
    PURGING = "purging"


@dataclass(frozen=True)
class Trashed:
    """A deleted volume.

    name and size_bytes are None where nothing tells them. deleted and purge_due are None for one that was
    deleted on a full disk, which is purged at once. entries_removed and waits_for are what the instance
    that is asked knows of its own work on it; bytes_left is what quota counts, and None where it was not asked.
    """

    id: str
    gluster_volume_id: str
    gluster_volume: str
    state: TrashState
    name: str | None = None
    size_bytes: int | None = None
    deleted: datetime | None = None
    purge_due: datetime | None = None
    entries_removed: int | None = None
    bytes_left: int | None = None
    waits_for: str = ""


@dataclass(frozen=True)
class PurgeReport:
    """Purging on one Gluster volume. waiting: deleted volumes that are still there, also those being purged."""

    gluster_volume_id: str
    gluster_volume: str
    state: PurgeState
    workers: int
    waiting: int


class Trash:
    """The trash of all backends, by the name of their Gluster volume."""

    def __init__(self, backends: Mapping[str, Backend], volumes: Volumes) -> None:
        self._backends = backends
        self._volumes = volumes

    async def entries(self) -> list[Trashed]:
        """All of it, what was deleted last first; never leaving one out. NotReady, StorageError."""
        found = list[Trashed]()
        for backend in self._backends.values():
            found += await self._entries_of(backend)
        never = datetime.min.replace(tzinfo=UTC)
        return sorted(found, key=lambda each: (each.deleted or never, each.id), reverse=True)

    async def prepare_restore(self, volume_id: str) -> Restore:
        """As `Volumes.prepare_restore`."""
        return await self._volumes.prepare_restore(volume_id)

    async def purge_now(self, volume_id: str) -> None:
        """Ends its retention: from then on it cannot be restored, and is purged as soon as that may be done.

        NotFound, Conflict (not deleted, or in work), NotReady, StorageError.
        """
        backend, mounted, observed = await self._volumes.find(volume_id)
        if observed.state is State.TRASH:
            await self._end_retention(mounted, volume_id)
        elif observed.state not in DELETED:
            raise refusal(observed) or Conflict(f"volume {volume_id} is not in the trash")
        backend.purger.add_now(volume_id)

    async def purging(self) -> list[PurgeReport]:
        """How purging stands on each Gluster volume. NotReady, StorageError."""
        found = list[PurgeReport]()
        for backend in self._backends.values():
            state = await purge_state_of(backend.mounted())
            waiting = sum(each.state in DELETED for each in (await backend.inventory.observe_many()).values())
            gluster_volume_id = await self._volumes.gluster_volume_id(backend)
            found.append(
                PurgeReport(gluster_volume_id, backend.gluster_volume, state, backend.purger.workers, waiting)
            )
        return found

    async def set_purging(self, state: PurgeState) -> None:
        """All instances purge, or don't, from now on. Tried everywhere; StorageError where it could not be set."""
        failure: PiraguaError | None = None
        for backend in self._backends.values():
            try:
                await set_purge_state(backend.mounted(), state)
            except PiraguaError as error:
                failure = failure or error
            backend.purger.look_again()
        if failure is not None:
            raise failure

    async def _end_retention(self, mounted: ProvenMount, volume_id: str) -> None:
        lock = await mounted.take_id(volume_id, timeout_seconds=_LOCK_WAIT_SECONDS)
        try:
            observed = await mounted.observe(volume_id)
            if observed.state is State.TRASH and observed.deletion is not None:
                read = await self._is_read(mounted, volume_id)
                # A clone that reads it goes on, and then it is due. On a full disk only `purging` can be set.
                await mounted.mark_deleted(volume_id, Deletion(observed.deletion.deleted, 0, purging=not read))
            elif observed.state not in DELETED | {State.ABSENT}:
                raise Conflict(f"volume {volume_id} is not in the trash any more")
        finally:
            await lock.release()

    @staticmethod
    async def _is_read(mounted: ProvenMount, volume_id: str) -> bool:
        """Whether a clone copies it now."""
        try:
            await (await mounted.take_unread(volume_id)).release()
        except Conflict:
            return True
        return False

    async def _entries_of(self, backend: Backend) -> list[Trashed]:
        deleted = [
            observed for observed in (await backend.inventory.observe_many()).values() if observed.state in DELETED
        ]
        gluster_volume_id = await self._volumes.gluster_volume_id(backend)
        mounted = backend.mounted()
        left = await self._bytes_left(backend, mounted, [each for each in deleted if each.state is State.PURGING])
        found = list[Trashed]()
        for observed in deleted:
            if observed.record is None or not observed.published:  # what it was is told by what lies in it
                observed = await mounted.observe_inside(observed.volume_id)
            if observed.state in DELETED:
                found.append(_entry(backend, gluster_volume_id, observed, left.get(observed.volume_id)))
        return found

    @staticmethod
    async def _bytes_left(backend: Backend, mounted: ProvenMount, purging: list[Observed]) -> dict[str, int]:
        """What quota still counts in some of them; those that it could not be asked about in time are left out."""
        left = dict[str, int]()
        with anyio.move_on_after(_MEASURING_SECONDS):
            for observed in sorted(purging, key=lambda each: backend.purger.progress(each.volume_id) is None)[
                :_MEASURED_AT_ONCE
            ]:
                try:
                    left[observed.volume_id] = await backend.limits.used_bytes(mounted, observed.volume_id)
                except PiraguaError:
                    continue
        return left


def _entry(backend: Backend, gluster_volume_id: str, observed: Observed, bytes_left: int | None) -> Trashed:
    deletion, progress = observed.deletion, backend.purger.progress(observed.volume_id)
    only = observed.entries[0] if len(observed.entries) == 1 else None
    return Trashed(
        id=observed.volume_id,
        gluster_volume_id=gluster_volume_id,
        gluster_volume=backend.gluster_volume,
        state=_state(observed),
        name=only if observed.record is None else observed.record.name,
        size_bytes=observed.limit_bytes if observed.record is None else observed.record.size_bytes,
        deleted=None if deletion is None else deletion.deleted,
        purge_due=None if deletion is None else _due(deletion),
        entries_removed=None if progress is None else progress.entries_removed,
        bytes_left=bytes_left,
        waits_for="" if progress is None else progress.waits_for,
    )


def _due(deletion: Deletion) -> datetime | None:
    try:
        return deletion.deleted + timedelta(seconds=deletion.retention_seconds)
    except OverflowError:
        return None


def _state(observed: Observed) -> TrashState:
    if observed.state is not State.TRASH:
        return TrashState.PURGING
    refused = refusal(observed)
    if refused is None:
        return TrashState.RESTORABLE
    return TrashState.NEVER_COMPLETE if isinstance(refused, Conflict) else TrashState.UNREADABLE
