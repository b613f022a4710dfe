"""Heketi's answers about volumes: objects, their order of keys, and what is left out (docs/heketi-wire.md, 4.1).

A field that is None is left out. Numbers that count GiB are integers: a Go client refuses `1.0`.
"""

from collections.abc import Callable, Sequence

from pydantic import BaseModel

from piragua.frontends.heketi.pool_answers import BrickInfo
from piragua.models import (
    Brick,
    Durability,
    GlusterVolume,
    Layout,
    Node,
    Snapshot,
    Volume,
    dashed,
    part_id,
    whole_gib,
)


class ReplicateCount(BaseModel):
    replica: int | None = None


class DisperseCounts(BaseModel):
    data: int | None = None
    redundancy: int | None = None


class DurabilityInfo(BaseModel):
    type: str
    replicate: ReplicateCount
    disperse: DisperseCounts


class SnapshotInfo(BaseModel):
    enable: bool
    factor: int | float


class GlusterMount(BaseModel):
    hosts: list[str]
    device: str
    options: dict[str, str]


class MountInfo(BaseModel):
    glusterfs: GlusterMount


class BlockInfo(BaseModel):
    """Always there, always empty: no volume of ours hosts block volumes."""


class VolumeInfo(BaseModel):
    """size in GiB; name is what a node mounts behind `host:`."""

    size: int
    name: str
    durability: DurabilityInfo
    gid: int | None = None
    glustervolumeoptions: list[str]
    block: bool | None = None
    snapshot: SnapshotInfo
    id: str
    cluster: str
    mount: MountInfo
    blockinfo: BlockInfo
    bricks: list[BrickInfo]


class VolumeList(BaseModel):
    volumes: list[str]


def volume_info(
    volume: Volume, cluster: GlusterVolume, nodes: Sequence[Node], device_of: Callable[[Brick], str]
) -> VolumeInfo:
    """A volume, with the durability and the bricks that its Gluster volume really has.

    nodes: the best to mount from first. device_of: the id of a brick's device, "" for one that is not known.
    """
    return VolumeInfo(
        size=whole_gib(volume.size_bytes),
        name=volume.path,
        durability=_durability(cluster.durability),
        gid=volume.gid or None,
        glustervolumeoptions=list(volume.options),
        snapshot=_snapshot(volume.snapshot),
        id=volume.id,
        cluster=volume.gluster_volume_id,
        mount=_mount(volume.path, nodes),
        blockinfo=BlockInfo(),
        bricks=[_place_on(brick, volume, device_of(brick)) for brick in cluster.bricks],
    )


def _place_on(brick: Brick, volume: Volume, device_id: str) -> BrickInfo:
    """The volume's directory on one brick. heketi-cli counts these to tell how a volume is distributed."""
    return BrickInfo(
        id=part_id(volume.id, brick.peer_id, brick.path),
        path=f"{brick.path}/{dashed(volume.id)}",
        device=device_id,
        node=brick.peer_id,
        volume=volume.id,
        size=volume.size_bytes // 1024,
    )


def _durability(durability: Durability) -> DurabilityInfo:
    """heketi-cli divides by these counts, so a count that is shown is never 0 (docs/heketi-wire.md, 6.4)."""
    replicate, disperse = ReplicateCount(), DisperseCounts()
    if durability.layout is Layout.REPLICATE:
        replicate = ReplicateCount(replica=max(1, durability.replica))
    elif durability.layout is Layout.DISPERSE:
        disperse = DisperseCounts(data=max(1, durability.data), redundancy=durability.redundancy)
    return DurabilityInfo(type=durability.layout.value, replicate=replicate, disperse=disperse)


def _snapshot(snapshot: Snapshot) -> SnapshotInfo:
    factor = snapshot.factor
    return SnapshotInfo(enable=snapshot.enable, factor=int(factor) if factor == int(factor) else factor)


def _mount(path: str, nodes: Sequence[Node]) -> MountInfo:
    """A first server that is down costs a mount most of a minute, so those online come first."""
    online_first = sorted(nodes, key=lambda node: not node.online)
    hosts = [node.address for node in online_first if node.address is not None]
    device = f"{hosts[0]}:{path}" if hosts else ""
    options = {"backup-volfile-servers": ",".join(hosts[1:])}
    return MountInfo(glusterfs=GlusterMount(hosts=hosts, device=device, options=options))
