"""Limits of volumes: set through the `gluster` program, one command at a time, and read back."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Protocol

import anyio

from piragua.errors import Conflict, GlusterBusy, LimitNotSet, MountError
from piragua.gluster.history import Backoff
from piragua.models import NO_BOUNDS, Bounds, dashed
from piragua.tree.proven_mount import ProvenMount

_log = logging.getLogger(__name__)
_LONGEST_PAUSE_SECONDS = 0.2
_SOME_FILES = 1000


class QuotaCommands(Protocol):
    """The part of `piragua.gluster.gluster.Gluster` that is needed here."""

    def wait_for_turn(self) -> AbstractContextManager[None]:
        """Around the wait for the turn, which is counted."""

    async def set_limit(self, volume: str, path: str, size_bytes: int, *, soft_percent: int | None = None) -> None:
        """`gluster volume quota V limit-usage PATH BYTES [PERCENT]`."""

    async def remove_limit(self, volume: str, path: str) -> bool:
        """`gluster volume quota V remove PATH`; False when there was none."""

    async def set_files_limit(self, volume: str, path: str, files: int) -> None:
        """`gluster volume quota V limit-objects PATH FILES`."""

    async def remove_files_limit(self, volume: str, path: str) -> bool:
        """`gluster volume quota V remove-objects PATH`; False when there was none."""

    async def limit(self, volume: str, path: str) -> int | None:
        """`gluster volume quota V list PATH`."""

    async def used_bytes(self, volume: str, path: str) -> int:
        """What the same says of the use."""


async def _nothing() -> None:
    return None


class Limits:
    """Sets and removes limits on `/<id>`, one at a time with all other instances.

    queue_seconds: how long a command may wait for those before it here; turn_timeout_seconds: for other
    instances. read_back_seconds: how long a limit that was set may take to be seen through the mount.
    backoff is asked before each command, with the quota lock held, so that all instances leave the gap.
    """

    def __init__(
        self,
        gluster: QuotaCommands,
        backoff: Backoff | None = None,
        *,
        queue_seconds: float = 600,
        lock_timeout_seconds: float = 60,
        read_back_seconds: float = 5,
    ) -> None:
        self._gluster = gluster
        self._backoff = backoff
        self._queue_seconds = queue_seconds
        self._lock_timeout_seconds = lock_timeout_seconds
        self._read_back_seconds = read_back_seconds

    async def set(
        self,
        mounted: ProvenMount,
        volume_id: str,
        size_bytes: int,
        *,
        bounds: Bounds = NO_BOUNDS,
        allowed: Callable[[], Awaitable[None]] = _nothing,
        counted: Callable[[], Awaitable[None]] = _nothing,
        all_is_well: Callable[[], Awaitable[bool]] | None = None,
        read: Callable[[], Awaitable[int | None]] | None = None,
    ) -> None:
        """The limit of that volume is size_bytes when this returns, and bounds hold; a bound on files never ends.

        allowed is asked while the lock is held, and raises what speaks against it (the sum of limits); counted
        is done before the lock is free, so that the next one's sum has the new size in it. When the limit reads
        back differently, all_is_well decides whether the command's own success counts. read gives the limit in
        bytes, for who has more to look at; asked last, and whatever it raises is raised.
        Raises LimitNotSet, GlusterBusy, GlusterTimeout (it may still happen), GlusterError and MountError.
        """
        path = f"/{dashed(volume_id)}"
        async with self._quota_lock(mounted, path):
            await allowed()
            if bounds.files is not None:  # first: what has its size is complete, also for who finds it later
                await self._gluster.set_files_limit(mounted.gluster_volume, path, bounds.files)
            await self._gluster.set_limit(
                mounted.gluster_volume, path, size_bytes, soft_percent=bounds.soft_percent
            )
            await counted()
        seen = await self._read_back(read or partial(self._see, mounted, volume_id), size_bytes)
        if seen != size_bytes:
            if all_is_well is not None and not await all_is_well():
                _log.warning("the limit of %s reads back as %s while the pool is not well", volume_id, seen)
                return
            raise LimitNotSet(f"the limit of {path} was set to {size_bytes} bytes and reads back as {seen}")

    async def remove(
        self,
        mounted: ProvenMount,
        volume_id: str,
        *,
        files: bool = False,
        allowed: Callable[[], Awaitable[None]] = _nothing,
    ) -> None:
        """No peer's quota.conf knows the directory when this returns; it must still be there.

        Setting a limit first makes a peer that has missed it forget it as well (glusterfs 10.3). Nobody waits
        for it: what makes volumes goes first. files: its files may be limited, too. allowed is asked while the
        lock is held, and raises what speaks against it.
        """
        path = f"/{dashed(volume_id)}"
        async with self._quota_lock(mounted, path, urgent=False):
            await allowed()
            if files:
                await self._gluster.set_files_limit(mounted.gluster_volume, path, _SOME_FILES)
                await self._gluster.remove_files_limit(mounted.gluster_volume, path)
            await self._gluster.set_limit(mounted.gluster_volume, path, 2**30)
            await self._gluster.remove_limit(mounted.gluster_volume, path)

    async def used_bytes(self, mounted: ProvenMount, volume_id: str) -> int:
        """What the volume holds, as quota counts it, over its limit too. GlusterError when it is not there."""
        return await self._gluster.used_bytes(mounted.gluster_volume, f"/{dashed(volume_id)}")

    @asynccontextmanager
    async def _quota_lock(self, mounted: ProvenMount, path: str, *, urgent: bool = True) -> AsyncIterator[None]:
        """GlusterBusy when it does not come."""
        lock = mounted.quota_lock(
            queue_seconds=self._queue_seconds, timeout_seconds=self._lock_timeout_seconds, urgent=urgent
        )
        async with AsyncExitStack() as held:
            with self._gluster.wait_for_turn():
                try:
                    await held.enter_async_context(lock)
                except Conflict as error:
                    argv = ("volume", "quota", mounted.gluster_volume, "limit-usage", path)
                    raise GlusterBusy(argv, 0, str(error)) from error
                if self._backoff is not None:
                    await self._backoff.let_in()
            yield

    async def _read_back(self, read: Callable[[], Awaitable[int | None]], size_bytes: int) -> int | None:
        deadline = anyio.current_time() + self._read_back_seconds
        pause_seconds = 0.02
        while True:
            seen = await read()
            if seen == size_bytes or anyio.current_time() > deadline:
                return seen
            await anyio.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)

    async def _see(self, mounted: ProvenMount, volume_id: str) -> int | None:
        try:
            return await mounted.limit(volume_id)
        except MountError as error:
            raise LimitNotSet(f"the limit cannot be read back: {error}") from error
