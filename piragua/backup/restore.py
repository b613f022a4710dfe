"""Puts back what was lost, from a saved copy: records, marks, names, limits and settings; never any data.

A volume that has its record and is published is never touched, whatever the copy says, and nothing is made
where no directory is. docs/backup.md says when this is needed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from piragua.backup.save import SavedVolume
from piragua.errors import PiraguaError
from piragua.inventory import names
from piragua.models import NO_BOUNDS
from piragua.quota.limits import Limits
from piragua.shared_settings.saved import SavedSettings, SettingStep, steps
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.record import Deletion, Record
from piragua.tree.states import DELETED, Observed, State

_SHORTEST_RETENTION_SECONDS = 86400
_LOST_RECORD = frozenset({State.ORIGINAL, State.VOLUME})
_LOST_MARK = frozenset({State.UNCLEAR, State.GIVEN_UP})


@dataclass(frozen=True)
class Step:
    """What is to be done about one saved volume: put back record (None: only the limit) or nothing.

    why: in words, for whoever decides. deletion: it goes back into the trash.
    """

    volume_id: str
    why: str
    limit_bytes: int | None = None
    record: Record | None = None
    deletion: Deletion | None = None

    @property
    def changes(self) -> bool:
        """Whether anything is to be done."""
        return self.limit_bytes is not None


class BackupRestore:
    """Plans and carries out on one Gluster volume; instances may serve it meanwhile."""

    def __init__(self, mounted: ProvenMount, limits: Limits) -> None:
        self._mounted = mounted
        self._limits = limits

    async def plan(self, saved: Sequence[SavedVolume]) -> list[Step]:
        """A step for each, in the same order; nothing is changed. MountError."""
        in_root = await self._mounted.ids_in_root()
        return [await self._step(volume) if volume.volume_id in in_root else _absent(volume) for volume in saved]

    async def carry_out(self, volume: SavedVolume) -> Step:
        """Looks once more, with the volume's lock held, and does what is to be done; gives what was done.

        Conflict when somebody works on the volume, NameInUse, StorageError.
        """
        lock = await self._mounted.take_id(volume.volume_id, timeout_seconds=1)
        try:
            step = await self._step(volume, locked_here=True)
            if step.changes:
                await self._do(step)
            return step
        finally:
            await lock.release()

    async def _step(self, volume: SavedVolume, *, locked_here: bool = False) -> Step:
        observed = await self._mounted.observe(volume.volume_id)
        if observed.locked and not locked_here:
            return Step(volume.volume_id, "somebody works on it")
        step = _decide(replace(observed, locked=False), volume, datetime.now(UTC))
        if step.record is not None and step.deletion is None:
            holder = await names.other_holder(self._mounted, step.record.name, volume.volume_id)
            if holder:
                return Step(volume.volume_id, f"its name {step.record.name} belongs to {holder} by now")
        return step

    async def _do(self, step: Step) -> None:
        volume_id, record = step.volume_id, step.record
        if record is not None:
            if step.deletion is None:
                await names.publish_again(self._mounted, volume_id, record.name)
            else:  # the mark first, so that it is at no moment a volume
                await self._mounted.mark_deleted(volume_id, step.deletion)
                await self._mounted.mark_published(volume_id)
            await self._mounted.write_record(volume_id, record)
        if step.limit_bytes is not None:
            bounds = NO_BOUNDS if record is None else record.bounds
            await self._limits.set(self._mounted, volume_id, step.limit_bytes, bounds=bounds)


def _absent(volume: SavedVolume) -> Step:
    return Step(volume.volume_id, "there is no such directory: its data is gone")


def _decide(observed: Observed, volume: SavedVolume, now: datetime) -> Step:
    """What to do about a saved volume, given what is there, with its lock free or ours. Pure."""

    def leave(why: str) -> Step:
        return Step(volume.volume_id, why)

    if observed.state in DELETED:
        return leave(f"it was deleted: {observed.state.value}")
    if observed.state is State.VOLUME and observed.record is not None:
        return leave("it has its record")
    if observed.deletion_unreadable:
        return leave(observed.deletion_unreadable)
    if volume.unreadable:
        return leave(f"the copy has no record that this version can read: {volume.unreadable}")
    if observed.state not in _LOST_RECORD | _LOST_MARK:
        return leave(f"it is {observed.state.value}")
    if observed.entries != (volume.name,) or observed.data is None:
        return leave(f"it should hold {volume.name} alone and holds {', '.join(observed.entries) or 'nothing'}")
    if volume.record is None:
        return _limit_only(observed, volume)
    if observed.record is not None and not _same(observed.record, volume.record):
        return leave("it has another record than the copy")
    return _put_back(observed, volume.record, volume, now)


def _same(there: Record, saved: Record) -> bool:
    return (there.name, there.gid, there.clone_source) == (saved.name, saved.gid, saved.clone_source)


def _limit_only(observed: Observed, volume: SavedVolume) -> Step:
    """A volume of the original Piragua has no record; what it can lose is its limit."""
    if observed.record is not None or observed.limit_bytes is not None or volume.limit_bytes is None:
        return Step(volume.volume_id, "it is as it was")
    return Step(volume.volume_id, "its limit was lost", limit_bytes=volume.limit_bytes)


def _put_back(observed: Observed, saved: Record, volume: SavedVolume, now: datetime) -> Step:
    """The record, with the limit that is there if it is larger: it was expanded after the copy was made."""
    size_bytes = max(
        saved.size_bytes, observed.limit_bytes or 0, 0 if observed.record is None else observed.record.size_bytes
    )
    lost = "its record was lost" if observed.record is None else "it is not marked as a volume"
    deletion = None
    if volume.deletion is not None:
        retention_seconds = max(volume.deletion.retention_seconds, _SHORTEST_RETENTION_SECONDS)
        deletion = Deletion(now, retention_seconds)
        lost += f"; it goes back into the trash, for {retention_seconds:g} seconds from now"
    record = replace(saved, size_bytes=size_bytes)
    return Step(volume.volume_id, lost, limit_bytes=size_bytes, record=record, deletion=deletion)


async def restore(
    backup_restore: BackupRestore, saved: Sequence[SavedVolume], *, only_say: bool
) -> list[tuple[Step, PiraguaError | None]]:
    """Every saved volume's step, and what kept it from being done; only_say: nothing is changed."""
    done: list[tuple[Step, PiraguaError | None]] = []
    by_id = {volume.volume_id: volume for volume in saved}
    for step in await backup_restore.plan(saved):
        failure: PiraguaError | None = None
        if step.changes and not only_say:
            try:
                step = await backup_restore.carry_out(by_id[step.volume_id])
            except PiraguaError as error:
                failure = error
        done.append((step, failure))
    return done


async def restore_settings(
    mounted: ProvenMount, saved: SavedSettings, *, only_say: bool
) -> list[tuple[SettingStep, PiraguaError | None]]:
    """The same for what administrators set on that Gluster volume. MountError."""
    done: list[tuple[SettingStep, PiraguaError | None]] = []
    for step in await steps(mounted, saved):
        failure: PiraguaError | None = None
        if step.put_back is not None and not only_say:
            try:
                await step.put_back()
            except PiraguaError as error:
                failure = error
        done.append((step, failure))
    return done
