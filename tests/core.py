"""The parts of an instance in the test's own process: its times as short as a test wants, its steps one by one.

They work on a mount of the test's own, like any other instance on that Gluster volume.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import anyio
import httpx
from fastapi import FastAPI
from private_gluster import Node

from piragua.backup.save import Backup
from piragua.check.examination import Examination
from piragua.core import Administration, Inspection
from piragua.core import Volumes as FrontVolumes
from piragua.errors import GlusterError
from piragua.frontends.metrics.pool import Pool
from piragua.frontends.metrics.scrape import Scrape
from piragua.frontends.v1.core import Volumes as MoreOfVolumes
from piragua.frontends.v1.router import extensions_router
from piragua.gluster.gluster import Gluster
from piragua.gluster.quota_conf import limited
from piragua.http.app import build_app
from piragua.inventory.inventory import Inventory
from piragua.inventory.usage import UsageGatherer
from piragua.log.setup import LogLevel
from piragua.models import Outcome
from piragua.mounting import glusterfs
from piragua.operations.across_instances import OperationsAcrossInstances
from piragua.operations.ids import OperationId
from piragua.operations.job import Job, Journal
from piragua.operations.operations import Operations
from piragua.pool.devices import Devices
from piragua.pool.health import PoolHealth
from piragua.pool.requirements import require_limits
from piragua.pool.topology import Topology
from piragua.quota.limits import Limits
from piragua.shared_settings.flags import FlagStore
from piragua.shared_settings.modes import Modes
from piragua.shared_settings.tags import TagStore
from piragua.status.counters import Counters
from piragua.tree.hidden import Hidden
from piragua.tree.mount import Mount
from piragua.tree.proven_mount import ProvenMount
from piragua.upkeep.purging.purger import Purger
from piragua.upkeep.repair import Repair
from piragua.upkeep.sweep import Sweep
from piragua.volumes.backend import Backend
from piragua.volumes.listing import Listing
from piragua.volumes.trash import Trash
from piragua.volumes.volumes import Volumes
from tests.pool import GlusterVolume

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
    server = volume.pool.nodes[node]
    gluster, clock = gluster_on(server), Clock()
    mount = _mount(volume.name, folder)
    inventory = Inventory(mount, relist_seconds=relist_seconds, wait_seconds=wait_seconds, retry_seconds=0.1)
    limits, pool_health = Limits(gluster), PoolHealth(gluster)
    purger = Purger(
        mount,
        limits,
        pool_health,
        pause_seconds=0.2,
        turn_seconds=0.5,
        stanch_seconds=0.3,
        hidden=Hidden(_own_mount(volume, folder, node, options=glusterfs.LOOKS_EVERYWHERE)),
        now=lambda: clock.time,
    )
    topology = Topology(gluster, [volume.name], {}, max_age_seconds=0)
    repair = Repair(topology, QuotaConfOf(server), limits, pool_health)
    sweep = Sweep(
        inventory,
        purger,
        repair,
        settled_seconds=SETTLED_SECONDS,
        pace_seconds=0,
        rests=0,
        now=lambda: clock.time,
        monotonic=lambda: clock.monotonic_seconds,
    )
    backend = Backend(volume.name, inventory, limits, pool_health, purger)
    volumes = Volumes({volume.name: backend}, topology, retention_seconds=retention_seconds)

    async def journal_of(gluster_volume_id: str) -> Journal:
        return (await volumes.backend_of(gluster_volume_id)).mounted()

    async def verdict(operation: OperationId) -> Outcome:
        return await volumes.verdict(
            operation.kind, operation.gluster_volume_id, operation.volume_id, operation.nonce
        )

    async def problems() -> list[str]:
        return []

    operations = Operations(journal_of, verdict, limit=max_operations, hold_seconds=hold_seconds)
    devices = Devices(gluster, topology, [volume.name])
    across_instances = OperationsAcrossInstances(
        operations, {volume.name: mount}, volumes.gluster_volume_of, sweep.wake, tell_seconds=0.1
    )
    usage = UsageGatherer(inventory, _own_mount(volume, folder, node, counting=True), topology)
    front_volumes: FrontVolumes[Job] = volumes
    more_of_volumes: MoreOfVolumes[Job] = volumes
    app = build_app(
        front_volumes,
        operations,
        topology,
        None,
        health=problems,
        administration=Administration(
            devices,
            TagStore([mount]),
            FlagStore({volume.name: mount}),
            Modes([mount]),
            across_instances,
            LogLevel(),
        ),
        inspection=Inspection(
            Examination({volume.name: inventory}, topology, gluster, require=require_limits),
            Backup({volume.name: inventory}, topology),
            Scrape(Pool({volume.name: inventory}, topology, devices, across_instances), Counters()).text,
        ),
        extensions=[
            extensions_router(
                Trash({volume.name: backend}, volumes),
                more_of_volumes,
                Listing({volume.name: inventory}, {volume.name: usage}, volumes),
                operations,
                across_instances,
                with_tokens=False,
            )
        ],
        request_timeout_seconds=request_timeout_seconds,
    )
    await mount.check()
    try:
        async with anyio.create_task_group() as background:
            background.start_soon(inventory.keep)
            background.start_soon(devices.keep)
            background.start_soon(across_instances.keep)
            if purges:
                background.start_soon(purger.keep)
            async with operations.open(shutdown_timeout_seconds=10), _client(app) as http:
                yield Core(mount, inventory, purger, sweep, volumes, usage, limits, operations, app, clock, http)
            background.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise _first_of(group) from None
    finally:
        await usage.mount.close()
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


def _own_mount(
    volume: GlusterVolume, folder: Path, node: int, *, options: str = glusterfs.OPTIONS, counting: bool = False
) -> Mount:
    """One that the core makes where it needs it."""
    path = folder.with_name(f"own-{uuid4().hex}")

    async def servers() -> list[str]:
        return [volume.pool.nodes[node].address]

    return Mount(
        volume.name, str(path), own=True, servers=servers, options=options, sets_up=False, counting=counting
    )


def _client(app: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url="http://piragua", timeout=60)
