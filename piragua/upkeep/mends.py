"""Mending one volume: the steps that Piragua takes by itself and those of `piragua check --fix` are the same.

Each is for who holds the volume's lock and has looked once more (`locked`), and who then says what was done.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from piragua.quota.limits import Limits
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.record import Record
from piragua.tree.states import Observed, State


@asynccontextmanager
async def locked(mounted: ProvenMount, volume_id: str, *, wait_seconds: float) -> AsyncIterator[Observed]:
    """How the volume is now, with its lock held inside. Conflict while another works on it, MountError."""
    lock = await mounted.take_id(volume_id, timeout_seconds=wait_seconds)
    try:
        yield await mounted.observe(volume_id)
    finally:
        await lock.release()


async def give_back_modes(mounted: ProvenMount, now: Observed) -> bool:
    """Owner and mode of a volume's directories, as its record says; False: it is no such volume. MountError."""
    if now.state is not State.VOLUME or now.record is None:
        return False
    await mounted.give_back_modes(now.volume_id, now.record)
    return True


async def set_limit_again(mounted: ProvenMount, limits: Limits, now: Observed, size_bytes: int) -> None:
    """Its limit, and the bounds of its record, on the bricks and in every peer's quota.conf. As `Limits.set`."""
    await limits.set(mounted, now.volume_id, size_bytes, bounds=now.bounds)


async def adopt_limit(mounted: ProvenMount, volume_id: str, record: Record, limit_bytes: int) -> None:
    """The record says the limit that is there: of an expand that died, or an administrator's own. MountError."""
    await mounted.write_record(volume_id, replace(record, size_bytes=limit_bytes).shortened())
