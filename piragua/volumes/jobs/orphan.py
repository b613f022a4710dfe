"""What becomes of a create whose owner went away, before anybody is told how it ended."""

from dataclasses import replace
from datetime import UTC, datetime

from piragua.errors import NameInUse
from piragua.inventory.names import publish_left
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.record import Deletion
from piragua.tree.states import Observed, State
from piragua.volumes.backend import Backend
from piragua.volumes.jobs.create import LATE_COMMAND_SECONDS

ORPHANS = frozenset({State.BEING_MADE, State.COMPLETE, State.GIVEN_UP, State.CLONE_GIVEN_UP})
"""States of a create or clone that is not over, as far as the tree shows it."""

_LOCK_WAIT_SECONDS = 1


async def settle(backend: Backend, mounted: ProvenMount, volume_id: str) -> Observed:
    """Publishes a create that got as far as its limit and marks one that did not as deleted; how it is then.

    The mark is needed: glusterd may still carry out the limit that the owner asked for, or the owner of a clone
    lives and has only lost its locks, and the volume would appear after it was told as failed. Conflict while
    somebody else works on it.
    """
    lock = await mounted.take_id(volume_id, timeout_seconds=_LOCK_WAIT_SECONDS)
    try:
        observed = await mounted.observe(volume_id)
        left = replace(observed, locked=False).state
        if left is State.COMPLETE and observed.record is not None:
            await publish_left(mounted, volume_id, observed.record.name)
        elif left in (State.GIVEN_UP, State.CLONE_GIVEN_UP):
            deletion = Deletion(datetime.now(UTC), LATE_COMMAND_SECONDS)
            await mounted.mark_deleted(volume_id, deletion)
            backend.purger.add_later(volume_id, deletion)
    except NameInUse:
        return observed
    finally:
        await lock.release()
    return await mounted.observe(volume_id)
