"""The parts of an instance in the test's own process: its times as short as a test wants, its steps one by one.

They work on a mount of the test's own, like any other instance on that Gluster volume.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import anyio
import httpx
from fastapi import FastAPI

from lab.private_gluster import Node
from piragua.config import ConfiguredVolume, Settings
from piragua.errors import GlusterError
from piragua.frontends import registry
from piragua.frontends.application import application
from piragua.gluster.gluster import Gluster
from piragua.gluster.quota_conf import limited
from piragua.inventory.inventory import Inventory
from piragua.inventory.usage import UsageGatherer
from piragua.mounting import glusterfs
from piragua.operations.operations import Operations
from piragua.pool.health import PoolHealth
from piragua.quota.limits import Limits
from piragua.service.backend_parts import PoolParts, Timing, topology_of
from piragua.service.core_parts import CoreParts, core_parts
from piragua.status.counters import Counters
from piragua.status.health import InstanceHealth
from piragua.tree.mount import Mount
from piragua.tree.proven_mount import ProvenMount
from piragua.upkeep.purging.purger import Purger
from piragua.upkeep.sweep import Sweep
from piragua.volumes.volumes import Volumes
from tests.support.pool import GlusterVolume

SETTLED_SECONDS = 600


@dataclass
class Clock:
    """Both of the clocks that a core looks at: the machine's, and what the test lets pass."""

    ahead_seconds: float = 0

    @property
    def time(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead_seconds)

    @property
    def monotonic_seconds(self) -> float:
        return time.monotonic() + self.ahead_seconds

    def pass_by(self, seconds: float) -> None:
        self.ahead_seconds += seconds


class QuotaConfOf:
    """A node's own quota.conf, read from outside of the node."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def limited_gfids(self, volume: str) -> frozenset[str]:
        """gfids (32 hex digits) of all directories with a limit that this node has on record."""
        path = self._node.root / f"var/lib/glusterd/vols/{volume}/quota.conf"
        try:
            return limited(path.read_bytes())
        except OSError as error:
            raise GlusterError((), 0, str(error)) from error


@dataclass
class Core:
    """What runs, with the parts that tests call. Only `sweep.sweep()` sweeps, only `usage.gather()` gathers."""

    mount: Mount
    inventory: Inventory
    purger: Purger
    sweep: Sweep
    volumes: Volumes
    usage: UsageGatherer
    limits: Limits
    operations: Operations
    app: FastAPI
    clock: Clock
    http: httpx.AsyncClient

    @property
    def mounted(self) -> ProvenMount:
        return self.mount.current()

    async def sweep_twice(self) -> None:
        """Two sweeps, so far apart that what did not change in between counts as settled."""
        await self.sweep.sweep()
        self.clock.pass_by(SETTLED_SECONDS + 1)
        await self.sweep.sweep()

    async def ended(self, accepted: httpx.Response) -> httpx.Response:
        """The last answer about an operation that was accepted; each poll is held for a while."""
        with anyio.fail_after(60):
            while "x-pending" in (told := await self.http.get(accepted.headers["location"])).headers:
                pass
        return told

    async def until_absent(self, *volume_ids: str, timeout_seconds: float = 30) -> None:
        """Waits until the purger has taken them away."""
        with anyio.fail_after(timeout_seconds):
            while set(volume_ids) & await self.mounted.ids_in_root():
                await anyio.sleep(0.02)


def gluster_on(node: Node) -> Gluster:
    """Asks Gluster from inside of the node: some commands read files at stock paths."""
    assert node.folder is not None
    program = node.folder / "gluster-from-outside"
    namespaces = "--net --mount --uts --ipc --pid --root"
    program.write_text(f'#!/bin/sh\nexec nsenter --target={node.pid} {namespaces} --wd=/ -- gluster "$@"\n')
    program.chmod(0o755)
    return Gluster(program=str(program))


@asynccontextmanager
async def running_core(
    volume: GlusterVolume,
    folder: Path,
    *,
    node: int = 0,
    purges: bool = True,
    relist_seconds: float = 600,
    wait_seconds: float = 20,
    retention_seconds: float = 0,
    max_operations: int = 1000,
    hold_seconds: float = 5,
    request_timeout_seconds: float = 30,
) -> AsyncIterator[Core]:
    """A core on the Gluster volume that is mounted at folder, asking that node's Gluster.

    purges False: nothing is purged but what the test purges.
    """
    clock = Clock()
    parts = _parts(
        volume,
        folder,
        node,
        Timing(
            topology_max_age_seconds=0,
            list_again_seconds=relist_seconds,
            list_wait_seconds=wait_seconds,
            list_retry_seconds=0.1,
            purge_pause_seconds=0.2,
            purge_turn_seconds=0.5,
            purge_stanch_seconds=0.3,
            sweep_settled_seconds=SETTLED_SECONDS,
            sweep_pace_seconds=0,
            sweep_rests=0,
            poll_hold_seconds=hold_seconds,
            notice_seconds=0.1,
            now=lambda: clock.time,
            monotonic_seconds=lambda: clock.monotonic_seconds,
        ),
        retention_seconds=retention_seconds,
        max_operations=max_operations,
    )
    core, each = parts.core, parts.backends[volume.name]
    core = replace(core, health=cast(InstanceHealth, _Well()))
    app = application(
        core,
        registry.front_ends(core, _settings(volume, folder)),
        request_timeout_seconds=request_timeout_seconds,
    )
    inventory, purger, operations = each.inventory, each.backend.purger, core.operations
    mount, gluster = each.mount, parts.pool.gluster
    await mount.check()
    try:
        async with anyio.create_task_group() as background:
            background.start_soon(inventory.keep)
            background.start_soon(core.devices.keep)
            background.start_soon(core.across_instances.keep)
            if purges:
                background.start_soon(purger.keep)
            async with operations.open(shutdown_timeout_seconds=10), _client(app) as http:
                yield Core(
                    mount,
                    inventory,
                    purger,
                    each.sweep,
                    core.volumes,
                    each.usage,
                    parts.pool.limits,
                    operations,
                    app,
                    clock,
                    http,
                )
            background.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise _first_of(group) from None
    finally:
        await each.usage.mount.close()
        await gluster.aclose()


@asynccontextmanager
async def mounted_at(volume: GlusterVolume, folder: Path) -> AsyncIterator[ProvenMount]:
    """Only the tree, on the Gluster volume that is mounted at folder."""
    mount = _mount(volume.name, folder)
    await mount.check()
    yield mount.current()


def make_own_files(volume: GlusterVolume, folder: Path) -> None:
    """Piragua's own files on the Gluster volume that is mounted at folder, as the first instance makes them."""

    async def make() -> None:
        async with mounted_at(volume, folder):
            pass

    anyio.run(make)


