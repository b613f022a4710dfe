"""Whether this instance can do its work now."""

from collections.abc import Sequence

import anyio

from piragua.errors import StorageError
from piragua.pool.requirements import require_limits
from piragua.pool.topology import Topology
from piragua.quota.watch import QuotaWatch
from piragua.tree.mount import Mount


class InstanceHealth:
    """Asks mounts, watches and Gluster. timeout_seconds: how long glusterd may take for its part."""

    def __init__(
        self,
        mounts: Sequence[Mount],
        watches: Sequence[QuotaWatch],
        topology: Topology,
        *,
        timeout_seconds: float = 3,
    ) -> None:
        self._mounts = mounts
        self._watches = watches
        self._topology = topology
        self._timeout_seconds = timeout_seconds

    async def problems(self) -> list[str]:
        """Why the work cannot be done now, one sentence each; empty when it can."""
        found = [mount.problem for mount in self._mounts if mount.problem]
        found += [f"{m.stuck_calls} file calls hang on {m.path}" for m in self._mounts if m.stuck_calls]
        found += [
            f"the turn for quota commands on {m.gluster_volume} does not come: another instance has it"
            for m in self._mounts
            if m.stuck_waits
        ]
        found += [watch.problem for watch in self._watches if watch.problem]
        try:
            with anyio.fail_after(self._timeout_seconds):
                for gluster_volume in await self._topology.gluster_volumes():
                    require_limits(gluster_volume)
        except StorageError as error:
            found.append(str(error))
        except TimeoutError:
            found.append(f"glusterd did not answer within {self._timeout_seconds:g} s")
        return found
