"""Whether all is well: the question before anything is removed for good, and before a limit is called wrong.

With glusterfs 10.3, a directory that is removed while a brick is away or being healed can come back, and a
brick that was away can show an old limit.
"""

import logging
from dataclasses import dataclass

from piragua.errors import PiraguaError
from piragua.gluster.gluster import Gluster
from piragua.models import dashed
from piragua.tree.proven_mount import ProvenMount

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Health:
    """What is not well with the whole pool, and the entries that wait to be healed."""

    problems: tuple[str, ...] = ()
    healing: frozenset[str] = frozenset()

    def problem_with(self, volume_id: str) -> str:
        """Why `/<id>` must not be removed now; "" when all is well for it."""
        if self.problems:
            return self.problems[0]
        directory = f"/{dashed(volume_id)}"
        waiting = [entry for entry in self.healing if entry == "/" or (entry + "/").startswith(directory + "/")]
        unnamed = [entry for entry in self.healing if not entry.startswith("/")]
        if waiting or unnamed:
            return f"{(waiting or unnamed)[0]} waits to be healed"
        return ""


class PoolHealth:
    """Asks Gluster and the mount; peers and heals once for a batch, connections whenever it matters."""

    def __init__(self, gluster: Gluster) -> None:
        self._gluster = gluster

    async def observe(self, mounted: ProvenMount) -> Health:
        """How the pool is now. What cannot be told counts as a problem; nothing is raised."""
        try:
            problems = await self._glusterds_away()
            problems += [
                f"this client has no connection to {name}" for name in await mounted.disconnected_bricks()
            ]
            if problems:
                return Health(tuple(problems))
            return Health((), await self._gluster.heal_pending(mounted.gluster_volume))
        except PiraguaError as error:
            return Health((f"it cannot be told whether the pool is well: {error}",))

    async def glusterd_away(self) -> str:
        """That a glusterd is not connected now, or that it cannot be told; "" when all are."""
        try:
            return next(iter(await self._glusterds_away()), "")
        except PiraguaError as error:
            return f"it cannot be told whether every glusterd is connected: {error}"

    async def _glusterds_away(self) -> list[str]:
        return [
            f"the glusterd of {peer.hostnames[0] if peer.hostnames else peer.id} is not connected"
            for peer in await self._gluster.peers()
            if not peer.connected
        ]

    async def connected(self, mounted: ProvenMount) -> bool:
        """Whether this client reaches every brick right now; False when that cannot be told."""
        try:
            return not await mounted.disconnected_bricks()
        except PiraguaError:
            return False
