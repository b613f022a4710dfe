"""What a look at a directory says to a user: a volume, or why there is none to show."""

from datetime import UTC, datetime

from piragua.errors import InvalidRequest, NotFound, NotReady
from piragua.models import Volume, dashed, gib_to_bytes, gib_to_hold, whole_gib
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.record import Record
from piragua.tree.states import DELETED, USABLE, Observed, State

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


def require_usable(observed: Observed) -> None:
    """NotFound when it is proven to be gone, NotReady when that is not clear, nothing for a volume."""
    _require(observed, USABLE)


def _require(observed: Observed, states: frozenset[State]) -> None:
    if observed.state in DELETED or observed.state is State.ABSENT:
        raise NotFound(f"there is no volume {observed.volume_id}")
    if observed.state not in states:
        reason = observed.record_unreadable or observed.deletion_unreadable
        raise NotReady(
            f"volume {observed.volume_id} is {_in_words(observed.state)}{f' ({reason})' if reason else ''}"
        )


def _in_words(state: State) -> str:
    if state is State.BEING_MADE:
        return "being made; ask again"
    return f"not in a clear state: {state.value}; `piragua check` shows it"


def name_of(observed: Observed) -> str:
    """The name of a usable volume: as recorded, or what an original's only directory is called."""
    if observed.record is not None:
        return observed.record.name
    if len(observed.entries) != 1:
        raise NotReady(
            f"volume {observed.volume_id} has no record and not exactly one directory; `piragua check` shows it"
        )
    return observed.entries[0]


async def record_of(observed: Observed, mounted: ProvenMount, *, change: bool = False) -> Record:
    """The record of a usable volume; made up from what is there for one of the original Piragua.

    An original's size is its limit, rounded down to GiB; without a limit it is what it holds, rounded up, and
    then, to change it, InvalidRequest names the command that sets one.
    """
    if observed.record is not None:
        return observed.record
    name, limit_bytes = name_of(observed), observed.limit_bytes
    if limit_bytes is None and change:
        path = f"/{dashed(observed.volume_id)}"
        raise InvalidRequest(
            f"volume {observed.volume_id} has no limit that could grow; set one first:"
            f" gluster volume quota {mounted.gluster_volume} limit-usage {path} SIZE"
        )
    if limit_bytes is None:
        used_bytes = await mounted.used_bytes(observed.volume_id, timeout_seconds=_COUNTING_SECONDS)
        size_bytes = gib_to_bytes(max(1, gib_to_hold(used_bytes)))
    else:
        size_bytes = gib_to_bytes(whole_gib(limit_bytes))
    gid = observed.data.gid if observed.data is not None else 0
    return Record(size_bytes=size_bytes, name=name, gid=gid, created=datetime.now(UTC) if change else None)


async def volume_of(observed: Observed, mounted: ProvenMount, gluster_volume_id: str) -> Volume:
    """The volume that was observed, also one that the next sweep will publish; NotFound, NotReady."""
    _require(observed, _SHOWN)
    record = await record_of(observed, mounted)
    if not _is_utf8(record.name):
        raise NotReady(
            f"volume {observed.volume_id} cannot be shown: "
            "its directory's name is not UTF-8, which JSON cannot hold"
        )
    return Volume(
        id=observed.volume_id,
        gluster_volume_id=gluster_volume_id,
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
