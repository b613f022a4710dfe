"""Builds what works on each served Gluster volume, and what all of them share.

The service, `piragua check`, `piragua restore-records` and the tests build their parts with this.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from piragua.config import ConfiguredVolume, Settings
from piragua.errors import StorageError
from piragua.gluster.gluster import Gluster
from piragua.gluster.history import Backoff
from piragua.gluster.quota_conf import QuotaConf
from piragua.gluster.watch import CommandRecorder
from piragua.inventory.inventory import Inventory
from piragua.inventory.usage import UsageGatherer
from piragua.mounting import glusterfs
from piragua.pool.health import PoolHealth
from piragua.pool.topology import Topology
from piragua.quota.limits import Limits
from piragua.quota.watch import QuotaWatch
from piragua.tree.hidden import Hidden
from piragua.tree.mount import Mount
from piragua.upkeep.purging.purger import Purger
from piragua.upkeep.repair import NoRecords, QuotaRecords, Repair
from piragua.upkeep.sweep import Sweep
from piragua.volumes.backend import Backend

_log = logging.getLogger(__name__)

Servers = Callable[[str], Awaitable[Sequence[str]]]
"""From the name of a Gluster volume to the servers to mount it from, best first."""


@dataclass(frozen=True)
class Timing:
    """How long parts wait and rest, each as its own class says; tests shorten it, or let time pass by.

    list_: of `Inventory`. purge_: of `Purger`. sweep_: of `Sweep`. poll_hold_seconds: of `Operations`.
    notice_seconds: how often other instances are told of this one's work. mount_check_seconds: how often mounts
    are looked at. health_timeout_seconds: how long glusterd may take for its part of the health.
    now: the time (UTC). monotonic_seconds: a clock that never goes back.
    """

    topology_max_age_seconds: float = 10
    list_again_seconds: float = 20
    list_wait_seconds: float = 20
    list_retry_seconds: float = 1
    purge_pause_seconds: float = 2
    purge_turn_seconds: float = 30
    purge_stanch_seconds: float = 5
    sweep_settled_seconds: float = 600
    sweep_pace_seconds: float = 0.01
    sweep_rests: float = 3
    poll_hold_seconds: float = 5
    notice_seconds: float = 1
    mount_check_seconds: float = 2
    health_timeout_seconds: float = 3
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic_seconds: Callable[[], float] = time.monotonic


DEFAULT_TIMING = Timing()


@dataclass(frozen=True)
class PoolParts:
    """What all Gluster volumes of an instance share. quota_records None: quota.conf is out of sight."""

    gluster: Gluster
    topology: Topology
    limits: Limits
    pool_health: PoolHealth
    quota_records: QuotaRecords | None
    servers_of: Servers


@dataclass(frozen=True)
class BackendParts:
    """What works on one served Gluster volume."""

    backend: Backend
    sweep: Sweep
    usage: UsageGatherer
    watch: QuotaWatch

    @property
    def mount(self) -> Mount:
        """Where it is mounted."""
        return self.backend.inventory.mount

    @property
    def inventory(self) -> Inventory:
        """What exists there."""
        return self.backend.inventory


def pool_parts(
    settings: Settings, timing: Timing = DEFAULT_TIMING, *, recorder: CommandRecorder | None = None
) -> PoolParts:
    """Those that the settings ask for. recorder: is told what commands did."""
    socket = settings.glusterd_socket
    gluster = Gluster(socket=None if socket is None else str(socket), recorder=recorder)
    topology = topology_of(settings, gluster, timing)
    # With a socket of its own, glusterd's working directory and log may be ones that are not seen from here.
    return PoolParts(
        gluster,
        topology,
        Limits(gluster, None if socket else Backoff()),
        PoolHealth(gluster),
        None if socket else QuotaConf(gluster),
        _servers_of(topology, here=socket is None),
    )


def topology_of(settings: Settings, gluster: Gluster, timing: Timing = DEFAULT_TIMING) -> Topology:
    """One that has not asked yet, for the served Gluster volumes."""
    names = [volume.name for volume in settings.volumes]
    return Topology(gluster, names, settings.storage_addresses, max_age_seconds=timing.topology_max_age_seconds)


def _servers_of(topology: Topology, *, here: bool) -> Servers:
    """This server first, if it has a glusterd that is asked by itself, then those last known to have bricks."""
    last_known: dict[str, list[str]] = {}

    async def servers_of(gluster_volume: str) -> Sequence[str]:
        try:
            nodes = await topology.nodes(gluster_volume)
            ordered = sorted(nodes, key=lambda node: not node.online)
            last_known[gluster_volume] = [node.address or node.name for node in ordered]
        except StorageError as error:
            _log.debug("%s: %s", gluster_volume, error)
        return [*(["localhost"] if here else []), *last_known.get(gluster_volume, [])]

    return servers_of


def own_mount(
    pool: PoolParts,
    gluster_volume: str,
    path: str,
    *,
    options: str = glusterfs.OPTIONS,
    sets_up: bool = True,
    counting: bool = False,
) -> Mount:
    """A mount that Piragua makes itself. The arguments are those of `Mount`."""
    servers = partial(pool.servers_of, gluster_volume)
    return Mount(
        gluster_volume, path, own=True, servers=servers, options=options, sets_up=sets_up, counting=counting
    )


def backend_parts(
    pool: PoolParts, volume: ConfiguredVolume, settings: Settings, timing: Timing = DEFAULT_TIMING
) -> BackendParts:
    """What the settings ask for, for that Gluster volume."""
    mount = _mount_of(pool, volume, settings)
    inventory = Inventory(
        mount,
        relist_seconds=timing.list_again_seconds,
        wait_seconds=timing.list_wait_seconds,
        retry_seconds=timing.list_retry_seconds,
    )
    purger = _purger(pool, volume, mount, settings, timing)
    repair = Repair(pool.topology, pool.quota_records or NoRecords(), pool.limits, pool.pool_health)
    sweep = Sweep(
        inventory,
        purger,
        repair,
        settled_seconds=timing.sweep_settled_seconds,
        pace_seconds=timing.sweep_pace_seconds,
        rests=timing.sweep_rests,
        now=timing.now,
        monotonic=timing.monotonic_seconds,
    )
    backend = Backend(volume.name, inventory, pool.limits, pool.pool_health, purger, settings.max_overcommit)
    usage = _usage(pool, inventory, settings)
    return BackendParts(backend, sweep, usage, QuotaWatch(mount, inventory.any_id, sweep.wake))


def _mount_of(pool: PoolParts, volume: ConfiguredVolume, settings: Settings) -> Mount:
    if volume.mounted_at is None:
        return own_mount(pool, volume.name, str(settings.mount_root / volume.name))
    servers = partial(pool.servers_of, volume.name)
    return Mount(volume.name, str(volume.mounted_at), own=False, servers=servers)


def _purger(pool: PoolParts, volume: ConfiguredVolume, mount: Mount, settings: Settings, timing: Timing) -> Purger:
    """With a mount that finds what a listing of the other hides."""
    path = str(settings.mount_root / f"{volume.name}.everywhere")
    everywhere = own_mount(pool, volume.name, path, options=glusterfs.LOOKS_EVERYWHERE, sets_up=False)
    return Purger(
        mount,
        pool.limits,
        pool.pool_health,
        hidden=Hidden(everywhere),
        pause_seconds=timing.purge_pause_seconds,
        turn_seconds=timing.purge_turn_seconds,
        stanch_seconds=timing.purge_stanch_seconds,
        now=timing.now,
    )


def _usage(pool: PoolParts, inventory: Inventory, settings: Settings) -> UsageGatherer:
    """On a mount of its own, which is there for reading quota's counters and for nothing else."""
    name = inventory.mount.gluster_volume
    mount = own_mount(pool, name, str(settings.mount_root / f"{name}.usage"), counting=True)
    return UsageGatherer(inventory, mount, pool.topology, interval_seconds=settings.usage_interval_seconds)
