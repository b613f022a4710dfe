"""What the routes ask of the core, as protocols. Errors are those of `piragua.errors`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from piragua.models import PurgeState, VolumeSpec
from piragua.volumes.listing import Listed, Page, Query, Total
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


class Volumes(Protocol[MadeJob]):
    """Changes of volumes."""

    async def prepare_create(self, spec: VolumeSpec) -> MadeJob:
        """Raises InvalidRequest, Unsupported, NameInUse, OutOfSpace, Ineligible, NoneFits, StorageError."""
        ...

    async def prepare_shrink(self, volume_id: str, size_bytes: int) -> MadeJob:
        """Raises NotFound, InvalidRequest, Conflict, NotReady, StorageError."""
        ...

    async def set_labels(self, volume_id: str, change: Callable[[Mapping[str, str]], Mapping[str, str]]) -> None:
        """Raises NotFound, InvalidRequest, Conflict, NotReady, StorageError."""
        ...


class Listing(Protocol):
    """What is known of volumes."""

    async def page(self, query: Query) -> Page:
        """Never leaves one out: raises InvalidRequest, NotReady, StorageError."""
        ...

    async def one(self, volume_id: str) -> Listed:
        """Raises NotFound, NotReady, StorageError."""
        ...

    async def totals(self) -> Sequence[Total]: ...
