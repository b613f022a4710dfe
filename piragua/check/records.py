"""Volumes whose record is missing: those of the original Piragua, and what lost one; and lost owners and modes."""

import logging
from dataclasses import replace

from piragua.check.context import CheckContext, called
from piragua.check.finding import Finding, Fix
from piragua.check.progress import for_each
from piragua.errors import Conflict
from piragua.tree.states import Observed, State
from piragua.upkeep import mends
from piragua.volumes.shown import record_of

_log = logging.getLogger(__name__)
_LOCK_WAIT_SECONDS = 10


def have_records(context: CheckContext) -> Finding:
    """Whether every volume has a record; one can be made up where there is a limit and exactly one directory."""
    name = "every volume has a record"
    without = [observed for observed in context.of(State.ORIGINAL, State.VOLUME) if observed.record is None]
    if not without:
        return Finding(name, True, "yes", gluster_volume=context.name)
    ready = [observed.volume_id for observed in without if _can_be_made(observed)]

    async def make(volume_id: str) -> None:
        await _make(context, volume_id)

    async def run() -> None:
        await for_each(f"making records on {context.name}", ready, make)

    return Finding(
        name,
        False,
        f"{len(without)} volumes have none, as those of the original Piragua",
        "piragua restore-records, if there is a copy of the records",
        context.name,
        tuple(f"{called(observed)}: {_describe(context, observed)}" for observed in without),
        Fix(f"writes {len(ready)} records from what the directories show", run) if ready else None,
    )


def _can_be_made(observed: Observed) -> bool:
    return observed.limit_bytes is not None and observed.data is not None and len(observed.entries) == 1


def _describe(context: CheckContext, observed: Observed) -> str:
    if len(observed.entries) != 1 or observed.data is None:
        return f"it should hold one directory and holds {', '.join(observed.entries) or 'nothing'}"
    if observed.limit_bytes is None:
        path = called(observed).partition("(")[2].rstrip(")")
        return (
            f"{observed.data.name}, without a limit; nobody knows its size: gluster volume quota {context.name}"
            f" limit-usage {path} SIZE"
        )
    return f"{observed.data.name}, with a limit of {observed.limit_bytes} bytes"


async def _make(context: CheckContext, volume_id: str) -> None:
    mounted = context.mounted
    async with mends.locked(mounted, volume_id, wait_seconds=_LOCK_WAIT_SECONDS) as now:
        if now.record is not None or now.state not in (State.ORIGINAL, State.VOLUME) or not _can_be_made(now):
            raise Conflict(f"volume {volume_id} was changed meanwhile")
        record = await record_of(now, mounted)
        # In full GiB, as answers give an original's size, the record would only be overruled by the limit.
        record = replace(record, size_bytes=now.limit_bytes or record.size_bytes)
        record.encode()  # what does not fit must not leave it half adopted
        if now.state is State.ORIGINAL:
            await mounted.mark_published(volume_id)
        await mounted.write_record(volume_id, record)
        _log.warning("volume %s: a record was written: %s, %d bytes", volume_id, record.name, record.size_bytes)


async def have_modes(context: CheckContext) -> Finding:
    """Whether no volume's directories have lost owner and mode, as when the first brick gets company."""
    name = "directories have their owner and mode"
    lost = [
        observed
        for observed in context.of(State.VOLUME)
        if observed.record is not None
        and await context.mounted.has_lost_modes(observed.volume_id, observed.record.name)
    ]
    if not lost:
        return Finding(name, True, "yes", gluster_volume=context.name)

    async def give_back(volume_id: str) -> None:
        async with mends.locked(context.mounted, volume_id, wait_seconds=_LOCK_WAIT_SECONDS) as now:
            if await mends.give_back_modes(context.mounted, now):
                _log.warning("volume %s: owner and mode of its directories were lost and are set", volume_id)

    async def run() -> None:
        await for_each(
            f"giving modes back on {context.name}", [observed.volume_id for observed in lost], give_back
        )

    return Finding(
        name,
        False,
        f"{len(lost)} have lost them",
        "",
        context.name,
        tuple(map(called, lost)),
        Fix("sets owner and mode as a create does", run),
    )
