"""Limits against records.

They go when quota is turned off, administrators change them, and an expand can die between limit and record.
"""

import logging
from collections.abc import Collection

from piragua.check.context import CheckContext, called
from piragua.check.finding import Finding, Fix
from piragua.check.progress import Progress, for_each
from piragua.tree.states import Observed, State
from piragua.upkeep import mends

_log = logging.getLogger(__name__)
_LOCK_WAIT_SECONDS = 10
_BOUNDED = (State.VOLUME, State.TRASH)
"""The limit of a deleted volume stays on until its directory goes: clients can still write to it."""


async def are_as_recorded(context: CheckContext) -> Finding:
    """Whether every volume has the limit that its record says, the trash included."""
    name = "limits are as recorded"
    all_observed = {observed.volume_id: observed for observed in context.of(*_BOUNDED)}
    first = await _wrong(context, all_observed.values())
    wrong = await _wrong(context, (await context.again(first)).values())
    if not wrong:
        return Finding(name, True, f"{len(all_observed)} volumes", gluster_volume=context.name)

    async def put_right(volume_id: str) -> None:
        await _put_right(context, volume_id)

    async def run() -> None:
        await for_each(f"putting limits right on {context.name}", sorted(wrong), put_right)

    return Finding(
        name,
        False,
        f"{len(wrong)} of {len(all_observed)} volumes have none or another one",
        "",
        context.name,
        tuple(text for _, text in sorted(wrong.items())),
        Fix("sets limits that are missing or lower than the record, and records those that are higher", run),
    )


async def _wrong(context: CheckContext, all_observed: Collection[Observed]) -> dict[str, str]:
    """What is wrong with the limit of each, by id."""
    found: dict[str, str] = {}
    progress = Progress(f"reading limits of {context.name}", len(all_observed))
    for observed in all_observed:
        record = observed.record
        if record is not None and observed.state in _BOUNDED:
            limit_bytes = await context.mounted.limit(observed.volume_id)
            if limit_bytes != record.size_bytes:
                has = "has no limit" if limit_bytes is None else f"has a limit of {limit_bytes} bytes"
                found[observed.volume_id] = f"{called(observed)}: {has}; its record says {record.size_bytes}"
        progress.step()
    return found


async def _put_right(context: CheckContext, volume_id: str) -> None:
    mounted = context.mounted
    async with mends.locked(mounted, volume_id, wait_seconds=_LOCK_WAIT_SECONDS) as now:
        limit_bytes = await mounted.limit(volume_id)
        if now.record is None or now.state not in _BOUNDED or limit_bytes == now.record.size_bytes:
            return
        if limit_bytes is not None and limit_bytes > now.record.size_bytes:
            await mends.adopt_limit(mounted, volume_id, now.record, limit_bytes)
            _log.warning("volume %s: its limit of %d bytes was taken into its record", volume_id, limit_bytes)
            return
        size_bytes = now.record.size_bytes
        await mends.set_limit_again(mounted, context.tools.limits, now, size_bytes)
        _log.warning("volume %s: its limit was %s; it was set to %d bytes", volume_id, limit_bytes, size_bytes)
