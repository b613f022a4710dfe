"""Cloning a volume: a create whose data is copied before it is published."""

import logging
from dataclasses import replace

import anyio

from piragua.errors import Conflict, MountError, NotReady, OutOfSpace
from piragua.models import BYTES_PER_GIB, OperationKind, gib_to_bytes, gib_to_hold
from piragua.tree.copying.copy import Copier, DataPath
from piragua.tree.locking.async_locks import AsyncLock
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.record import Record
from piragua.tree.states import DELETED, USABLE, Observed, State
from piragua.upkeep.throttle import Throttle
from piragua.volumes.backend import Backend
from piragua.volumes.jobs.create import Create
from piragua.volumes.shown import name_of

_log = logging.getLogger(__name__)

COPIES_AT_ONCE = 2
"""Each keeps one of the mount's threads busy, for hours perhaps."""

_STEP_SECONDS = 0.5
_STEP_TIMEOUT_SECONDS = 300
_LOCKS_SECONDS = 10
_LOG_SECONDS = 60
_ROOM_FOR_DIFFERENCES = 8


class Clone(Create):
    """A prepared clone: as a create, and the source is locked against being purged.

    record has the source in it. copies: lets only some copies run at once; the others wait.
    """

    kind = OperationKind.CLONE

    def __init__(
        self,
        backend: Backend,
        mounted: ProvenMount,
        gluster_volume_id: str,
        volume_id: str,
        record: Record,
        id_lock: AsyncLock,
        name_lock: AsyncLock | None,
        source_id: str,
        source_lock: AsyncLock,
        copies: anyio.Semaphore,
    ) -> None:
        super().__init__(backend, mounted, gluster_volume_id, volume_id, record, id_lock, name_lock)
        self._source_id = source_id
        self._source_lock = source_lock
        self._copies = copies
        self._copier: Copier | None = None
        self._held_bytes = 0

    def progress(self) -> str:
        """How much is copied, of what the source held at the beginning."""
        if self._copier is None:
            return "not begun yet"
        copied_gib, held_gib = self._copier.copied_bytes / BYTES_PER_GIB, self._held_bytes / BYTES_PER_GIB
        return f"{self._copier.entries} entries, {copied_gib:.1f} of {held_gib:.1f} GiB copied"

    @property
    def waiting(self) -> bool:
        """Whether others are copied first."""
        return self._copier is None

    async def abandon(self) -> None:
        """Lets go of the locks."""
        await self._source_lock.release()
        await super().abandon()

    async def _make(self, nonce: str) -> None:
        async with self._copies:
            await self._make_copy()
        await self._require_unchanged()
        await self._require_source()
        # From here on it is a volume, whatever mark is lost: without its source in the record, with a nonce.
        self._record = replace(self._record, clone_source=None).with_operation(nonce)
        await self._mounted.write_record(self.volume_id, self._record)
        await self._mounted.publish(self.volume_id, self._record.name)

    async def _make_copy(self) -> None:
        """The directory with all data; its limit is the recorded size only when the data is there."""
        source = await self._require_source()
        await self._mounted.make(self.volume_id, self._record)
        size_bytes = self._record.size_bytes
        self._held_bytes = await room_for_copy(self._backend, self._mounted, self._source_id)
        await self._backend.limits.set(
            self._mounted,
            self.volume_id,
            _enough_bytes(max(size_bytes, self._held_bytes)),
            allowed=lambda: self._backend.require_room(size_bytes),
            all_is_well=self._backend.all_is_well,
        )
        await self._copy(DataPath(self._source_id, name_of(source)), DataPath(self.volume_id, self._record.name))
        # From here on it counts in the sum of limits, so that is not asked again.
        await self._backend.set_limit(self._mounted, self.volume_id, self._record)

    async def _copy(self, source: DataPath, target: DataPath) -> None:
        """In steps, between which the locks are asked for again now and then: a clone can outlive them.

        While other volumes are made or changed it rests as long as it works.
        """
        copier = self._copier = self._mounted.copier(source, target)
        asked_at = logged_at = now = anyio.current_time()
        throttle = Throttle()
        await self._require_bricks()
        try:
            while not await self._mounted.blocking(
                lambda: copier.work(_STEP_SECONDS), timeout_seconds=_STEP_TIMEOUT_SECONDS
            ):
                await throttle.rest(self._mounted, anyio.current_time() - now)
                await self._require_bricks()
                now = anyio.current_time()
                if now - asked_at > _LOCKS_SECONDS:
                    await self._source_lock.require()
                    await self._require_unchanged()
                    asked_at = now
                if now - logged_at > _LOG_SECONDS:
                    _log.info("clone %s of volume %s: %s", self.volume_id, self._source_id, self.progress())
                    logged_at = now
            await self._require_bricks()
        finally:
            with anyio.CancelScope(shield=True):
                await self._close(copier)

    async def _require_bricks(self) -> None:
        """NotReady unless every brick is reached: else files can be left out of listings in silence."""
        if not await self._backend.pool_health.connected(self._mounted):
            raise NotReady(
                "not every brick can be reached: a clone could miss files; clone it again when all are back"
            )

    async def _close(self, copier: Copier) -> None:
        try:
            await self._mounted.blocking(copier.close)
        except MountError as error:
            _log.debug("clone %s: %s", self.volume_id, error)

    async def _require_source(self) -> Observed:
        """The source, locked against purges. It may be deleted once the copy has begun, but not before."""
        await self._source_lock.require()
        observed = await self._mounted.observe(self._source_id)
        if observed.state in USABLE or (self._copier is not None and observed.state is State.TRASH):
            return observed
        if observed.state in DELETED | {State.ABSENT}:
            raise Conflict("the volume to be cloned was deleted")
        raise NotReady(f"the volume to be cloned is {observed.state.value}; `piragua check` shows it")


async def room_for_copy(backend: Backend, mounted: ProvenMount, source_id: str) -> int:
    """What a copy of that volume would hold, in bytes; OutOfSpace when that much is not free. StorageError."""
    held_bytes = await backend.limits.used_bytes(mounted, source_id)
    if held_bytes > await mounted.free_bytes():
        raise OutOfSpace("No space")
    return held_bytes


def _enough_bytes(held_bytes: int) -> int:
    """A limit under which a copy fits, though its files may take up a bit more than the source's."""
    most_gib = gib_to_hold(held_bytes + held_bytes // _ROOM_FOR_DIFFERENCES)
    return gib_to_bytes(most_gib + 1)
