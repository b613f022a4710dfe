"""Metrics under Heketi's names, and a few of Piragua's own, in Prometheus' text format 0.0.4.

Everything comes from what the core has in memory: a scrape costs the same however many volumes there are.
"""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from piragua.errors import PiraguaError
from piragua.inventory import Inventory
from piragua.models import Device, GlusterVolume, Node, UnderWay
from piragua.topology.topology import Topology
from piragua.tree.states import DELETED, LISTED, Look

_log = logging.getLogger(__name__)

Labels = Mapping[str, str]
_BYTES_PER_KIB = 1024


class DevicesOfNodes(Protocol):
    """The part of `piragua.topology.devices.Devices` that is needed here."""

    async def of_node(self, node_id: str) -> tuple[Device, ...]:
        """Those that are known; never an error."""


class WorkOfAll(Protocol):
    """The part of `piragua.in_flight.InFlight` that is needed here."""

    async def all(self) -> Sequence[UnderWay]:
        """Operations of all instances that are not over."""


@dataclass(frozen=True)
class Sample:
    """One line: a gauge's value for these labels."""

    name: str
    labels: Labels
    value: int


@dataclass(frozen=True)
class _Seen:
    """A Gluster volume at the time of the scrape. devices: those with bricks of it, by node."""

    cluster: GlusterVolume
    looks: Mapping[str, Look]
    nodes: tuple[Node, ...]
    devices: Mapping[str, tuple[Device, ...]]


# What each gauge says; the order of the exposition.
_HELP = {
    "heketi_up": "1 while the state of all Gluster volumes can be read, else 0 and nothing else is told",
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
    "piragua_volumes_size_bytes": "Sum of the sizes of all volumes on the Gluster volume that can be read",
    "piragua_trash_volumes": "Deleted volumes that are not purged yet",
    "piragua_trash_size_bytes": "Sum of the sizes of deleted volumes that are not purged yet",
}


class Metrics:
    """Collects from these parts of the core. inventories: by the name of their Gluster volume.

    timeout_seconds: a state that takes longer to read counts as one that cannot be read.
    """

    def __init__(
        self,
        inventories: Mapping[str, Inventory],
        topology: Topology,
        devices: DevicesOfNodes,
        in_flight: WorkOfAll,
        *,
        timeout_seconds: float = 5,
    ) -> None:
        self._inventories = inventories
        self._topology = topology
        self._devices = devices
        self._in_flight = in_flight
        self._timeout_seconds = timeout_seconds

    async def text(self) -> str:
        """The exposition. It is never an error, and never leaves a Gluster volume out."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                samples = await self._samples()
        except (PiraguaError, TimeoutError) as error:
            _log.debug("no metrics: %s", error)
            samples = [Sample("heketi_up", {}, 0)]
        return exposition(samples)

    async def _samples(self) -> list[Sample]:
        clusters = await self._topology.clusters()
        samples = [Sample("heketi_up", {}, 1), Sample("heketi_cluster_count", {}, len(clusters))]
        for cluster in clusters:
            samples += _of_cluster(await self._see(cluster))
        return samples + list(_of_operations(await self._in_flight.all()))

    async def _see(self, cluster: GlusterVolume) -> _Seen:
        """With those devices only that hold bricks of it: a server can have others, for other Gluster volumes."""
        nodes = await self._topology.nodes(cluster.id)
        devices = {
            node.id: tuple(
                device
                for device in await self._devices.of_node(node.id)
                if any(brick.cluster_id == cluster.id for brick in device.bricks)
            )
            for node in nodes
        }
        return _Seen(cluster, await self._inventories[cluster.name].looks(), nodes, devices)


def exposition(samples: Sequence[Sample]) -> str:
    """The text: for each gauge its help, its type and its samples together."""
    lines = []
    for name, text in _HELP.items():
        found = [_line(sample) for sample in samples if sample.name == name]
        if found:
            lines += [f"# HELP {name} {text}\n", f"# TYPE {name} gauge\n", *found]
    return "".join(lines)


def _line(sample: Sample) -> str:
    labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in sample.labels.items())
    return f"{sample.name}{{{labels}}} {sample.value}\n" if labels else f"{sample.name} {sample.value}\n"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _of_cluster(seen: _Seen) -> Iterator[Sample]:
    cluster = {"cluster": seen.cluster.id}
    listed = [look for look in seen.looks.values() if look.state in LISTED]
    trash = [look for look in seen.looks.values() if look.state in DELETED]
    yield Sample("heketi_volumes_count", cluster, len(listed))
    yield Sample("heketi_block_volumes_count", cluster, 0)
    yield Sample("heketi_nodes_count", cluster, len(seen.nodes))
    yield Sample("piragua_volumes_size_bytes", cluster, sum(map(_size_bytes, listed)))
    yield Sample("piragua_trash_volumes", cluster, len(trash))
    yield Sample("piragua_trash_size_bytes", cluster, sum(map(_size_bytes, trash)))
    for node in seen.nodes:
        host = {**cluster, "hostname": node.name, "storage_hostname": node.address or ""}
        yield Sample("heketi_device_count", host, len(seen.devices[node.id]))
        for device in seen.devices[node.id]:
            yield from _of_device(device, seen.cluster.id, {**host, "id": device.id, "device": device.name})


def _of_device(device: Device, cluster_id: str, labels: Labels) -> Iterator[Sample]:
    labels = {**labels, "pv_uuid": ""}
    used_bytes = max(0, device.total_bytes - device.free_bytes)
    for what, size_bytes in (("size", device.total_bytes), ("free", device.free_bytes), ("used", used_bytes)):
        yield Sample(f"heketi_device_{what}", labels, size_bytes // _BYTES_PER_KIB)
        yield Sample(f"heketi_device_{what}_bytes", labels, size_bytes)
    bricks = sum(brick.cluster_id == cluster_id for brick in device.bricks)
    yield Sample("heketi_device_brick_count", labels, bricks)


def _of_operations(operations: Sequence[UnderWay]) -> Iterator[Sample]:
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


def _size_bytes(look: Look) -> int:
    return look.record.size_bytes if look.record is not None else look.limit_bytes or 0
