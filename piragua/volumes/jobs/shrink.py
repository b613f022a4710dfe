"""Making a volume smaller, never below what it holds: the record first, then the limit.

A limit above the record is adopted by the sweep, and one below it by nobody: so whatever dies in between leaves
the volume with one size or the other.
"""

import logging
from dataclasses import replace

from piragua.errors import Conflict, GlusterTimeout, InvalidRequest, PiraguaError
from piragua.models import BYTES_PER_GIB, OperationKind
from piragua.tree.locking.async_locks import AsyncLock
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.record import Record
from piragua.tree.states import Observed, State
from piragua.volumes.backend import Backend
from piragua.volumes.shown import record_of, require_usable

_log = logging.getLogger(__name__)
_LOCK_WAIT_SECONDS = 60


class Shrink:
    """A prepared shrink to size_bytes."""

    kind = OperationKind.SHRINK

    def __init__(
        self, backend: Backend, mounted: ProvenMount, gluster_volume_id: str, volume_id: str, size_bytes: int
    ) -> None:
        self.gluster_volume_id = gluster_volume_id
        self.volume_id = volume_id
        self._backend = backend
        self._mounted = mounted
        self._size_bytes = size_bytes

    async def run(self, nonce: str) -> None:
        """Shrinks it, unless it holds more by now. What fails leaves it with the size that it had."""
        lock = await self._mounted.take_id(self.volume_id, timeout_seconds=_LOCK_WAIT_SECONDS)
        try:
            await self._shrink(nonce, lock)
        finally:
            await lock.release()

    async def abandon(self) -> None:
        """Nothing is held yet."""

    async def _shrink(self, nonce: str, lock: AsyncLock) -> None:
        observed = await self._mounted.observe(self.volume_id)
        require_usable(observed)
        record = await record_of(observed, self._mounted, change=True)
        await require_smaller(record, self._backend, self._mounted, self.volume_id, self._size_bytes)
        await lock.require()
        await self._require_same(observed)
        if observed.state is State.ORIGINAL:
            await self._mounted.mark_published(self.volume_id)
        small = replace(record, size_bytes=self._size_bytes)
        await self._mounted.write_record(self.volume_id, small)
        try:
            await self._backend.set_limit(self._mounted, self.volume_id, small)
        except GlusterTimeout:
            raise  # it may still happen: the sweep makes the record agree with what comes out
        except PiraguaError:
            await self._undo(record)
            raise
        try:
            # Its writers went on meanwhile; from here on the limit stops them.
            await require_room_in(self._backend, self._mounted, self.volume_id, self._size_bytes)
        except PiraguaError:  # a timeout too: nobody knows whether it holds more
            await self._undo(record)
            raise
        await lock.require()
        await self._mounted.write_record(self.volume_id, small.with_operation(nonce))

    async def _undo(self, record: Record) -> None:
        """The limit that it had, and then the record: where that fails, the larger limit is adopted."""
        try:
            await self._backend.set_limit(self._mounted, self.volume_id, record)
            await self._mounted.write_record(self.volume_id, record)
        except PiraguaError as error:
            _log.warning(
                "volume %s could not get its size of %d bytes again, and may be full: %s",
                self.volume_id,
                record.size_bytes,
                error,
            )
        else:
            _log.info("volume %s has its size of %d bytes again", self.volume_id, record.size_bytes)

    async def _require_same(self, left: Observed) -> None:
        """Nobody deleted it or changed its record meanwhile, as can happen when a lock was lost."""
        now = await self._mounted.observe(self.volume_id)
        if now != left:
            raise Conflict(f"the volume was changed while it was to be shrunk: it is {now.state.value}")


async def require_smaller(
    record: Record, backend: Backend, mounted: ProvenMount, volume_id: str, size_bytes: int
) -> None:
    """InvalidRequest for what is no shrink, Conflict when the volume holds more. StorageError."""
    if size_bytes >= record.size_bytes:
        raise InvalidRequest(
            f"volume {volume_id} has {_gib(record.size_bytes)}, which {_gib(size_bytes)} would not make smaller"
        )
    await require_room_in(backend, mounted, volume_id, size_bytes)


async def require_room_in(backend: Backend, mounted: ProvenMount, volume_id: str, size_bytes: int) -> None:
    """Conflict when the volume holds more than that, as quota counts it now. StorageError."""
    used_bytes = await backend.limits.used_bytes(mounted, volume_id)
    if used_bytes > size_bytes:
        raise Conflict(
            f"volume {volume_id} holds {used_bytes} bytes ({_gib(used_bytes)}), more than {_gib(size_bytes)}"
        )


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / BYTES_PER_GIB:.3f}".rstrip("0").rstrip(".") + " GiB"
