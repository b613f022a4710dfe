"""Heketi's answers about clusters, nodes and devices (docs/heketi-wire.md, 4.2). What is None is left out."""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import BaseModel

from piragua.errors import UnusableAddress
from piragua.models import Device, GlusterVolume, GlusterVolumeFlags, Node

OnOff = Literal["online", "offline"]
Tags = Mapping[str, str]

_BYTES_PER_KIB = 1024


class ClusterList(BaseModel):
    clusters: list[str]


class ClusterInfo(BaseModel):
    id: str
    nodes: list[str]
    volumes: list[str]
    block: bool
    file: bool
    blockvolumes: list[str]


class BrickInfo(BaseModel):
    """size in KiB. volume: the volume whose directory is meant, or the Gluster volume whose brick it is."""

    id: str
    path: str
    device: str
    node: str
    volume: str
    size: int


class Storage(BaseModel):
    """KiB; a Go client takes integers only."""

    total: int
    free: int
    used: int


class DeviceInfo(BaseModel):
    name: str
    tags: dict[str, str] | None = None
    storage: Storage
    id: str
    state: OnOff
    bricks: list[BrickInfo]


class Hostnames(BaseModel):
    manage: list[str]
    storage: list[str]


class NodeInfo(BaseModel):
    zone: int
    hostnames: Hostnames
    cluster: str
    tags: dict[str, str] | None = None
    id: str
    state: OnOff
    devices: list[DeviceInfo]


def cluster_info(
    cluster: GlusterVolume, nodes: Sequence[Node], volume_ids: Sequence[str], flags: GlusterVolumeFlags
) -> ClusterInfo:
    """A Gluster volume and what is on it."""
    return ClusterInfo(
        id=cluster.id,
        nodes=sorted(node.id for node in nodes),
        volumes=sorted(volume_ids),
        block=flags.block,
        file=flags.file,
        blockvolumes=[],
    )


def node_info(node: Node, devices: Sequence[Device], tags: Mapping[str, Tags]) -> NodeInfo:
    """A peer with exactly one storage address: the provisioner joins several into nonsense, and
    heketi-cli crashes on none (docs/heketi-wire.md, 7.1, 6.4). tags: by the node's and the devices' ids.
    Raises UnusableAddress."""
    if node.address is None:
        raise UnusableAddress(node.problem)
    return NodeInfo(
        zone=1,
        hostnames=Hostnames(manage=[node.name], storage=[node.address]),
        cluster=node.gluster_volume_id,
        tags=_shown(tags[node.id]),
        id=node.id,
        state=_state(node.online),
        devices=[device_info(device, tags[device.id]) for device in devices],
    )


def device_info(device: Device, tags: Tags) -> DeviceInfo:
    """A file system that bricks of Gluster volumes lie on."""
    total, free = device.total_bytes // _BYTES_PER_KIB, device.free_bytes // _BYTES_PER_KIB
    return DeviceInfo(
        name=device.name,
        tags=_shown(tags),
        storage=Storage(total=total, free=free, used=max(0, total - free)),
        id=device.id,
        state=_state(device.online),
        bricks=[
            BrickInfo(
                id=brick.id,
                path=brick.path,
                device=device.id,
                node=device.node_id,
                volume=brick.gluster_volume_id,
                size=brick.size_bytes // _BYTES_PER_KIB,
            )
            for brick in device.bricks
        ],
    )


def _shown(tags: Tags) -> dict[str, str] | None:
    return dict(sorted(tags.items())) or None


def _state(online: bool) -> OnOff:
    return "online" if online else "offline"
