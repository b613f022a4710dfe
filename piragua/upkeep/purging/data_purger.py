"""Purges the data of deleted volumes."""

import errno
import logging
import math
from functools import partial

import anyio

from piragua.errors import GlusterTimeout, MountError, PiraguaError
from piragua.quota.limits import Limits
from piragua.tree.mount import Mount
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.purge import STANCHED_LIMIT_BYTES, DataPurge, write_ballast
from piragua.upkeep.purging.pace import Pace
from piragua.upkeep.purging.pause import require_running
from piragua.upkeep.purging.reasons import TurnOver
from piragua.upkeep.purging.waiting import WaitingPurges

_log = logging.getLogger(__name__)
_ENTRIES_AT_A_TIME = 100
_ENTRIES_BETWEEN_LINES = 100_000


class DataPurger:
    """Of one Gluster volume's volumes, in steps.

    turn_seconds: how long a large volume is purged while others wait. stanch_seconds: how long clients may write
    into what is purged.
    """

    def __init__(
        self,
        mount: Mount,
        limits: Limits,
        waiting: WaitingPurges,
        pace: Pace,
        *,
        turn_seconds: float,
        stanch_seconds: float,
    ) -> None:
        self._mount = mount
        self._limits = limits
        self._waiting = waiting
        self._pace = pace
        self._turn_seconds = turn_seconds
        self._stanch_seconds = stanch_seconds
        self._removed: dict[str, int] = {}
        self.entries_removed = 0

    def removed(self, volume_id: str) -> int | None:
        """How many entries of that volume were removed here; None: it was not begun."""
        return self._removed.get(volume_id)

    def drop(self, volume_id: str) -> None:
        """Nobody asks for that volume any more."""
        self._removed.pop(volume_id, None)

    async def purge(self, mounted: ProvenMount, volume_id: str) -> None:
        """Removes everything in `/<id>`; when that takes longer, nobody can make anything new in it.

        TurnOver, Paused or StorageError when something is left.
        """
        begun = anyio.current_time()
        if not await self._purge_some(mounted, volume_id, begun, stanch_after_seconds=self._stanch_seconds):
            await self._stanch(mounted, volume_id)
            await self._purge_some(mounted, volume_id, begun)

    async def _purge_some(
        self, mounted: ProvenMount, volume_id: str, begun: float, *, stanch_after_seconds: float = math.inf
    ) -> bool:
        """Removes in steps, between which others get their turn; False when it is time to stop writers."""
        data_purge = mounted.data_purge(volume_id)
        before = self._removed.get(volume_id, 0)
        try:
            while not await self._step(mounted, data_purge):
                removed = data_purge.removed
                self._count(volume_id, before + removed)
                self._mount.current()
                await require_running(mounted)
                lasted_seconds = anyio.current_time() - begun
                if lasted_seconds > self._turn_seconds and self._waiting.ready:
                    raise TurnOver(f"{removed} entries removed, and others wait")
                if lasted_seconds > stanch_after_seconds:
                    return False
                if removed > 0 and removed % _ENTRIES_BETWEEN_LINES < _ENTRIES_AT_A_TIME:
                    _log.info("purging volume %s: %d entries removed", volume_id, removed)
        except MountError as error:
            if error.errno != errno.ENOTEMPTY or stanch_after_seconds == math.inf:
                raise
            return False
        finally:
            self._count(volume_id, before + data_purge.removed)
            data_purge.close()
        return True

    def _count(self, volume_id: str, removed: int) -> None:
        """removed: all that was removed of that volume so far."""
        self.entries_removed += removed - self._removed.get(volume_id, 0)
        self._removed[volume_id] = removed

    async def _step(self, mounted: ProvenMount, data_purge: DataPurge) -> bool:
        """Removes some entries and rests; True when all is empty."""
        begun = anyio.current_time()
        is_empty = await mounted.blocking(lambda: data_purge.work(_ENTRIES_AT_A_TIME), timeout_seconds=60)
        if not is_empty:
            await self._pace.rest(anyio.current_time() - begun)
        return is_empty

    async def _stanch(self, mounted: ProvenMount, volume_id: str) -> None:
        """Makes its limit smaller than what it holds: then quota refuses every write, mkdir and create in it.

        Where that fails, purging goes on as it is. A command that timed out may still happen, and then its limit
        must not outlive the directory: GlusterTimeout.
        """
        try:
            await mounted.blocking(partial(write_ballast, mounted.handle, volume_id))
            await self._limits.set(mounted, volume_id, STANCHED_LIMIT_BYTES)
        except GlusterTimeout:
            raise
        except PiraguaError as error:
            _log.debug("writers of volume %s cannot be stopped: %s", volume_id, error)
