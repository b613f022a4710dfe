"""Builds the parts from the settings and owns their life. Read this file first.

settings -> Gluster, Topology -> for each Gluster volume: Mount, Inventory, Limits, Purger, Sweep = Backend
         -> Volumes, Operations -> the Heketi front-end, which `piragua.service.serving` listens for
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

import anyio
from pydantic import SecretBytes

from piragua import core
from piragua.backup.save import Backup
from piragua.check.examination import Examination
from piragua.config import ConfiguredVolume, Settings
from piragua.errors import PiraguaError, StorageError
from piragua.frontends.metrics.pool import Pool
from piragua.frontends.metrics.quotad import QuotaDaemons
from piragua.frontends.metrics.scrape import Scrape
from piragua.frontends.metrics.volumes import VolumeSamples
from piragua.frontends.v1 import core as extensions_core
from piragua.frontends.v1.router import extensions_router
from piragua.frontends.v1.status_routes import status_router
from piragua.gluster.gluster import Gluster
from piragua.gluster.history import Backoff
from piragua.gluster.quota_conf import QuotaConf
from piragua.http.app import build_app
from piragua.http.tokens import Keys
from piragua.inventory.inventory import Inventory
from piragua.inventory.usage import UsageGatherer
from piragua.log import setup
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
from piragua.quota.watch import QuotaWatch
from piragua.shared_settings.flags import FlagStore
from piragua.shared_settings.modes import Modes
from piragua.shared_settings.tags import TagStore
from piragua.status.counters import Counters
from piragua.status.instance import Instance
from piragua.tree.hidden import Hidden
from piragua.tree.mount import Mount
from piragua.upkeep.purging.purger import Purger
from piragua.upkeep.repair import NoRecords, Repair
from piragua.upkeep.sweep import Sweep
from piragua.volumes.backend import Backend
from piragua.volumes.listing import Listing
from piragua.volumes.trash import Trash
from piragua.volumes.volumes import Volumes

_log = logging.getLogger(__name__)
_AGAIN_SECONDS = 1


class Service:
    """All parts of one instance. `running` keeps them alive; `app` answers requests meanwhile.

    mount_check_seconds: how often mounts are looked at. health_timeout_seconds: how long glusterd may take for
    its part of GET /health. shutdown_timeout_seconds: how long running work gets.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        mount_check_seconds: float = 2,
        health_timeout_seconds: float = 3,
        shutdown_timeout_seconds: float = 60,
    ) -> None:
        self._settings = settings
        self._mount_check_seconds = mount_check_seconds
        self._health_timeout_seconds = health_timeout_seconds
        self._shutdown_timeout_seconds = shutdown_timeout_seconds
        own_socket = settings.glusterd_socket
        self._counters = Counters()
        self._gluster = Gluster(socket=None if own_socket is None else str(own_socket), recorder=self._counters)
        names = [volume.name for volume in settings.volumes]
        self._topology = Topology(self._gluster, names, settings.storage_addresses)
        self._limits = Limits(self._gluster, None if own_socket else Backoff())
        self._pool_health = PoolHealth(self._gluster)
        self._servers: dict[str, list[str]] = {}
        self._backends = {volume.name: self._backend(volume) for volume in settings.volumes}
        self._sweeps = [self._sweep(backend) for backend in self._backends.values()]
        self._watches = [
            QuotaWatch(backend.inventory.mount, backend.inventory.any_id, sweep.wake)
            for backend, sweep in zip(self._backends.values(), self._sweeps, strict=True)
        ]
        self._volumes = Volumes(
            self._backends,
            self._topology,
            retention_seconds=settings.trash_retention_seconds,
            accept_all_options=settings.accept_all_options,
        )
        self._operations = Operations(
            self._journal_of,
            self._verdict,
            limit=settings.max_operations,
            on_end=self._counters.operation_ended,
        )
        self._devices = Devices(self._gluster, self._topology, names)
        self._across_instances = OperationsAcrossInstances(
            self._operations,
            {name: backend.inventory.mount for name, backend in self._backends.items()},
            self._volumes.gluster_volume_of,
            self._wake_sweeps,
        )
        self._usages = {volume.name: self._usage(volume) for volume in settings.volumes}
        self.instance = Instance(
            self._mounts(),
            {name: backend.purger for name, backend in self._backends.items()},
            self._gluster,
            self._operations,
        )
        self._pool = Pool(
            self._inventories(), self._topology, self._devices, self._across_instances, problems=self.problems
        )
        self._quota_daemons = QuotaDaemons(self._gluster, names)
        volumes: core.Volumes[Job] = self._volumes
        more_of_volumes: extensions_core.Volumes[Job] = self._volumes
        keys = _keys(settings)
        extensions = extensions_router(
            Trash(self._backends, self._volumes),
            more_of_volumes,
            Listing(self._inventories(), self._usages, self._volumes),
            self._operations,
            self._across_instances,
            with_tokens=keys is not None,
            more=[status_router(self.instance, self._counters.totals)],
        )
        self.app = build_app(
            volumes,
            self._operations,
            self._topology,
            keys,
            health=self.problems,
            administration=self._administration(),
            inspection=self._inspection(),
            extensions=[extensions],
            api_docs=settings.api_docs,
            recorder=self._counters,
        )

    def _backend(self, volume: ConfiguredVolume) -> Backend:
        path = volume.mounted_at or self._settings.mount_root / volume.name

        async def servers() -> Sequence[str]:
            return await self._servers_of(volume.name)

        mount = Mount(volume.name, str(path), own=volume.mounted_at is None, servers=servers)
        everywhere = Mount(
            volume.name,
            str(self._settings.mount_root / f"{volume.name}.everywhere"),
            own=True,
            servers=servers,
            options=glusterfs.LOOKS_EVERYWHERE,
            sets_up=False,
        )
        return Backend(
            volume.name,
            Inventory(mount),
            self._limits,
            self._pool_health,
            Purger(mount, self._limits, self._pool_health, hidden=Hidden(everywhere)),
            self._settings.max_overcommit,
        )

    def _usage(self, volume: ConfiguredVolume) -> UsageGatherer:
        """On a mount of its own, which is there for reading quota's counters and for nothing else."""

        async def servers() -> Sequence[str]:
            return await self._servers_of(volume.name)

        path = self._settings.mount_root / f"{volume.name}.usage"
        mount = Mount(volume.name, str(path), own=True, servers=servers, counting=True)
        interval_seconds = self._settings.usage_interval_seconds
        inventory = self._backends[volume.name].inventory
        return UsageGatherer(inventory, mount, self._topology, interval_seconds=interval_seconds)

    def _inventories(self) -> dict[str, Inventory]:
        return {name: backend.inventory for name, backend in self._backends.items()}

    def _sweep(self, backend: Backend) -> Sweep:
        # With a socket of its own, glusterd's working directory may be one that is not seen from here.
        records = NoRecords() if self._settings.glusterd_socket else QuotaConf(self._gluster)
        repair = Repair(self._topology, records, self._limits, self._pool_health)
        return Sweep(backend.inventory, backend.purger, repair)

    def _administration(self) -> core.Administration:
        return core.Administration(
            devices=self._devices,
            tags=TagStore(self._mounts()),
            flags=FlagStore({name: backend.inventory.mount for name, backend in self._backends.items()}),
            modes=Modes(self._mounts()),
            across_instances=self._across_instances,
            log_level=setup.LogLevel(),
        )

    def _inspection(self) -> core.Inspection:
        inventories = self._inventories()
        return core.Inspection(
            Examination(inventories, self._topology, self._gluster, require=require_limits),
            Backup(inventories, self._topology),
            self._scrape().text,
        )

    def _scrape(self) -> Scrape:
        volumes = VolumeSamples(
            self._pool.listed,
            self._usages,
            most_volumes=self._settings.metrics_volumes,
            names=self._settings.metrics_names,
        )
        more = [self.instance.samples, self._quota_daemons.samples]
        return Scrape(self._pool, self._counters, more, volumes.samples)

    def _wake_sweeps(self) -> None:
        for sweep in self._sweeps:
            sweep.wake()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Mounts, lists, purges and sweeps until the end, and then takes away what was mounted."""
        async with anyio.create_task_group() as background:
            for backend in self._backends.values():
                background.start_soon(for_ever, partial(self._keep_mounted, backend.inventory.mount))
                background.start_soon(for_ever, backend.inventory.keep)
                background.start_soon(for_ever, backend.purger.keep)
            for sweep in self._sweeps:
                background.start_soon(for_ever, sweep.keep)
            for usage in self._usages.values():
                background.start_soon(for_ever, usage.keep)
            for watch in self._watches:
                background.start_soon(for_ever, watch.keep)
            background.start_soon(for_ever, self._devices.keep)
            background.start_soon(for_ever, self._across_instances.keep)
            background.start_soon(for_ever, self._pool.keep)
            background.start_soon(for_ever, self._quota_daemons.keep)
            try:
                async with self._operations.open(shutdown_timeout_seconds=self._shutdown_timeout_seconds):
                    yield
            finally:
                with anyio.CancelScope(shield=True):
                    with anyio.move_on_after(5):
                        await self._across_instances.tell()
                    background.cancel_scope.cancel()
                    await self._close()

    async def problems(self) -> list[str]:
        """Why the service cannot do its work now, one sentence each."""
        found = [mount.problem for mount in self._mounts() if mount.problem]
        found += [f"{m.stuck_calls} file calls hang on {m.path}" for m in self._mounts() if m.stuck_calls]
        found += [
            f"the turn for quota commands on {m.gluster_volume} does not come: another instance has it"
            for m in self._mounts()
            if m.stuck_waits
        ]
        found += [watch.problem for watch in self._watches if watch.problem]
        try:
            with anyio.fail_after(self._health_timeout_seconds):
                for gluster_volume in await self._topology.gluster_volumes():
                    require_limits(gluster_volume)
        except StorageError as error:
            found.append(str(error))
        except TimeoutError:
            found.append(f"glusterd did not answer within {self._health_timeout_seconds:g} s")
        return found

    async def _keep_mounted(self, mount: Mount) -> None:
        while True:
            await mount.check()
            await anyio.sleep(self._mount_check_seconds)

    async def _close(self) -> None:
        for mount in (*(usage.mount for usage in self._usages.values()), *self._mounts()):
            try:
                await mount.close()
            except PiraguaError as error:
                _log.error("%s", error)
        await self._gluster.aclose()

    def _mounts(self) -> list[Mount]:
        return [backend.inventory.mount for backend in self._backends.values()]

    async def _servers_of(self, gluster_volume: str) -> list[str]:
        """Servers to mount from: this one first, then those that were last known to have bricks."""
        try:
            nodes = await self._topology.nodes(gluster_volume)
            ordered = sorted(nodes, key=lambda node: not node.online)
            self._servers[gluster_volume] = [node.address or node.name for node in ordered]
        except StorageError as error:
            _log.debug("%s: %s", gluster_volume, error)
        here = [] if self._settings.glusterd_socket else ["localhost"]
        return here + self._servers.get(gluster_volume, [])

    async def _journal_of(self, gluster_volume_id: str) -> Journal:
        return (await self._volumes.backend_of(gluster_volume_id)).mounted()

    async def _verdict(self, operation: OperationId) -> Outcome:
        return await self._volumes.verdict(
            operation.kind, operation.gluster_volume_id, operation.volume_id, operation.nonce
        )


async def for_ever(keep: Callable[[], Awaitable[None]]) -> None:
    """Does it again when it ends by a bug, which must not end all the rest."""
    while True:
        try:
            await keep()
        except Exception:
            _log.exception("work in the background stopped for a reason that is a bug; it begins again")
        await anyio.sleep(_AGAIN_SECONDS)


def _keys(settings: Settings) -> Keys | None:
    if settings.disable_auth:
        _log.warning("authentication is off: whoever reaches the port can delete every volume")
        return None
    return Keys(admin=secret(settings.admin_key), user=secret(settings.user_key) or None)


def secret(key: SecretBytes | None) -> bytes:
    """A key as it is; empty where none is set."""
    return b"" if key is None else key.get_secret_value()
