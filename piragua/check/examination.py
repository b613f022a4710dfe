"""What lies on the served Gluster volumes, and where records, directories and limits do not agree.

Records and directories come from memory that is brought up to date first. Limits are listed once for each
Gluster volume, as this server's glusterd has them on record: that costs about 0.6 ms for each limit, so only
`reports` asks for them.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from piragua.errors import PiraguaError
from piragua.inventory.inventory import Inventory
from piragua.models import GlusterVolume, Volume, dashed, gib_to_bytes, whole_gib
from piragua.pool.topology import Topology
from piragua.tree import layout
from piragua.tree.states import DELETED, LISTED, Observed, State

_PASSING = frozenset({State.BEING_MADE})
_LEFT_BEHIND = frozenset({State.COMPLETE, State.GIVEN_UP, State.CLONE_GIVEN_UP, State.LEFTOVER, State.RETURNED})


class LimitList(Protocol):
    """The part of `piragua.gluster.gluster.Gluster` that is needed here."""

    async def limits(self, volume: str) -> dict[str, int]:
        """All limits in bytes by path, as this server has them on record."""


@dataclass(frozen=True)
class RootEntry:
    """A directory in the root whose name is a UUID.

    state: what it is, in words. volume: as it is recorded, or as an original's directory shows it; None when
    neither is known. listed: its id is in the list of volumes. deleted, retention_seconds: for the trash.
    """

    volume_id: str
    gluster_volume: str
    state: str
    listed: bool
    volume: Volume | None = None
    deleted: datetime | None = None
    retention_seconds: float | None = None


@dataclass(frozen=True)
class Report:
    """One Gluster volume, examined.

    pending: ids that somebody works on now. wrong: what does not agree, by id. problems: what is wrong with
    the Gluster volume itself, and limits that belong to nothing.
    """

    gluster_volume: GlusterVolume
    entries: tuple[RootEntry, ...]
    pending: frozenset[str] = frozenset()
    wrong: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


class Examination:
    """Looks at the Gluster volumes of these inventories (by name), and changes nothing.

    require: raises StorageError for a Gluster volume on which no limit could be set or seen.
    limits_timeout_seconds: how long a list of limits may take; without it the report says so.
    """

    def __init__(
        self,
        inventories: Mapping[str, Inventory],
        topology: Topology,
        gluster: LimitList,
        *,
        require: Callable[[GlusterVolume], None],
        limits_timeout_seconds: float = 20,
    ) -> None:
        self._inventories = inventories
        self._topology = topology
        self._gluster = gluster
        self._require = require
        self._limits_timeout_seconds = limits_timeout_seconds

    async def entries(self) -> list[RootEntry]:
        """Everything, sorted by id. StorageError and NotReady when a part cannot be seen."""
        found: list[RootEntry] = []
        for gluster_volume in await self._topology.gluster_volumes():
            all_observed = await self._inventories[gluster_volume.name].observe_many()
            found += [_entry(observed, gluster_volume) for observed in all_observed.values()]
        return sorted(found, key=lambda entry: entry.volume_id)

    async def reports(self) -> list[Report]:
        """A report for each Gluster volume, in the configured order.

        StorageError and NotReady when directories cannot be seen; limits that cannot are a problem in it.
        """
        gluster_volumes = await self._topology.gluster_volumes()
        return list(await asyncio.gather(*(self._report(gluster_volume) for gluster_volume in gluster_volumes)))

    async def _report(self, gluster_volume: GlusterVolume) -> Report:
        inventory = self._inventories[gluster_volume.name]
        before = dict(await inventory.observe_many())
        limits, problems = await self._listed_limits(gluster_volume)
        suspects = [
            each for each in {**before, **(limits or {})} if _what(before, limits, each, gluster_volume.name)
        ]
        mounted = inventory.mount.current()
        now = before | await mounted.observe_many(suspects)
        pending = await mounted.held_ids(suspects)
        pending |= {each for each, observed in now.items() if observed.state in _PASSING}
        wrong = {each: _what(now, limits, each, gluster_volume.name) for each in suspects if each not in pending}
        orphans = [f"{text}" for each, text in sorted(wrong.items()) if text and now[each].state is State.ABSENT]
        return Report(
            gluster_volume,
            tuple(
                _entry(observed, gluster_volume)
                for _, observed in sorted(now.items())
                if observed.state is not State.ABSENT
            ),
            frozenset(pending),
            {each: text for each, text in wrong.items() if text and now[each].state is not State.ABSENT},
            (*problems, *orphans),
        )

    async def _listed_limits(self, gluster_volume: GlusterVolume) -> tuple[dict[str, int] | None, list[str]]:
        """Limits in bytes by id, None when they cannot be listed; and what is wrong with the Gluster volume."""
        try:
            self._require(gluster_volume)
            async with asyncio.timeout(self._limits_timeout_seconds):
                by_path = await self._gluster.limits(gluster_volume.name)
        except TimeoutError:
            seconds = f"{self._limits_timeout_seconds:g}"
            return None, [
                f"Gluster volume {gluster_volume.name}: its limits were not listed within {seconds} seconds"
            ]
        except PiraguaError as error:
            return None, [f"Gluster volume {gluster_volume.name}: its limits cannot be listed: {error}"]
        ids = ((layout.id_of(path.removeprefix("/")), size_bytes) for path, size_bytes in by_path.items())
        return {volume_id: size_bytes for volume_id, size_bytes in ids if volume_id is not None}, []


def _what(
    all_observed: Mapping[str, Observed],
    limits_bytes: Mapping[str, int] | None,
    volume_id: str,
    gluster_volume: str,
) -> str:
    """What does not agree about that id, in a sentence that names it; "" when all does."""
    observed = all_observed.get(volume_id, Observed(volume_id, exists=False))
    text = _state_fault(observed) or _limit_fault(observed, limits_bytes, gluster_volume)
    return f"{_called(observed)}: {text}" if text else ""


def _called(observed: Observed) -> str:
    kind = "volume" if observed.state in LISTED else "directory"
    return f"{kind} {observed.volume_id} (/{dashed(observed.volume_id)})"


def _state_fault(observed: Observed) -> str:
    if observed.state in (State.LEFT_ALONE, State.UNCLEAR):
        reason = observed.record_unreadable or observed.deletion_unreadable or _contradiction(observed)
        return f"{observed.state.value}: {reason}"
    if observed.state in _LEFT_BEHIND:
        return f"{observed.state.value}; a sweep ends it"
    if observed.state is State.NOT_OURS:
        return "has a volume's name and is not Piragua's"
    if observed.state is State.VOLUME and observed.record is None:
        return "has no record"
    return ""


def _contradiction(observed: Observed) -> str:
    return f"it has a record, is not published, and holds {', '.join(observed.entries) or 'nothing'}"


def _limit_fault(observed: Observed, limits_bytes: Mapping[str, int] | None, gluster_volume: str) -> str:
    if limits_bytes is None or observed.state in DELETED | _PASSING:
        return ""
    limit_bytes = limits_bytes.get(observed.volume_id)
    if observed.state is State.ABSENT:
        return "has a limit and is not there" if limit_bytes is not None else ""
    if limit_bytes is None:
        command = f"gluster volume quota {gluster_volume} limit-usage /{dashed(observed.volume_id)}"
        size = "SIZE" if observed.record is None else observed.record.size_bytes
        return f"this server's glusterd has no limit for it: {command} {size}"
    if observed.record is not None and limit_bytes != observed.record.size_bytes:
        return f"its limit is {limit_bytes} bytes and its record says {observed.record.size_bytes}"
    return ""


def _entry(observed: Observed, gluster_volume: GlusterVolume) -> RootEntry:
    return RootEntry(
        observed.volume_id,
        gluster_volume.name,
        observed.state.value,
        observed.state in LISTED,
        _volume(observed, gluster_volume),
        None if observed.deletion is None else observed.deletion.deleted,
        None if observed.deletion is None else observed.deletion.retention_seconds,
    )


def _volume(observed: Observed, gluster_volume: GlusterVolume) -> Volume | None:
    """As recorded; of an original, what its directory shows. A size of 0: there is no limit."""
    record = observed.record
    if record is not None:
        return Volume(
            observed.volume_id,
            gluster_volume.id,
            gluster_volume.name,
            record.name,
            record.size_bytes,
            record.gid,
            record.created,
            record.snapshot,
            record.options,
        )
    if observed.state is not State.ORIGINAL or observed.data is None:
        return None
    size_bytes = gib_to_bytes(whole_gib(observed.limit_bytes or 0))
    return Volume(
        observed.volume_id,
        gluster_volume.id,
        gluster_volume.name,
        observed.data.name,
        size_bytes,
        observed.data.gid,
    )
