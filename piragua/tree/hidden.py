"""Data directories that a brick still has and no listing shows, so that `/<id>` cannot be removed.

glusterfs 10.3: a listing shows the directories of the one brick that their name belongs to. When a removal got to
that brick and not to others, as while bricks come and go, the rest is out of sight for good. A lookup by name
through a client without lookup-optimize brings it back, on all bricks.
"""

from functools import partial

import anyio

from piragua.tree import directories
from piragua.tree.mount import Mount


class Hidden:
    """Brings such directories to sight. mount: one for that alone, with `mounts.LOOKS_EVERYWHERE`."""

    def __init__(self, mount: Mount) -> None:
        self._mount = mount
        self._turn = anyio.Lock()

    async def bring_to_sight(self, volume_id: str, name: str) -> bool:
        """Looks for that data directory on all bricks; whether it was there. MountError.

        Mounts for it, and takes the mount away: it is needed once in a storm.
        """
        async with self._turn:
            try:
                await self._mount.check()
                mounted = self._mount.current()
                look_up = partial(directories.has_data, mounted.handle, volume_id, name)
                return await mounted.blocking(look_up)
            finally:
                with anyio.CancelScope(shield=True):
                    await self._mount.close()
