"""What the routes ask of the core, as protocols. Errors are those of `piragua.errors`."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from piragua.models import PurgeState
from piragua.volumes.trash import PurgeReport, Trashed

MadeJob = TypeVar("MadeJob", covariant=True)


class Trash(Protocol[MadeJob]):
    """What is deleted and not yet purged."""

    async def entries(self) -> Sequence[Trashed]:
        """Never leaves one out: raises NotReady, StorageError."""
        ...

    async def prepare_restore(self, volume_id: str) -> MadeJob:
        """Raises NotFound, Conflict, NotReady, StorageError."""
        ...

    async def purge_now(self, volume_id: str) -> None:
        """Raises NotFound, Conflict, NotReady, StorageError."""
        ...

    async def purging(self) -> Sequence[PurgeReport]: ...

    async def set_purging(self, state: PurgeState) -> None: ...
