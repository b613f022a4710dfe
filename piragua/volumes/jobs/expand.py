"""Growing a volume: the limit first, then the record. Never shrinks."""

from dataclasses import replace

from piragua.errors import Conflict, InvalidRequest
from piragua.models import OperationKind
from piragua.tree.locking.async_locks import AsyncLock
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.record import Record
from piragua.tree.states import Observed, State
from piragua.volumes.backend import Backend
from piragua.volumes.shown import record_of, require_usable

_LOCK_WAIT_SECONDS = 60


class Expand:
    """A prepared expand by add_bytes."""

    kind = OperationKind.EXPAND

    def __init__(
        self, backend: Backend, mounted: ProvenMount, gluster_volume_id: str, volume_id: str, add_bytes: int
    ) -> None:
        self.gluster_volume_id = gluster_volume_id
        self.volume_id = volume_id
        self._backend = backend
        self._mounted = mounted
        self._add_bytes = add_bytes

    async def run(self, nonce: str) -> None:
        """Adds to the size that the volume has when its lock is ours, so that two expands both count."""
        lock = await self._mounted.take_id(self.volume_id, timeout_seconds=_LOCK_WAIT_SECONDS)
        try:
            await self._grow(nonce, lock)
        finally:
            await lock.release()

    async def abandon(self) -> None:
        """Nothing is held yet."""

    async def _grow(self, nonce: str, lock: AsyncLock) -> None:
        observed = await self._mounted.observe(self.volume_id)
        require_usable(observed)
        record = await record_of(observed, self._mounted, change=True)
        target_bytes = record.size_bytes + self._add_bytes
        limit_bytes = max(target_bytes, await self._mounted.limit(self.volume_id) or 0)
        grown = replace(record, size_bytes=target_bytes).shortened()
        grown.with_operation(nonce).encode()  # what would not fit is refused before anything is changed
        if observed.state is State.ORIGINAL:
            await self._mounted.mark_published(self.volume_id)
        bounded = self._backend.overcommit is not None

        async def count() -> None:
            if bounded:
                await self._mounted.write_record(self.volume_id, grown)

        await self._backend.limits.set(
            self._mounted,
            self.volume_id,
            limit_bytes,
            bounds=record.bounds,
            allowed=lambda: self._backend.require_room(target_bytes, instead_of_bytes=record.size_bytes),
            counted=count,
            all_is_well=self._backend.all_is_well,
        )
        await lock.require()
        await self._require_same(grown if bounded else observed.record)
        await self._mounted.write_record(self.volume_id, grown.with_operation(nonce))

    async def _require_same(self, left: Record | None) -> None:
        """Nobody deleted it or changed its record meanwhile, as can happen when a lock was lost."""
        now = await self._mounted.observe(self.volume_id)
        if now.state is not State.VOLUME or now.record != left:
            raise Conflict(f"the volume was changed while it was expanded: it is {now.state.value}")


async def require_growth(observed: Observed, backend: Backend, mounted: ProvenMount, add_bytes: int) -> None:
    """OutOfSpace, or InvalidRequest for an original without a limit: what can be refused at once."""
    if add_bytes < 1:
        raise InvalidRequest("a volume can only be expanded by 1 GiB or more")
    record = await record_of(observed, mounted, change=True)
    await backend.require_room(record.size_bytes + add_bytes, instead_of_bytes=record.size_bytes)
