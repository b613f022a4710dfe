"""Changing a volume's labels: one rewrite of its record, under its lock."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from piragua.errors import Conflict
from piragua.inventory import labels
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.states import State
from piragua.volumes.shown import record_of, require_usable

ChangeLabels = Callable[[Mapping[str, str]], Mapping[str, str]]
"""From the labels that are set to those that shall be."""

_LOCK_WAIT_SECONDS = 10


async def relabel(mounted: ProvenMount, volume_id: str, change: ChangeLabels) -> None:
    """The labels are what change makes of them when this returns.

    NotFound, Conflict (somebody else works on the volume), InvalidRequest (no labels, or too many for the
    record), NotReady, StorageError. Nothing is changed then.
    """
    lock = await mounted.take_id(volume_id, timeout_seconds=_LOCK_WAIT_SECONDS)
    try:
        observed = await mounted.observe(volume_id)
        require_usable(observed)
        before = await record_of(observed, mounted, change=True)
        after = replace(before, labels=labels.checked(change(before.labels))).shortened()
        after.require_room()
        if observed.record is not None and after == before:
            return
        await lock.require()
        if (now := await mounted.observe(volume_id)) != observed:
            raise Conflict(f"volume {volume_id} was changed meanwhile: it is {now.state.value}")
        if observed.state is State.ORIGINAL:
            await mounted.mark_published(volume_id)
        await mounted.write_record(volume_id, after)
    finally:
        await lock.release()