def uncached_mount(volume: GlusterVolume, node: int = 0) -> Path:
    """Mounts the whole Gluster volume with the options of Piragua's own mounts; returns the folder."""
    return volume.mount(node, glusterfs.OPTIONS)


def _first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What the test itself raised, without the task groups that it came through."""
    first = group.exceptions[0]
    return _first_of(first) if isinstance(first, BaseExceptionGroup) else first


def _mount(gluster_volume: str, folder: Path) -> Mount:
    async def servers() -> list[str]:
        return []

    return Mount(gluster_volume, str(folder), own=False, servers=servers)


class _Well:
    """Nothing is ever wrong: mounts are not looked at here."""

    async def problems(self) -> list[str]:
        return []


def _settings(volume: GlusterVolume, folder: Path, **more: Any) -> Settings:
    """No tokens; what is mounted by itself lies beside the folder."""
    return Settings(
        volumes=(ConfiguredVolume(volume.name, folder),),
        mount_root=folder.with_name(f"own-{uuid4().hex}"),
        disable_auth=True,
        **more,
    )


def _parts(
    volume: GlusterVolume,
    folder: Path,
    node: int,
    timing: Timing,
    *,
    retention_seconds: float,
    max_operations: int,
) -> CoreParts:
    """What the service builds, asking that node's Gluster from outside of it."""
    server = volume.pool.nodes[node]
    settings = _settings(
        volume, folder, trash_retention_seconds=int(retention_seconds), max_operations=max_operations
    )
    gluster = gluster_on(server)

    async def servers_of(gluster_volume: str) -> list[str]:
        return [server.address]

    pool = PoolParts(
        gluster,
        topology_of(settings, gluster, timing),
        Limits(gluster),
        PoolHealth(gluster),
        QuotaConfOf(server),
        servers_of,
    )
    return core_parts(settings, pool, Counters(), timing, failure_text=registry.failure_text)


def _client(app: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url="http://piragua", timeout=60)
