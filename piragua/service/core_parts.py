"""Builds the core of one instance from what works on its Gluster volumes."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from piragua.backup.save import Backup
from piragua.check.examination import Examination
from piragua.config import Settings
from piragua.core import Core
from piragua.errors import PiraguaError
from piragua.log.setup import LogLevel
from piragua.models import Outcome
from piragua.operations.across_instances import OperationsAcrossInstances
from piragua.operations.ids import OperationId
from piragua.operations.job import Journal
from piragua.operations.operations import Operations
from piragua.pool.devices import Devices
from piragua.pool.requirements import require_limits
from piragua.service.backend_parts import DEFAULT_TIMING, BackendParts, PoolParts, Timing, backend_parts
from piragua.shared_settings.flags import FlagStore
from piragua.shared_settings.modes import Modes
from piragua.shared_settings.tags import TagStore
from piragua.status.counters import Counters
from piragua.status.health import InstanceHealth
from piragua.status.instance import Instance
from piragua.volumes.listing import Listing
from piragua.volumes.trash import Trash
from piragua.volumes.volumes import Volumes


@dataclass(frozen=True)
class CoreParts:
    """The core, and what it stands on. backends: by the name of their Gluster volume."""

    core: Core
    pool: PoolParts
    backends: Mapping[str, BackendParts]


def core_parts(
    settings: Settings,
    pool: PoolParts,
    counters: Counters,
    timing: Timing = DEFAULT_TIMING,
    *,
    failure_text: Callable[[PiraguaError], str],
) -> CoreParts:
    """The core that the settings ask for. failure_text: what clients are told of long work that failed."""
    backends = {volume.name: backend_parts(pool, volume, settings, timing) for volume in settings.volumes}
    volumes = Volumes(
        {name: each.backend for name, each in backends.items()},
        pool.topology,
        retention_seconds=settings.trash_retention_seconds,
        accept_all_options=settings.accept_all_options,
    )
    operations = Operations(
        _journals(volumes),
        _verdicts(volumes),
        limit=settings.max_operations,
        hold_seconds=timing.poll_hold_seconds,
        on_end=counters.operation_ended,
        failure_text=failure_text,
    )
    return CoreParts(_core(pool, backends, volumes, operations, counters, timing), pool, backends)


def _core(
    pool: PoolParts,
    backends: Mapping[str, BackendParts],
    volumes: Volumes,
    operations: Operations,
    counters: Counters,
    timing: Timing,
) -> Core:
    inventories = {name: each.inventory for name, each in backends.items()}
    mounts = {name: each.mount for name, each in backends.items()}
    usages = {name: each.usage for name, each in backends.items()}
    return Core(
        volumes=volumes,
        trash=Trash({name: each.backend for name, each in backends.items()}, volumes),
        listing=Listing(inventories, usages, volumes),
        operations=operations,
        across_instances=OperationsAcrossInstances(
            operations,
            mounts,
            volumes.gluster_volume_of,
            lambda: _wake_sweeps(backends),
            tell_seconds=timing.notice_seconds,
        ),
        topology=pool.topology,
        devices=Devices(pool.gluster, pool.topology, list(backends)),
        tags=TagStore(list(mounts.values())),
        flags=FlagStore(mounts),
        modes=Modes(list(mounts.values())),
        log_level=LogLevel(),
        examination=Examination(inventories, pool.topology, pool.gluster, require=require_limits),
        backup=Backup(inventories, pool.topology),
        health=InstanceHealth(
            list(mounts.values()),
            [each.watch for each in backends.values()],
            pool.topology,
            timeout_seconds=timing.health_timeout_seconds,
        ),
        instance=Instance(
            list(mounts.values()),
            {name: each.backend.purger for name, each in backends.items()},
            pool.gluster,
            operations,
        ),
        counters=counters,
        inventories=inventories,
        usages=usages,
        quota_daemons=pool.gluster.quota_daemons,
    )


def _wake_sweeps(backends: Mapping[str, BackendParts]) -> None:
    for each in backends.values():
        each.sweep.wake()


def _journals(volumes: Volumes) -> Callable[[str], Awaitable[Journal]]:
    async def journal_of(gluster_volume_id: str) -> Journal:
        return (await volumes.backend_of(gluster_volume_id)).mounted()

    return journal_of


def _verdicts(volumes: Volumes) -> Callable[[OperationId], Awaitable[Outcome]]:
    async def verdict(operation: OperationId) -> Outcome:
        return await volumes.verdict(
            operation.kind, operation.gluster_volume_id, operation.volume_id, operation.nonce
        )

    return verdict
