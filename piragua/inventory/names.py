"""Who has a name, where a crash may have left its file behind: one that is empty, or one of a volume that is gone.

Both functions are for who holds the name's lock, or takes it here: a file that is being written is empty, too.
"""

from piragua.errors import Conflict, NameInUse
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.states import DELETED, State

_LOCK_WAIT_SECONDS = 1


async def is_taken(mounted: ProvenMount, holder: str) -> bool:
    """Whether the id in a name's file still needs it: in work, a volume, or unclear.

    Without an id in it ("") the maker of the file died between two steps, before its volume had the name.
    """
    if not holder:
        return False
    if await mounted.id_is_held(holder):
        return True
    return (await mounted.observe(holder)).state not in DELETED | {State.ABSENT}


async def publish_left(mounted: ProvenMount, volume_id: str, name: str) -> None:
    """Publishes what its maker left complete, and whose lock the caller holds.

    NameInUse when another volume has the name, Conflict while somebody works on that.
    """
    try:
        lock = await mounted.take_name(name, timeout_seconds=_LOCK_WAIT_SECONDS)
    except NameInUse:
        raise Conflict(f"another operation works on the name {name}") from None
    try:
        holder = await mounted.holder_of(name)
        if holder not in (None, volume_id) and not await is_taken(mounted, holder or ""):
            await mounted.release_name(name, holder or "")
        await lock.require()
        await mounted.publish(volume_id, name)
    finally:
        await lock.release()
