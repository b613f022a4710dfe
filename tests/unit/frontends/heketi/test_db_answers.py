"""What `db dump` and `state examine` say of a server that holds bricks of several Gluster volumes."""

from dataclasses import replace

from piragua.frontends.heketi.db_answers import ClusterPicture, Picture, dump, examine
from piragua.models import Device, DeviceBrick, Durability, GlusterVolume, GlusterVolumeFlags, Node

FIRST, SECOND = (GlusterVolume(name * 32, f"gv-{name}", True, Durability()) for name in ("a", "b"))
NODE = Node("c" * 32, FIRST.id, "node1", "10.0.0.1", "", online=True)


def device(name: str, *clusters: GlusterVolume) -> Device:
    bricks = tuple(DeviceBrick(f"{name}{each.name}", each.id, f"/{each.name}", 2**30) for each in clusters)
    return Device(name * 32, NODE.id, f"/dev/sd{name}", 2**30, 2**29, True, bricks)


def picture() -> Picture:
    """One server in two clusters, with a device of each and one of both."""
    devices = (device("d", FIRST), device("e", SECOND), device("f", FIRST, SECOND))
    return Picture(
        tuple(
            ClusterPicture(each, GlusterVolumeFlags(), (replace(NODE, gluster_volume_id=each.id),), ())
            for each in (FIRST, SECOND)
        ),
        {NODE.id: devices},
        {part_id: {} for part_id in (NODE.id, *(each.id for each in devices))},
        (),
        lambda brick: "",
    )


def test_a_dump_names_the_first_of_its_clusters_and_all_of_its_devices() -> None:
    dumped = dump(picture())
    assert dumped["nodeentries"][NODE.id]["Info"]["cluster"] == FIRST.id
    assert set(dumped["nodeentries"][NODE.id]["Devices"]) == set(dumped["deviceentries"]) == {*_ids("def")}
    assert [entry["Info"]["nodes"] for entry in dumped["clusterentries"].values()] == [[NODE.id]] * 2


def test_an_examination_shows_a_device_under_the_clusters_that_have_bricks_on_it() -> None:
    shown = {
        each["GlusterVolume"]: [device["id"] for device in each["NodesData"][0]["Devices"]]
        for each in examine(picture(), [])["clusters"]
    }
    assert shown == {FIRST.name: _ids("df"), SECOND.name: _ids("ef")}


def _ids(names: str) -> list[str]:
    return [name * 32 for name in names]
