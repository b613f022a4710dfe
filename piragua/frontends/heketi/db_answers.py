"""What Heketi calls its database, in its frame (docs/heketi-wire.md, 4.4): Piragua has none, so it shows what is.

No client parses these. Beside Heketi's keys there are a few of Piragua's own: `State` of a volume, and
`directoryentries` (`directories` in a check) for directories that are no volumes: trash, and what was left over.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from piragua import __version__
from piragua.core import Report, RootEntry
from piragua.frontends.heketi.admin_schemas import PendingOperationDetails
from piragua.frontends.heketi.answers import VolumeInfo, volume_info
from piragua.frontends.heketi.pool_answers import Tags, cluster_info, device_info, node_info
from piragua.models import Brick, Device, GlusterVolume, GlusterVolumeFlags, Node, OngoingOperation, dashed

Json = dict[str, Any]


@dataclass(frozen=True)
class ClusterPicture:
    """A Gluster volume, its flags, its nodes and what lies on it."""

    cluster: GlusterVolume
    flags: GlusterVolumeFlags
    nodes: tuple[Node, ...]
    entries: tuple[RootEntry, ...]


@dataclass(frozen=True)
class Picture:
    """Everything at one moment. devices: by node. tags: by node and device."""

    clusters: tuple[ClusterPicture, ...]
    devices: Mapping[str, tuple[Device, ...]]
    tags: Mapping[str, Tags]
    operations: Sequence[OngoingOperation]
    device_of: Callable[[Brick], str]


def dump(picture: Picture) -> Json:
    """GET /db/dump."""
    volumes = {
        entry.volume_id: (entry, _info(entry, each, picture.device_of))
        for each in picture.clusters
        for entry in each.entries
        if entry.listed
    }
    bricks = [brick for _, info in volumes.values() if info is not None for brick in info.bricks]
    bricks += [brick for device in _devices(picture) for brick in device_info(device, {}).bricks]
    return {
        "clusterentries": dict(_cluster_entry(each) for each in picture.clusters),
        "volumeentries": {key: _volume_entry(*found) for key, found in sorted(volumes.items())},
        "brickentries": {brick.id: {"Info": brick.model_dump(), "Pending": {"Id": ""}} for brick in bricks},
        "nodeentries": dict(_node_entries(picture)),
        "deviceentries": dict(_device_entries(picture)),
        "blockvolumeentries": {},
        "dbattributeentries": {"PIRAGUA_VERSION": {"Key": "PIRAGUA_VERSION", "Value": __version__}},
        "pendingoperations": {
            each.id: PendingOperationDetails.of(each).model_dump() for each in picture.operations
        },
        "directoryentries": {
            entry.volume_id: _directory_entry(entry)
            for each in picture.clusters
            for entry in each.entries
            if not entry.listed
        },
    }


def check(picture: Picture, reports: Sequence[Report]) -> Json:
    """GET /db/check. Bricks are those of the Gluster volumes."""
    sections = {
        "clusters": _checked_clusters(reports),
        "volumes": _checked_entries(reports, listed=True),
        "bricks": _checked_bricks(picture),
        "nodes": _checked_nodes(picture),
        "devices": _checked_devices(picture),
        "blockvolumes": _section(0, []),
        "dbattributes": _section(0, []),
        "pendingoperations": _checked_operations(picture.operations),
        "directories": _checked_entries(reports, listed=False),
    }
    return {**sections, "totalinconsistencies": len(_faults(sections))}


def examine(picture: Picture, reports: Sequence[Report]) -> Json:
    """GET /internal/state/examine/gluster."""
    in_flight = sum(not each.stale for each in picture.operations)
    checked = check(picture, reports)
    checked.pop("totalinconsistencies")
    return {
        "heketidb": dump(picture),
        "report": [f"OnDemand Examiner invoked while {in_flight} ops are in flight", *_faults(checked)],
        "clusters": [
            {
                "ClusterHeketiID": each.cluster.id,
                "GlusterVolume": each.cluster.name,
                "NodesData": [_node_data(node, each.cluster, picture) for node in each.nodes],
            }
            for each in picture.clusters
        ]
        or None,
    }


def _faults(sections: Mapping[str, Json]) -> list[str]:
    return [text for section in sections.values() for text in section["inconsistencies"] or ()]


def _section(total: int, faults: list[str], *, pending: int = 0, wrong: int | None = None) -> Json:
    """wrong: how many the faults are about, where one can have several. No faults are null, as in Heketi."""
    not_ok = len(faults) if wrong is None else wrong
    return {
        "total": total,
        "pending": pending,
        "ok": total - not_ok,
        "notok": not_ok,
        "inconsistencies": faults or None,
    }


def _checked_clusters(reports: Sequence[Report]) -> Json:
    problems = [problem for report in reports for problem in report.problems]
    return _section(len(reports), problems, wrong=sum(bool(report.problems) for report in reports))


def _checked_entries(reports: Sequence[Report], *, listed: bool) -> Json:
    entries = [(report, entry) for report in reports for entry in report.entries if entry.listed is listed]
    wrong = [report.wrong[entry.volume_id] for report, entry in entries if entry.volume_id in report.wrong]
    return _section(
        len(entries), wrong, pending=sum(entry.volume_id in report.pending for report, entry in entries)
    )


def _checked_bricks(picture: Picture) -> Json:
    bricks = [(each.cluster, brick) for each in picture.clusters for brick in each.cluster.bricks]
    unseen = [
        f"brick {brick.host}:{brick.path} of {cluster.name} is not reported by Gluster"
        for cluster, brick in bricks
        if not picture.device_of(brick)
    ]
    return _section(len(bricks), unseen)


def _checked_nodes(picture: Picture) -> Json:
    nodes = {node.id: node for each in picture.clusters for node in each.nodes}
    return _section(len(nodes), [text for text in map(_node_fault, nodes.values()) if text])


def _checked_devices(picture: Picture) -> Json:
    devices = _devices(picture)
    offline = [device for device in devices if not device.online]
    return _section(
        len(devices), [f"device {each.id} ({each.name}) has a brick that is offline" for each in offline]
    )


def _checked_operations(operations: Sequence[OngoingOperation]) -> Json:
    stale = [each for each in operations if each.stale]
    faults = [f"operation {each.id}: the server that began it went away" for each in stale]
    return _section(len(operations), faults, pending=len(operations) - len(stale))


def _info(entry: RootEntry, there: ClusterPicture, device_of: Callable[[Brick], str]) -> VolumeInfo | None:
    return None if entry.volume is None else volume_info(entry.volume, there.cluster, there.nodes, device_of)


def _cluster_entry(each: ClusterPicture) -> tuple[str, Json]:
    listed = [entry.volume_id for entry in each.entries if entry.listed]
    return each.cluster.id, {"Info": cluster_info(each.cluster, each.nodes, listed, each.flags).model_dump()}


def _volume_entry(entry: RootEntry, info: VolumeInfo | None) -> Json:
    left_out = {"bricks", "glustervolumeoptions"}
    shown = {"id": entry.volume_id} if info is None else info.model_dump(exclude_none=True, exclude=left_out)
    return {
        "Info": shown,
        "Bricks": [] if info is None else [brick.id for brick in info.bricks],
        "GlusterVolumeOptions": [] if info is None else info.glustervolumeoptions,
        "Pending": {"Id": ""},
        "State": entry.state,
    }


def _directory_entry(entry: RootEntry) -> Json:
    volume = entry.volume
    return {
        "GlusterVolume": entry.gluster_volume,
        "Path": f"/{dashed(entry.volume_id)}",
        "State": entry.state,
        "Name": None if volume is None else volume.name,
        "SizeBytes": None if volume is None else volume.size_bytes,
        "Deleted": None if entry.deleted is None else entry.deleted.isoformat(),
        "RetentionSeconds": entry.retention_seconds,
    }


def _node_entries(picture: Picture) -> Iterator[tuple[str, Json]]:
    """A server in several clusters names the first, as in GET /nodes."""
    nodes: dict[str, Node] = {}
    for each in picture.clusters:
        nodes = {node.id: node for node in each.nodes} | nodes
    for node in nodes.values():
        devices = picture.devices[node.id]
        info = node_info(replace(node, address=node.address or ""), devices, picture.tags)
        yield (
            node.id,
            {
                "State": info.state,
                "Info": info.model_dump(exclude_none=True, exclude={"state", "devices"}),
                "Devices": [device.id for device in devices],
            },
        )


def _device_entries(picture: Picture) -> Iterator[tuple[str, Json]]:
    for device in _devices(picture):
        info = device_info(device, picture.tags[device.id])
        yield (
            device.id,
            {
                "State": info.state,
                "Info": info.model_dump(exclude_none=True, exclude={"state", "bricks"}),
                "Bricks": [brick.id for brick in info.bricks],
                "NodeId": device.node_id,
            },
        )


def _devices(picture: Picture) -> list[Device]:
    return [device for known in picture.devices.values() for device in known]


def _node_data(node: Node, cluster: GlusterVolume, picture: Picture) -> Json:
    """With those devices that hold bricks of that cluster."""
    devices = [
        device_info(each, picture.tags[each.id])
        for each in picture.devices[node.id]
        if any(brick.gluster_volume_id == cluster.id for brick in each.bricks)
    ]
    return {
        "NodeHeketiID": node.id,
        "State": "online" if node.online else "offline",
        "Devices": [device.model_dump(exclude_none=True) for device in devices],
    }


def _node_fault(node: Node) -> str:
    if not node.online:
        return f"node {node.id} ({node.name}): its glusterd is not connected"
    return f"node {node.id} ({node.name}): {node.problem}" if node.problem else ""
