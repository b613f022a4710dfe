"""Creating a volume: everything in place, published last, nothing left when it fails."""

import logging
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from piragua.errors import GlusterTimeout, NotReady, OutcomeUnknown, OutOfSpace, PiraguaError
from piragua.models import OperationKind
from piragua.tree.locking.async_locks import AsyncLock
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.record import Deletion, Record
from piragua.tree.states import Observed, State
from piragua.volumes.backend import Backend

_log = logging.getLogger(__name__)
LATE_COMMAND_SECONDS = 600
"""A limit command that timed out may still happen for so long; nothing is purged before."""


class Create:
    """A prepared create: its id, and its name if the caller chose one, are locked."""

    kind = OperationKind.CREATE

    def __init__(
        self,
        backend: Backend,
        mounted: ProvenMount,
        gluster_volume_id: str,
        volume_id: str,
        record: Record,
        id_lock: AsyncLock,
        name_lock: AsyncLock | None,
    ) -> None:
        self.gluster_volume_id = gluster_volume_id
        self.volume_id = volume_id
        self._backend = backend
        self._mounted = mounted
        self._record = record
        self._id_lock = id_lock
        self._name_lock = name_lock

    async def run(self, nonce: str) -> None:
        """Makes the volume. Any failure unwinds it, and its first error is raised.

        OutcomeUnknown when it could not be unwound, as when the mount was lost: it can be published later.
        """
        try:
            await self._make(nonce)
        except PiraguaError as error:
            await self._end(error)
        finally:
            await self.abandon()

    async def _end(self, error: PiraguaError) -> None:
        """Raises the error, unless the volume got to its end: one from the last step proves nothing."""
        try:
            state = await self._state()
            if state is State.VOLUME:
                return
            deletion = await self._undo(error, state)
        except PiraguaError as unknown:
            raise OutcomeUnknown(str(error)) from unknown
        await self.abandon()  # first, since the purge needs the lock
        self._backend.purger.add_later(self.volume_id, deletion)
        raise error

    async def abandon(self) -> None:
        """Lets go of the locks."""
        await self._id_lock.release()
        if self._name_lock is not None:
            await self._name_lock.release()

    async def _make(self, nonce: str) -> None:
        await self._mounted.make(self.volume_id, self._record)
        await self._backend.limits.set(
            self._mounted,
            self.volume_id,
            self._record.size_bytes,
            bounds=self._record.bounds,
            allowed=self._require_room,
            all_is_well=self._backend.all_is_well,
            read=self._require_unchanged,
        )
        await self._mounted.publish(self.volume_id, self._record.name)
        self._backend.inventory.note(Observed(self.volume_id, record=self._record, published=True))

    async def _require_room(self) -> None:
        """The sum of limits, where it is bounded; the volume's own size was looked at when it was prepared."""
        if self._backend.overcommit is not None:
            await self._backend.require_room(self._record.size_bytes)

    async def _require_unchanged(self) -> int | None:
        """The lock is still ours and the directory is what we left; asked before it is published.

        Gives the limit in bytes, None if it has none.
        """
        observed = await self._mounted.observe_made(self.volume_id, self._record.name, self._id_lock)
        name = self._record.name
        left = Observed(
            self.volume_id, locked=True, record=self._record, entries=(name,), limit_bytes=observed.limit_bytes
        )
        if observed != left:
            raise NotReady(f"another instance changed the volume while it was made: it is {observed.state.value}")
        return observed.limit_bytes

    async def _state(self) -> State:
        """Without asking for its limit, which may be what the create failed of."""
        return (await self._mounted.observe_many([self.volume_id]))[self.volume_id].state

    async def _undo(self, error: PiraguaError, state: State) -> Deletion:
        """Marks what was made as deleted, for the purge. StorageError when that cannot be done."""
        retention_seconds = LATE_COMMAND_SECONDS if isinstance(error, GlusterTimeout) else 0
        deletion = Deletion(datetime.now(UTC), retention_seconds)
        if state is not State.ABSENT:
            if isinstance(error, OutOfSpace):
                await self._take_up_no_room()
            await self._mounted.mark_deleted(self.volume_id, deletion)
        with suppress(PiraguaError):  # the purge does it, too
            await self._mounted.release_name(self._record.name, self.volume_id)
        return deletion

    async def _take_up_no_room(self) -> None:
        """The trash counts in the sum of limits by its records; what never got a limit must not."""
        with suppress(PiraguaError):
            await self._mounted.write_record(self.volume_id, replace(self._record, size_bytes=1))
