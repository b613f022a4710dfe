"""This server's quota.conf against the volumes: records that it lacks, and records of directories that are gone.

A glusterd that was down when limits were set or removed never catches up. And a directory that was removed with
its limit on leaves a record that no command removes; as the last one, it makes `quota list` print nothing
(glusterfs 10.3). Each server can see its own file only.
"""

import logging
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from piragua.check.context import CheckContext, called
from piragua.check.finding import Finding, Fix
from piragua.check.new_bricks import has_gfid
from piragua.check.progress import Progress, for_each
from piragua.errors import Conflict, StorageError
from piragua.tree import lost_gfid
from piragua.tree.states import Observed, State
from piragua.upkeep import mends
from piragua.upkeep.purging.forgetter import Forgetter
from piragua.upkeep.repair import QuotaRecords

_log = logging.getLogger(__name__)
_LOCK_WAIT_SECONDS = 10
_WITH_LIMIT = (State.VOLUME, State.TRASH, State.ORIGINAL)
_OUT_OF_SIGHT = "not looked at: PIRAGUA_GLUSTERD_SOCKET is set, and the files of that glusterd may be elsewhere"


@dataclass(frozen=True)
class _Volume:
    observed: Observed
    limit_bytes: int


async def quota_conf(context: CheckContext) -> list[Finding]:
    """Whether this server's quota.conf has all limits, and no others. StorageError."""
    records = context.tools.quota_records
    if records is None:
        return [
            Finding("this server knows every limit", True, _OUT_OF_SIGHT, gluster_volume=context.name),
            Finding("no stale limits", True, _OUT_OF_SIGHT, gluster_volume=context.name),
        ]
    gfids = await _gfids(context)
    return [await _knows_all(context, records, gfids), await _none_is_stale(context, records, gfids)]


async def _gfids(context: CheckContext) -> dict[str, Observed]:
    """All directories that are there, by gfid (32 hex digits)."""
    progress = Progress(f"reading gfids of {context.name}", len(context.all_observed))
    found: dict[str, Observed] = {}
    for observed in context.of(*State):
        try:
            found[await context.mounted.gfid(observed.volume_id)] = observed
        except StorageError as error:  # purged meanwhile, or a file with a volume's name
            _log.debug("%s has no gfid: %s", observed.volume_id, error)
        progress.step()
    return found


async def _knows_all(context: CheckContext, records: QuotaRecords, gfids: dict[str, Observed]) -> Finding:
    name = "this server knows every limit"
    unknown = gfids.keys() - await records.limited_gfids(context.name)
    suspects = {gfids[each].volume_id: each for each in unknown if gfids[each].state in _WITH_LIMIT}
    lacking: dict[str, _Volume] = {}
    again = await context.again(suspects)
    known = await records.limited_gfids(context.name)
    for volume_id, observed in again.items():
        limit_bytes = await context.mounted.limit(volume_id)
        if limit_bytes is not None and observed.state in _WITH_LIMIT and suspects[volume_id] not in known:
            lacking[volume_id] = _Volume(observed, limit_bytes)
    if not lacking:
        return Finding(name, True, "yes", gluster_volume=context.name)

    async def set_again(volume_id: str) -> None:
        await _set_again(context, lacking[volume_id])

    async def run() -> None:
        await for_each(f"setting limits again on {context.name}", sorted(lacking), set_again)

    return Finding(
        name,
        False,
        f"its quota.conf lacks {len(lacking)}, as when its glusterd was down; bricks enforce them all the same",
        "",
        context.name,
        tuple(f"{called(each.observed)}: {each.limit_bytes} bytes" for _, each in sorted(lacking.items())),
        Fix("sets each limit again as it is, which makes every server note it", run),
    )


async def _set_again(context: CheckContext, volume: _Volume) -> None:
    mounted, volume_id = context.mounted, volume.observed.volume_id
    async with mends.locked(mounted, volume_id, wait_seconds=_LOCK_WAIT_SECONDS) as now:
        limit_bytes = await mounted.limit(volume_id)
        if limit_bytes is not None and now.state in _WITH_LIMIT:
            await mends.set_limit_again(mounted, context.tools.limits, now, limit_bytes)
            _log.warning("volume %s: its limit of %d bytes was set again", volume_id, limit_bytes)


async def _none_is_stale(context: CheckContext, records: QuotaRecords, gfids: dict[str, Observed]) -> Finding:
    name = "no stale limits"
    stale = sorted(await _stale(context, records, gfids))
    if not stale:
        return Finding(name, True, "yes", gluster_volume=context.name)

    async def remove(gfid: str) -> None:
        await _remove(context, records, gfid)

    async def run() -> None:
        await for_each(f"removing stale limits on {context.name}", stale, remove)

    return Finding(
        name,
        False,
        f"its quota.conf keeps {len(stale)} of directories that are gone; `quota list` may print nothing at all",
        "",
        context.name,
        tuple(f"gfid {each}" for each in stale),
        Fix("makes an empty directory with each gfid, and removes its limit and then the directory", run),
    )


async def _stale(context: CheckContext, records: QuotaRecords, gfids: dict[str, Observed]) -> set[str]:
    """gfids in quota.conf that nothing on the Gluster volume has.

    A purge removes the record before the directory: what was missing counts only if the record is still there.
    """
    missing = [
        each
        for each in await records.limited_gfids(context.name) - gfids.keys()
        if not await context.mounted.blocking(partial(_exists, context, each))
    ]
    return set(missing) & await records.limited_gfids(context.name) if missing else set()


def _exists(context: CheckContext, gfid: str) -> bool:
    """Asked of the bricks first: through the mount, the question puts a directory on bricks that were added."""
    return has_gfid(context.bricks, gfid) or lost_gfid.exists(context.mounted.handle, gfid)


async def _remove(context: CheckContext, records: QuotaRecords, gfid: str) -> None:
    """If this ends half-way, what is left is an empty directory, which a sweep forgets in the same order."""
    if gfid not in await _stale(context, records, {}):
        raise Conflict(f"gfid {gfid} is not stale any more")
    volume_id = uuid4().hex
    lock = await context.mounted.take_id(volume_id, timeout_seconds=0)
    try:
        make = partial(lost_gfid.make_directory, context.mounted.handle, gfid, volume_id)
        await context.mounted.blocking(make)
        forgetter = Forgetter(context.tools.limits, context.tools.pool_health)
        await forgetter.forget(context.mounted, volume_id, lock)
        _log.warning("the stale limit of gfid %s was removed from the quota.conf of every server", gfid)
    finally:
        await lock.release()
