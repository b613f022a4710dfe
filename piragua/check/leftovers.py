"""What crashes left, and what a returning brick brought back: the sweep's work, done now and to its end."""

import logging

import anyio

from piragua.check.context import CheckContext, called
from piragua.check.finding import Finding, Fix
from piragua.check.progress import for_each
from piragua.errors import PiraguaError
from piragua.inventory.inventory import Inventory
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.states import SWEPT, Observed, State
from piragua.upkeep.purging.purger import Purger
from piragua.upkeep.sweep import Sweep

_log = logging.getLogger(__name__)


class _NoRepair:
    """The sweep only ends what crashes left: limits are looked after on their own."""

    async def round(self, mounted: ProvenMount) -> bool:
        """Nothing is prepared; all may be swept."""
        return True

    async def mend(self, mounted: ProvenMount, observed: Observed) -> None:
        """Volumes are left as they are."""


async def nothing_left_over(context: CheckContext) -> Finding:
    """Whether nothing is left of creates, clones and purges whose owner went away."""
    name = "nothing is left over"
    swept, returned = context.of(*SWEPT), await _returned(context)
    if not swept and not returned:
        return Finding(name, True, "yes", gluster_volume=context.name)

    async def run() -> None:
        await _purge_again(context, [observed.volume_id for observed in returned])
        if swept:
            await _sweep_twice(context, len(swept))

    what = (
        f"looks twice, {context.tools.settled_seconds:g} s apart, publishes what is complete and removes the rest"
    )
    return Finding(
        name,
        False,
        f"{len(swept) + len(returned)} directories are",
        "a service that runs ends them by itself, after ten minutes",
        context.name,
        tuple(f"{called(observed)}: {observed.state.value}" for observed in (*swept, *returned)),
        Fix(what, run),
    )


async def _returned(context: CheckContext) -> list[Observed]:
    """What has a tombstone and is there, but for what is being purged: its directory goes after the tombstone."""
    again = await context.again(observed.volume_id for observed in context.of(State.RETURNED))
    return [observed for observed in again.values() if observed.state is State.RETURNED]


async def _purge_again(context: CheckContext, ids: list[str]) -> None:
    purger = Purger(context.mount, context.tools.limits, context.tools.pool_health)
    await for_each(f"purging again on {context.name}", ids, purger.purge)


async def _sweep_twice(context: CheckContext, count: int) -> None:
    """As the service does: a lock can be lost while its owner lives, so one look proves nothing."""
    settled_seconds = context.tools.settled_seconds
    inventory = Inventory(context.mount)
    purger = Purger(context.mount, context.tools.limits, context.tools.pool_health)
    sweep = Sweep(inventory, purger, _NoRepair(), settled_seconds=settled_seconds, pace_seconds=0, rests=0)
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(inventory.keep)
            await sweep.sweep()
            _log.info("%s: what is left over is looked at again in %g s", context.name, settled_seconds)
            await anyio.sleep(settled_seconds)
            await sweep.sweep()
            group.cancel_scope.cancel()
    except* PiraguaError as several:
        raise several.exceptions[0] from None
    _log.warning("%s: %d leftovers were swept", context.name, count)
