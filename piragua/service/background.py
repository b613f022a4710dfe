"""What runs beside the requests, for as long as the instance lives."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import anyio

from piragua.errors import PiraguaError
from piragua.service.core_parts import CoreParts
from piragua.tree.mount import Mount

_log = logging.getLogger(__name__)
_AGAIN_SECONDS = 1
_LAST_NOTICE_SECONDS = 5


@asynccontextmanager
async def running(
    parts: CoreParts,
    keeps: Sequence[Callable[[], Awaitable[None]]],
    *,
    mount_check_seconds: float,
    shutdown_timeout_seconds: float,
) -> AsyncIterator[None]:
    """Mounts, lists, purges and sweeps until the end, and then takes away what was mounted.

    keeps: what front-ends keep running. shutdown_timeout_seconds: how long long work that runs gets at the end.
    """
    core = parts.core
    async with anyio.create_task_group() as background:
        for each in parts.backends.values():
            background.start_soon(keep_mounted, each.mount, mount_check_seconds)
            background.start_soon(for_ever, each.inventory.keep)
            background.start_soon(for_ever, each.backend.purger.keep)
            background.start_soon(for_ever, each.sweep.keep)
            background.start_soon(for_ever, each.usage.keep)
            background.start_soon(for_ever, each.watch.keep)
        for keep in (core.devices.keep, core.across_instances.keep, *keeps):
            background.start_soon(for_ever, keep)
        try:
            async with core.operations.open(shutdown_timeout_seconds=shutdown_timeout_seconds):
                yield
        finally:
            with anyio.CancelScope(shield=True):
                with anyio.move_on_after(_LAST_NOTICE_SECONDS):
                    await core.across_instances.tell()
                background.cancel_scope.cancel()
                await _close(parts)


async def for_ever(keep: Callable[[], Awaitable[None]]) -> None:
    """Does it again when it ends, be it by a bug, which must not end all the rest."""
    while True:
        try:
            await keep()
        except PiraguaError as error:
            _log.warning("work in the background stopped, and begins again: %s", error)
        except Exception:
            _log.exception("work in the background stopped for a reason that is a bug; it begins again")
        await anyio.sleep(_AGAIN_SECONDS)


async def keep_mounted(mount: Mount, check_seconds: float) -> None:
    """Looks at the mount so often, and mends it; never returns."""

    async def keep() -> None:
        while True:
            await mount.check()
            await anyio.sleep(check_seconds)

    await for_ever(keep)


async def _close(parts: CoreParts) -> None:
    backends = parts.backends.values()
    for mount in (*(each.usage.mount for each in backends), *(each.mount for each in backends)):
        try:
            await mount.close()
        except PiraguaError as error:
            _log.error("%s", error)
    await parts.pool.gluster.aclose()
