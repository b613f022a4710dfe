"""Taking a volume back out of the trash: under its id, with its name, its limit and its data.

The mark `gone` is emptied last, so whatever dies before that leaves a volume in the trash, and whoever has it
mounted never notices.
"""

from contextlib import suppress

from piragua.errors import (
    Conflict,
    MountError,
    MountTimeout,
    NotReady,
    OutcomeUnknown,
    PiraguaError,
)
from piragua.inventory.names import require_free
from piragua.models import OperationKind
from piragua.tree.locking.async_locks import AsyncLock
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.record import Record
from piragua.tree.states import USABLE, Observed, State
from piragua.volumes.backend import Backend


def refusal(observed: Observed) -> PiraguaError | None:
    """Why that cannot be restored: Conflict, or NotReady where it is not clear what it is; None if it can be.

    Of what has no record or no `published`, the look has to have gone inside (`ProvenMount.observe_inside`).
    """
    volume_id = observed.volume_id
    if observed.state in (State.PURGING, State.RETURNED):
        return Conflict(f"volume {volume_id} is being purged and cannot be restored any more")
    if observed.state in USABLE:
        return Conflict(f"volume {volume_id} is not in the trash")
    if observed.state is not State.TRASH:
        return NotReady(f"volume {volume_id} is {observed.state.value}; `piragua check` shows it")
    if observed.record_unreadable:
        return NotReady(f"volume {volume_id} is left alone: {observed.record_unreadable}")
    return (
        None
        if _was_complete(observed)
        else Conflict(f"volume {volume_id} was never complete: there is nothing to restore")
    )


def _was_complete(observed: Observed) -> bool:
    """Whether it was a volume when it was deleted, not a create or a clone that failed."""
    if observed.record is None:
        return len(observed.entries) == 1 and observed.data is not None
    return observed.record.clone_source is None and (
        observed.published or observed.as_recorded or observed.was_a_volume
    )


class Restore:
    """A restore whose locks are held; `prepare` says whether it can be done."""

    kind = OperationKind.RESTORE

    def __init__(
        self,
        backend: Backend,
        mounted: ProvenMount,
        gluster_volume_id: str,
        volume_id: str,
        id_lock: AsyncLock,
        name_lock: AsyncLock | None,
    ) -> None:
        self.gluster_volume_id = gluster_volume_id
        self.volume_id = volume_id
        self._backend = backend
        self._mounted = mounted
        self._id_lock = id_lock
        self._name_lock = name_lock
        self._seen = Observed(volume_id, exists=False)

    async def prepare(self) -> None:
        """Makes sure, with the locks held, that it is in the trash and that its name is free.

        Conflict, NameInUse, NotReady, StorageError.
        """
        self._seen = await self._mounted.observe_inside(self.volume_id)
        refused = refusal(self._seen)
        if refused is not None:
            raise refused
        if self._seen.record is not None:  # one of the original Piragua never had the file of a name
            await require_free(self._mounted, self._seen.record.name, self.volume_id)

    async def run(self, nonce: str) -> None:
        """Restores it; what fails leaves it in the trash. OutcomeUnknown when it may come back all the same."""
        try:
            await self._restore(nonce)
        except (MountTimeout, OutcomeUnknown):
            raise  # what hangs may still happen, so the name stays with it
        except PiraguaError:
            await self._release_name()
            raise
        finally:
            await self.abandon()

    async def abandon(self) -> None:
        """Lets go of the locks."""
        await self._id_lock.release()
        if self._name_lock is not None:
            await self._name_lock.release()

    async def _restore(self, nonce: str) -> None:
        record = self._seen.record
        if record is not None:
            await self._mounted.claim_name(record.name, self.volume_id)
        await self._mounted.tell(self.volume_id, "restored")
        if record is not None:
            await self._require_limit(record)
            record = record.with_operation(nonce)
            await self._mounted.write_record(self.volume_id, record)
            if not self._seen.published:
                await self._mounted.mark_published(self.volume_id)
        if self._seen.closed:
            await self._mounted.open_again(self.volume_id)
        await self._require_unchanged(record)
        try:
            await self._mounted.unmark_deleted(self.volume_id)
        except MountError as error:
            if isinstance(error, MountTimeout) or not await self._is_in_trash():
                raise OutcomeUnknown(str(error)) from error
            raise

    async def _require_limit(self, record: Record) -> None:
        """Sets the limit again where it went while the volume was in the trash: quota was off for a while."""
        if self._seen.limit_bytes is None:
            await self._backend.set_limit(self._mounted, self.volume_id, record)

    async def _require_unchanged(self, record: Record | None) -> None:
        """The locks are still ours and it is what we left: asked before clients can see it."""
        await self._id_lock.require()
        if self._name_lock is not None:
            await self._name_lock.require()
        now = await self._mounted.observe(self.volume_id)
        if now.state is not State.TRASH or now.deletion != self._seen.deletion or now.record != record:
            raise Conflict(f"another instance changed the volume while it was restored: it is {now.state.value}")

    async def _is_in_trash(self) -> bool:
        """Whether it is proven to be there still."""
        with suppress(PiraguaError):
            return (await self._mounted.observe(self.volume_id)).state is State.TRASH
        return False

    async def _is_back(self) -> bool:
        with suppress(PiraguaError):
            return (await self._mounted.observe(self.volume_id)).state in USABLE
        return False

    async def _release_name(self) -> None:
        """The name is free again, unless the volume has come back after all."""
        record = self._seen.record
        with suppress(PiraguaError):
            if record is not None and not await self._is_back():
                await self._mounted.release_name(record.name, self.volume_id)
