"""Whose a name is, where a crash may have left its file behind: an empty one, or one of a volume that is gone.

Who frees a name holds its lock, or takes it here: a file that is being written is empty, too.
"""

from contextlib import suppress

from piragua.errors import Conflict, NameInUse
from piragua.tree.locking.async_locks import AsyncLock
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.states import DELETED, State

_LOCK_WAIT_SECONDS = 1


async def other_holder(mounted: ProvenMount, name: str, volume_id: str | None) -> str:
    """The id of another volume that has the name; "" when there is none, whatever its file says."""
    holder = await mounted.holder_of(name)
    return holder if holder and holder != volume_id and await _needs_name(mounted, holder) else ""


async def require_free(mounted: ProvenMount, name: str, volume_id: str | None = None) -> None:
    """Frees a name that a crash left behind. NameInUse when another volume than that one has it; MountError."""
    if not await _freed(mounted, name, volume_id):
        raise NameInUse(name)


async def take_free(mounted: ProvenMount, name: str, *, wait_seconds: float) -> AsyncLock:
    """The lock of a name that nobody has. NameInUse, also when another holds it for that long; MountError."""
    lock = await mounted.take_name(name, timeout_seconds=wait_seconds)
    try:
        await require_free(mounted, name)
    except BaseException:
        await lock.release()
        raise
    return lock


async def publish_left(mounted: ProvenMount, volume_id: str, name: str) -> None:
    """Publishes what its maker left complete, and whose lock the caller holds.

    NameInUse when another volume has the name, Conflict while somebody works on that.
    """
    try:
        lock = await mounted.take_name(name, timeout_seconds=_LOCK_WAIT_SECONDS)
    except NameInUse:
        raise Conflict(f"another operation works on the name {name}") from None
    try:
        await _freed(mounted, name, volume_id)
        await lock.require()
        await mounted.publish(volume_id, name)
    finally:
        await lock.release()


async def publish_again(mounted: ProvenMount, volume_id: str, name: str) -> None:
    """Publishes a volume whose marks were lost, and whose lock the caller holds. NameInUse, MountError."""
    await _freed(mounted, name, volume_id)
    await mounted.publish(volume_id, name)


async def release_left(mounted: ProvenMount, volume_id: str, name: str) -> None:
    """Frees a name that a delete or a restore which died has left with a volume, or an empty file of that name."""
    if await mounted.holder_of(name) not in (volume_id, ""):
        return
    with suppress(NameInUse):  # whoever works with that name sees for himself that it is free
        lock = await mounted.take_name(name, timeout_seconds=0)
        try:
            await mounted.release_name(name, volume_id)
            await mounted.release_name(name, "")
        finally:
            await lock.release()


async def _freed(mounted: ProvenMount, name: str, volume_id: str | None) -> bool:
    """Whether that volume, or none, has the name, once what a crash left behind is away."""
    holder = await mounted.holder_of(name)
    if holder is None or holder == volume_id:
        return True
    if holder and await _needs_name(mounted, holder):
        return False
    await mounted.release_name(name, holder)
    return True


async def _needs_name(mounted: ProvenMount, holder: str) -> bool:
    """Whether the id in a name's file still needs it: in work, a volume, or unclear.

    Without an id in it ("") the maker of the file died between two steps, before its volume had the name.
    """
    if await mounted.id_is_held(holder):
        return True
    return (await mounted.observe(holder)).state not in DELETED | {State.ABSENT}
