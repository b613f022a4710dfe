"""What a look at a directory says to a user: a volume, or why there is none to show."""

from datetime import UTC, datetime

from piragua.errors import InvalidRequest, NotFound, NotReady
from piragua.models import Volume, dashed, gib_to_bytes, gib_to_hold, whole_gib
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.record import Record
from piragua.tree.states import DELETED, USABLE, Look, State

_COUNTING_SECONDS = 15

_SHOWN = USABLE | {State.COMPLETE}
"""Listed, and what is there says what it is: clients that walk a list do not stop at it. What is unclear, or has
a record that cannot be read, is listed too, and nothing could be told of it that is surely true."""


def _is_utf8(name: str) -> bool:
    """Bytes of a name that are none show up as surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def require_usable(seen: Look) -> None:
    """NotFound when it is proven to be gone, NotReady when that is not clear, nothing for a volume."""
    _require(seen, USABLE)


def _require(seen: Look, states: frozenset[State]) -> None:
    if seen.state in DELETED or seen.state is State.ABSENT:
        raise NotFound("Id not found")
    if seen.state not in states:
        reason = seen.record_unreadable or seen.gone_unreadable
        raise NotReady(f"volume {seen.volume_id} is {_in_words(seen.state)}{f' ({reason})' if reason else ''}")


def _in_words(state: State) -> str:
    if state is State.BEING_MADE:
        return "being made; ask again"
    return f"not in a clear state: {state.value}; `piragua check` shows it"


def name_of(seen: Look) -> str:
    """The name of a usable volume: as recorded, or what an original's only directory is called."""
    if seen.record is not None:
        return seen.record.name
    if len(seen.entries) != 1:
        raise NotReady(
            f"volume {seen.volume_id} has no record and not exactly one directory; `piragua check` shows it"
        )
    return seen.entries[0]


async def record_of(seen: Look, mounted: ProvenMount, *, change: bool = False) -> Record:
    """The record of a usable volume; made up from what is there for one of the original Piragua.

    An original's size is its limit, rounded down to GiB; without a limit it is what it holds, rounded up, and
    then, to change it, InvalidRequest names the command that sets one.
    """
    if seen.record is not None:
        return seen.record
    name, limit_bytes = name_of(seen), seen.limit_bytes
    if limit_bytes is None and change:
        path = f"/{dashed(seen.volume_id)}"
        raise InvalidRequest(
            f"volume {seen.volume_id} has no limit that could grow; set one first:"
            f" gluster volume quota {mounted.gluster_volume} limit-usage {path} SIZE"
        )
    if limit_bytes is None:
        used_bytes = await mounted.used_bytes(seen.volume_id, timeout_seconds=_COUNTING_SECONDS)
        size_bytes = gib_to_bytes(max(1, gib_to_hold(used_bytes)))
    else:
        size_bytes = gib_to_bytes(whole_gib(limit_bytes))
    gid = seen.data.gid if seen.data is not None else 0
    return Record(size_bytes=size_bytes, name=name, gid=gid, created=datetime.now(UTC) if change else None)


async def volume_of(seen: Look, mounted: ProvenMount, cluster_id: str) -> Volume:
    """The volume that a look shows, also one that is only published by the next sweep; NotFound, NotReady."""
    _require(seen, _SHOWN)
    record = await record_of(seen, mounted)
    if not _is_utf8(record.name):
        raise NotReady(
            f"volume {seen.volume_id} cannot be shown: its directory's name is not UTF-8, which JSON cannot hold"
        )
    return Volume(
        id=seen.volume_id,
        cluster_id=cluster_id,
        gluster_volume=mounted.gluster_volume,
        name=record.name,
        size_bytes=record.size_bytes,
        gid=record.gid,
        created=record.created,
        snapshot=record.snapshot,
        options=record.options,
        labels=record.labels,
        bounds=record.bounds,
    )
