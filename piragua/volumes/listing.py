"""Which volumes there are and what is known of them: pages of a list, filtered and ordered, from memory."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from fnmatch import fnmatchcase

from piragua.errors import InvalidRequest
from piragua.inventory import labels
from piragua.inventory.inventory import Inventory
from piragua.inventory.usage import UsageGatherer
from piragua.models import NO_BOUNDS, Bounds, Volume, VolumeUsage, gib_to_bytes, whole_gib
from piragua.tree.states import LISTED, Observed, State
from piragua.volumes.shown import volume_of
from piragua.volumes.volumes import Volumes


class ListedState(Enum):
    """What a volume in a list is. Only what is ready can be changed; `piragua check` shows the others."""

    READY = "ready"
    UNPUBLISHED = "unpublished"
    UNREADABLE = "unreadable"
    UNCLEAR = "unclear"


_STATES = {
    State.VOLUME: ListedState.READY,
    State.ORIGINAL: ListedState.READY,
    State.COMPLETE: ListedState.UNPUBLISHED,
    State.LEFT_ALONE: ListedState.UNREADABLE,
    State.UNCLEAR: ListedState.UNCLEAR,
}


@dataclass(frozen=True)
class Listed:
    """A volume in a list. name, size_bytes and created are None where nothing tells them.

    labels: those that were set, and those that the name tells.
    """

    id: str
    gluster_volume_id: str
    gluster_volume: str
    state: ListedState
    name: str | None = None
    size_bytes: int | None = None
    created: datetime | None = None
    labels: Mapping[str, str] | None = None
    bounds: Bounds = NO_BOUNDS
    usage: VolumeUsage | None = None


SortValue = str | float


class Sort(Enum):
    """What a list is ordered by. Where nothing tells it a volume stands before all others."""

    NAME = "name"
    SIZE = "size"
    USED = "used"
    FULLNESS = "fullness"
    CREATED = "created"
    FILES = "files"

    def of(self, each: Listed) -> SortValue | None:
        return _SORTED_BY[self](each)

    @property
    def least(self) -> SortValue:
        """Stands in a key for what nothing tells."""
        return "" if self is Sort.NAME else 0.0


_SORTED_BY: Mapping[Sort, Callable[[Listed], SortValue | None]] = {
    Sort.NAME: lambda each: each.name,
    Sort.SIZE: lambda each: each.size_bytes,
    Sort.USED: lambda each: None if each.usage is None else each.usage.used_bytes,
    Sort.FULLNESS: lambda each: None if each.usage is None else each.usage.fullness_percent,
    Sort.CREATED: lambda each: None if each.created is None else each.created.timestamp(),
    Sort.FILES: lambda each: None if each.usage is None else each.usage.files,
}

Key = tuple[bool, SortValue, str]
"""Orders a list: whether the value is known, the value, the id. It is also where a page ends."""


@dataclass(frozen=True)
class Query:
    """What is wanted of a list. All filters must hold.

    labels: keys with a value, or with None for any. name: a pattern as the shell's. gluster_volume: an id, or the
    name of a Gluster volume. created_before and created_after leave out what has no time. fuller_than_percent
    leaves out what has no figure. after: where the page before ended.
    """

    labels: tuple[tuple[str, str | None], ...] = ()
    name: str | None = None
    created_before: datetime | None = None
    created_after: datetime | None = None
    fuller_than_percent: float | None = None
    state: ListedState | None = None
    gluster_volume: str | None = None
    sort: Sort = Sort.NAME
    descending: bool = False
    limit: int = 1000
    after: Key | None = None


@dataclass(frozen=True)
class Page:
    """Some of the volumes that match, in order.

    total: how many match. next: where this page ends; None: there are no more.
    gathered: when the oldest of the figures of use were read; None: on a Gluster volume there are none yet.
    """

    volumes: Sequence[Listed]
    total: int
    next: Key | None
    gathered: datetime | None


@dataclass(frozen=True)
class Total:
    """A Gluster volume with the sums over its volumes, in bytes. None where nothing was gathered yet."""

    gluster_volume_id: str
    gluster_volume: str
    volumes: int
    size_bytes: int
    used_bytes: int | None
    capacity_bytes: int | None
    free_bytes: int | None
    gathered: datetime | None


class Listing:
    """Lists the volumes of these Gluster volumes, by their names."""

    def __init__(
        self, inventories: Mapping[str, Inventory], usages: Mapping[str, UsageGatherer], volumes: Volumes
    ) -> None:
        self._inventories = inventories
        self._usages = usages
        self._volumes = volumes
        self._told: dict[str, dict[str, tuple[Observed, Listed]]] = {name: {} for name in inventories}

    async def page(self, query: Query) -> Page:
        """What the query asks for. NotReady, StorageError: a list never leaves one out. InvalidRequest."""
        names = [name for name in self._inventories if await self._is_wanted(name, query.gluster_volume)]
        if query.gluster_volume is not None and not names:
            raise InvalidRequest(f"cluster {query.gluster_volume[:80]!r} is not served")
        found = [each for name in names for each in await self._listed(name) if _matches(each, query)]
        found.sort(key=lambda each: key_of(each, query.sort))
        page = _cut(found, query)
        gathered = [self._usages[name].gathered for name in names]
        return Page(
            page,
            len(found),
            key_of(page[-1], query.sort) if page and page[-1] is not _last(found, query) else None,
            min((each for each in gathered if each), default=None) if all(gathered) else None,
        )

    async def one(self, volume_id: str) -> Listed:
        """A volume as it is now, with its use as it was last gathered. NotFound, NotReady, StorageError."""
        backend, mounted, observed = await self._volumes.find(volume_id)
        volume = await volume_of(observed, mounted, await self._volumes.gluster_volume_id(backend))
        return _of_volume(volume, _STATES[observed.state], self._usages[volume.gluster_volume].of(volume_id))

    async def totals(self) -> list[Total]:
        """The sums for each Gluster volume. NotReady, StorageError."""
        return [await self._total(name) for name in self._inventories]

    async def _is_wanted(self, name: str, wanted: str | None) -> bool:
        return wanted in (None, name, await self._volumes.gluster_volume_id_of(name))

    async def _listed(self, gluster_volume: str) -> list[Listed]:
        """All of one Gluster volume. What was told of a look before need not be found out again."""
        gluster_volume_id = await self._volumes.gluster_volume_id_of(gluster_volume)
        told, usage = self._told[gluster_volume], self._usages[gluster_volume]
        all_observed = await self._inventories[gluster_volume].observe_many()
        now = dict[str, tuple[Observed, Listed]]()
        for volume_id, observed in all_observed.items():
            if observed.state not in LISTED:
                continue
            before, used = told.get(volume_id), usage.of(volume_id)
            if before is None or before[0] is not observed:
                before = observed, _of_look(observed, gluster_volume_id, gluster_volume)
            now[volume_id] = before if before[1].usage is used else (observed, replace(before[1], usage=used))
        self._told[gluster_volume] = now
        return [each for _, each in now.values()]

    async def _total(self, gluster_volume: str) -> Total:
        listed, usage = await self._listed(gluster_volume), self._usages[gluster_volume]
        used = [each.usage.used_bytes for each in listed if each.usage is not None]
        return Total(
            gluster_volume_id=await self._volumes.gluster_volume_id_of(gluster_volume),
            gluster_volume=gluster_volume,
            volumes=len(listed),
            size_bytes=sum(each.size_bytes or 0 for each in listed),
            used_bytes=None if usage.gathered is None else sum(used),
            capacity_bytes=None if usage.capacity is None else usage.capacity.size_bytes,
            free_bytes=None if usage.capacity is None else usage.capacity.free_bytes,
            gathered=usage.gathered,
        )


def key_of(each: Listed, sort: Sort) -> Key:
    value = sort.of(each)
    return value is not None, sort.least if value is None else value, each.id


def _cut(found: Sequence[Listed], query: Query) -> list[Listed]:
    """The page of a list that is sorted upwards."""

    def key(each: Listed) -> Key:
        return key_of(each, query.sort)

    if query.descending:
        end = len(found) if query.after is None else bisect_left(found, query.after, key=key)
        return list(reversed(found[max(0, end - query.limit) : end]))
    start = 0 if query.after is None else bisect_right(found, query.after, key=key)
    return list(found[start : start + query.limit])


def _last(found: Sequence[Listed], query: Query) -> Listed:
    return found[0] if query.descending else found[-1]


def _matches(each: Listed, query: Query) -> bool:
    return (
        (query.state is None or each.state is query.state)
        and (query.name is None or (each.name is not None and fnmatchcase(each.name, query.name)))
        and all(_has_label(each, key, value) for key, value in query.labels)
        and _was_created(each, query)
        and _is_fuller(each, query.fuller_than_percent)
    )


def _has_label(each: Listed, key: str, value: str | None) -> bool:
    found = (each.labels or {}).get(key)
    return found is not None and value in (None, found)


def _was_created(each: Listed, query: Query) -> bool:
    if query.created_before is None and query.created_after is None:
        return True
    if each.created is None:
        return False
    too_late = query.created_before is not None and each.created > query.created_before
    too_early = query.created_after is not None and each.created < query.created_after
    return not too_late and not too_early


def _is_fuller(each: Listed, percent: float | None) -> bool:
    if percent is None:
        return True
    fullness_percent = None if each.usage is None else each.usage.fullness_percent
    return fullness_percent is not None and fullness_percent > percent


def _of_look(observed: Observed, gluster_volume_id: str, gluster_volume: str) -> Listed:
    """What one look tells, without its use."""
    record, name = observed.record, None
    if record is not None:
        name = record.name
    elif len(observed.entries) == 1 and observed.data is not None:
        name = observed.entries[0]
    limit_bytes = None if observed.limit_bytes is None else gib_to_bytes(whole_gib(observed.limit_bytes))
    return Listed(
        id=observed.volume_id,
        gluster_volume_id=gluster_volume_id,
        gluster_volume=gluster_volume,
        state=_STATES[observed.state],
        name=name,
        size_bytes=limit_bytes if record is None else record.size_bytes,
        created=None if record is None else record.created,
        labels=labels.with_told(name, {} if record is None else record.labels),
        bounds=observed.bounds,
    )


def _of_volume(volume: Volume, state: ListedState, usage: VolumeUsage | None) -> Listed:
    return Listed(
        id=volume.id,
        gluster_volume_id=volume.gluster_volume_id,
        gluster_volume=volume.gluster_volume,
        state=state,
        name=volume.name,
        size_bytes=volume.size_bytes,
        created=volume.created,
        labels=labels.with_told(volume.name, volume.labels),
        bounds=volume.bounds,
        usage=usage,
    )
