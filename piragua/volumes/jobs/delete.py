"""Deleting a volume: one mark, and it is gone for every client; the data goes in the background."""

from datetime import UTC, datetime

import anyio

from piragua.errors import Conflict, MountError, OutcomeUnknown
from piragua.models import OperationKind
from piragua.tree.locking.async_locks import AsyncLock
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.record import Deletion
from piragua.tree.states import DELETED, State
from piragua.volumes.backend import Backend
from piragua.volumes.shown import name_of, require_usable

_LOCK_WAIT_SECONDS = 60
_LOOK_AGAIN_SECONDS = 1


class Delete:
    """A prepared delete; deleting what is deleted already succeeds."""

    kind = OperationKind.DELETE

    def __init__(
        self,
        backend: Backend,
        mounted: ProvenMount,
        gluster_volume_id: str,
        volume_id: str,
        retention_seconds: float,
        *,
        is_deleted: bool,
    ) -> None:
        self._is_deleted = is_deleted
        self.gluster_volume_id = gluster_volume_id
        self.volume_id = volume_id
        self._backend = backend
        self._mounted = mounted
        self._retention_seconds = retention_seconds

    async def run(self, nonce: str) -> None:
        """Marks the volume as deleted and frees its name. OutcomeUnknown when it can be deleted all the same."""
        lock = None if self._is_deleted else await self._take_unless_deleted()
        if lock is not None:
            try:
                await self._mark()
            finally:
                await lock.release()
        self._backend.purger.add(self.volume_id)

    async def _take_unless_deleted(self) -> AsyncLock | None:
        """The lock of the volume; None when another delete was first: the purge can keep the lock for hours."""
        deadline, wait_seconds = anyio.current_time() + _LOCK_WAIT_SECONDS, 0.0
        while True:
            try:
                return await self._mounted.take_id(self.volume_id, timeout_seconds=wait_seconds)
            except Conflict:
                if (await self._mounted.observe(self.volume_id)).state in DELETED | {State.ABSENT}:
                    return None
                if anyio.current_time() > deadline:
                    raise
            wait_seconds = _LOOK_AGAIN_SECONDS

    async def abandon(self) -> None:
        """Nothing is held yet."""

    async def _mark(self) -> None:
        observed = await self._mounted.observe(self.volume_id)
        if observed.state in DELETED or observed.state is State.ABSENT:
            return
        require_usable(observed)
        name = name_of(observed)
        try:
            await self._mounted.mark_deleted(self.volume_id, Deletion(datetime.now(UTC), self._retention_seconds))
            await self._mounted.release_name(name, self.volume_id)
        except MountError as error:
            raise OutcomeUnknown(str(error)) from error
