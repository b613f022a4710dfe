"""The state of the pool under Heketi's names, and what else all instances see alike.

It is gathered in the background, so that a scrape asks nobody: neither Gluster nor the mount.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import anyio
from anyio.lowlevel import checkpoint

from piragua.core import DELETED, LISTED, Inventory, Observed, Topology
from piragua.errors import PiraguaError
from piragua.frontends.metrics.exposition import Sample
from piragua.models import Device, GlusterVolume, Node, OngoingOperation

_log = logging.getLogger(__name__)

Labels = Mapping[str, str]
_BYTES_PER_KIB = 1024
_LOOKS_AT_A_TIME = 1000

HELPS = {
    "heketi_up": "1 while the state of all Gluster volumes can be read, else 0 and no more of Heketi's is told",
    "heketi_cluster_count": "Gluster volumes that are served",
    "heketi_volumes_count": "Volumes on the Gluster volume",
    "heketi_block_volumes_count": "Always 0: there are no block volumes",
    "heketi_nodes_count": "Servers with bricks of the Gluster volume",
    "heketi_device_count": "File systems with bricks on the server",
    "heketi_device_size": "Size of the file system in KiB",
    "heketi_device_size_bytes": "Size of the file system in bytes",
    "heketi_device_free": "Free space of the file system in KiB",
    "heketi_device_free_bytes": "Free space of the file system in bytes",
    "heketi_device_used": "Used space of the file system in KiB",
    "heketi_device_used_bytes": "Used space of the file system in bytes",
    "heketi_device_brick_count": "Bricks of served Gluster volumes on the file system",
    "heketi_operations_total_count": "Operations of all instances that are not over",
    "heketi_operations_new_count": "Operations that an instance works on, or has queued",
    "heketi_operations_stale_count": "Operations whose server went away, not settled yet",
    "heketi_operations_failed_count": "Always 0: what failed was undone, and is over",
    "heketi_operations_inFlight_count": "Operations that an instance works on, or has queued",
    "piragua_cluster_info": "The name of the Gluster volume that is this cluster",
    "piragua_volumes_size_bytes": "Sum of the sizes of all volumes on the Gluster volume that can be read",
    "piragua_trash_volumes": "Deleted volumes that are not purged yet",
    "piragua_trash_size_bytes": "Sum of the sizes of deleted volumes that are not purged yet",
    "piragua_healthy": "1 while GET /health is 200 and the state of all Gluster volumes can be read, else 0",
    "piragua_pool_age_seconds": "How long ago the state of the pool was gathered",
}


class DevicesOfNodes(Protocol):
    """The part of `piragua.pool.devices.Devices` that is needed here."""

    async def of_node(self, node_id: str) -> tuple[Device, ...]:
        """Those that are known; never an error."""


class WorkOfAll(Protocol):
    """The part of `piragua.operations.across_instances.OperationsAcrossInstances` that is needed here."""

    async def all(self) -> Sequence[OngoingOperation]:
        """Operations of all instances that are not over."""


@dataclass(frozen=True)
class _Counts:
    """What the looks at all volumes of a Gluster volume add up to."""

    volumes: int = 0
    size_bytes: int = 0
    trash: int = 0
    trash_bytes: int = 0


@dataclass(frozen=True)
class _Gathered:
    """A Gluster volume at that time. devices: those with bricks of it, by node."""

    gluster_volume: GlusterVolume
    counts: _Counts
    nodes: tuple[Node, ...]
    devices: Mapping[str, tuple[Device, ...]]


@dataclass(frozen=True)
class ListedVolumes:
    """What is in the root of a Gluster volume, as last seen; kept up to date while it is looked at."""

    gluster_volume_id: str
    gluster_volume: str
    all_observed: Mapping[str, Observed]


async def _no_problems() -> Sequence[str]:
    return ()


class Pool:
    """Gathers from these parts of the core; `keep` has to run. inventories: by the name of their Gluster volume.

    problems: what GET /health tells. timeout_seconds: a state that takes longer to read counts as one that
    cannot be read. interval_seconds: how often it is read; retry_seconds: how soon again after that.
    """

    def __init__(
        self,
        inventories: Mapping[str, Inventory],
        topology: Topology,
        devices: DevicesOfNodes,
        across_instances: WorkOfAll,
        *,
        problems: Callable[[], Awaitable[Sequence[str]]] = _no_problems,
        timeout_seconds: float = 5,
        interval_seconds: float = 5,
        retry_seconds: float = 1,
        now_seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inventories = inventories
        self._topology = topology
        self._devices = devices
        self._across_instances = across_instances
        self._problems = problems
        self._healthy = False
        self._timeout_seconds = timeout_seconds
        self._interval_seconds = interval_seconds
        self._retry_seconds = retry_seconds
        self._now_seconds = now_seconds
        self._gathering = anyio.Lock()
        self._samples: list[Sample] | None = None
        self._gathered_seconds = 0.0
        self._listed: dict[str, ListedVolumes] = {}

    async def keep(self) -> None:
        """Gathers now and then; never returns."""
        while True:
            async with self._gathering:
                well = await self._gather()
            await anyio.sleep(self._interval_seconds if well else self._retry_seconds)

    async def samples(self) -> list[Sample]:
        """What was gathered last. It is never an error, and never leaves a Gluster volume out.

        Only the first one after a start waits until something was gathered.
        """
        if self._samples is None:
            async with self._gathering:
                if self._samples is None:
                    await self._gather()
        age_seconds = self._now_seconds() - self._gathered_seconds
        return [
            *(self._samples or []),
            Sample("piragua_healthy", {}, int(self._healthy)),
            Sample("piragua_pool_age_seconds", {}, round(age_seconds, 3)),
        ]

    def listed(self) -> list[ListedVolumes]:
        """The volumes as last seen; nothing of a Gluster volume that was not seen yet."""
        return list(self._listed.values())

    async def _gather(self) -> bool:
        """Whether it could be read."""
        well = True
        try:
            async with asyncio.timeout(self._timeout_seconds):
                samples = await self._all()
        except (PiraguaError, TimeoutError) as error:
            _log.debug("the state of the pool cannot be told: %s", error)
            samples = [Sample("heketi_up", {}, 0)]
            well = False
        healthy = well and not await self._problems()
        self._samples, self._healthy = samples, healthy
        self._gathered_seconds = self._now_seconds()
        return well

    async def _all(self) -> list[Sample]:
        gluster_volumes = await self._topology.gluster_volumes()
        samples = [Sample("heketi_up", {}, 1), Sample("heketi_cluster_count", {}, len(gluster_volumes))]
        for gluster_volume in gluster_volumes:
            samples += _of_gluster_volume(await self._see(gluster_volume))
        return samples + list(_of_operations(await self._across_instances.all()))

    async def _see(self, gluster_volume: GlusterVolume) -> _Gathered:
        """With those devices only that hold bricks of it: a server can have others, for other Gluster volumes."""
        nodes = await self._topology.nodes(gluster_volume.id)
        devices = {
            node.id: tuple(
                device
                for device in await self._devices.of_node(node.id)
                if any(brick.gluster_volume_id == gluster_volume.id for brick in device.bricks)
            )
            for node in nodes
        }
        all_observed = await self._inventories[gluster_volume.name].observe_many()
        self._listed[gluster_volume.name] = ListedVolumes(gluster_volume.id, gluster_volume.name, all_observed)
        return _Gathered(gluster_volume, await _counts(all_observed), nodes, devices)


async def _counts(all_observed: Mapping[str, Observed]) -> _Counts:
    """Requests are answered in between: many volumes take their time."""
    found = _Counts()
    async for part in _parts(list(all_observed.values())):
        listed = [observed for observed in part if observed.state in LISTED]
        trash = [observed for observed in part if observed.state in DELETED]
        found = _Counts(
            found.volumes + len(listed),
            found.size_bytes + sum(map(_size_bytes, listed)),
            found.trash + len(trash),
            found.trash_bytes + sum(map(_size_bytes, trash)),
        )
    return found


async def _parts(all_observed: Sequence[Observed]) -> AsyncIterator[Sequence[Observed]]:
    for start in range(0, len(all_observed), _LOOKS_AT_A_TIME):
        yield all_observed[start : start + _LOOKS_AT_A_TIME]
        await checkpoint()


def _of_gluster_volume(seen: _Gathered) -> Iterator[Sample]:
    labels = {"cluster": seen.gluster_volume.id}
    yield Sample("piragua_cluster_info", {**labels, "gluster_volume": seen.gluster_volume.name}, 1)
    yield Sample("heketi_volumes_count", labels, seen.counts.volumes)
    yield Sample("heketi_block_volumes_count", labels, 0)
    yield Sample("heketi_nodes_count", labels, len(seen.nodes))
    yield Sample("piragua_volumes_size_bytes", labels, seen.counts.size_bytes)
    yield Sample("piragua_trash_volumes", labels, seen.counts.trash)
    yield Sample("piragua_trash_size_bytes", labels, seen.counts.trash_bytes)
    for node in seen.nodes:
        host = {**labels, "hostname": node.name, "storage_hostname": node.address or ""}
        yield Sample("heketi_device_count", host, len(seen.devices[node.id]))
        for device in seen.devices[node.id]:
            yield from _of_device(device, seen.gluster_volume.id, {**host, "id": device.id, "device": device.name})


def _of_device(device: Device, gluster_volume_id: str, labels: Labels) -> Iterator[Sample]:
    labels = {**labels, "pv_uuid": ""}
    used_bytes = max(0, device.total_bytes - device.free_bytes)
    for what, size_bytes in (("size", device.total_bytes), ("free", device.free_bytes), ("used", used_bytes)):
        yield Sample(f"heketi_device_{what}", labels, size_bytes // _BYTES_PER_KIB)
        yield Sample(f"heketi_device_{what}_bytes", labels, size_bytes)
    bricks = sum(brick.gluster_volume_id == gluster_volume_id for brick in device.bricks)
    yield Sample("heketi_device_brick_count", labels, bricks)


def _of_operations(operations: Sequence[OngoingOperation]) -> Iterator[Sample]:
    stale = sum(each.stale for each in operations)
    counts = {
        "total": len(operations),
        "new": len(operations) - stale,
        "stale": stale,
        "failed": 0,
        "inFlight": len(operations) - stale,
    }
    for which, count in counts.items():
        yield Sample(f"heketi_operations_{which}_count", {}, count)


def _size_bytes(observed: Observed) -> int:
    return observed.record.size_bytes if observed.record is not None else observed.limit_bytes or 0
