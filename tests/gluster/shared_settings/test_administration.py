"""What an administrator sees of a real pool and sets for all instances, asked at one and told by another."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.machine import wait_until
from lab.private_gluster import PrivateGluster
from piragua.pool.devices import Devices
from piragua.pool.topology import Topology
from tests.support.behind import directory, quota_lock_held
from tests.support.calls import ask, go_client, told_by
from tests.support.core import gluster_on
from tests.support.heketi_clients.heketi_cli import HeketiCli
from tests.support.instance import Instance
from tests.support.pool import GlusterVolume, gluster_volume

BRICKS_PER_NODE = 2
KIB = 1024


@pytest.fixture(scope="module")
def volume(three_nodes: PrivateGluster) -> Iterator[GlusterVolume]:
    with gluster_volume(three_nodes, bricks_per_node=BRICKS_PER_NODE) as gluster:
        yield gluster
    three_nodes.delete_volume(gluster.name)


@pytest.fixture(scope="module")
def instances(volume: GlusterVolume) -> list[Instance]:
    """One on each of two nodes."""
    return [volume.start_instance(node=number) for number in range(2)]


def get(instance: Instance, path: str) -> Any:
    answer = ask(instance, "GET", path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def pending(instance: Instance) -> list[dict[str, str]]:
    listed: list[dict[str, str]] = get(instance, "/operations/pending")["pendingoperations"]
    return listed


def test_the_pool_is_shown_as_it_is(
    three_nodes: PrivateGluster, volume: GlusterVolume, instances: list[Instance]
) -> None:
    client = go_client(instances[1])
    (gluster_volume_id,) = client.clusters()
    nodes = [client.node_info(node_id) for node_id in client.cluster_info(gluster_volume_id)["nodes"]]
    assert {node["hostnames"]["storage"][0] for node in nodes} == {node.address for node in three_nodes.nodes}
    assert {node["state"] for node in nodes} == {"online"}
    for node in nodes:
        (device,) = node["devices"]
        bricks = three_nodes.nodes[0].brick(volume.name, 0).parent
        whole = os.statvfs(bricks)
        assert device["storage"]["total"] == whole.f_blocks * whole.f_frsize // KIB
        assert device["storage"]["used"] == device["storage"]["total"] - device["storage"]["free"]
        assert (device["state"], len(device["bricks"])) == ("online", BRICKS_PER_NODE)
        assert go_client(instances[0]).device_info(device["id"])["bricks"] == device["bricks"]
    made = client.create({"size": 1})
    shown = HeketiCli(go_client(instances[0])).topology_info()
    assert shown[0] == f"Cluster Id: {gluster_volume_id}"
    assert f"Name: {made['name']} Size: 1" in shown
    for node in nodes:
        assert f"Node Id: {node['id']} {' '.join(each[0] for each in node['hostnames'].values())} online" in shown


def test_bricks_of_a_volume_are_where_its_data_is(
    three_nodes: PrivateGluster, volume: GlusterVolume, instances: list[Instance]
) -> None:
    made = go_client(instances[0]).create({"size": 2})
    bricks = made["bricks"]
    by_address = {node.address: node for node in three_nodes.nodes}
    assert len(bricks) == 3 * BRICKS_PER_NODE
    assert len(bricks) // made["durability"]["replicate"]["replica"] == BRICKS_PER_NODE
    for brick in bricks:
        node = go_client(instances[1]).node_info(brick["node"])
        backend = by_address[node["hostnames"]["storage"][0]]
        assert Path(f"{backend.root}{brick['path']}").name == directory(made["id"])
        assert Path(f"{backend.root}{brick['path']}").is_dir()
        assert brick["device"] in {device["id"] for device in node["devices"]}
        assert brick["size"] == 2 * KIB * KIB


@pytest.mark.anyio
async def test_a_brick_that_is_down_makes_its_device_offline(fresh_volume: GlusterVolume) -> None:
    node = fresh_volume.pool.nodes[0]
    gluster = gluster_on(node)
    try:
        devices = Devices(gluster, Topology(gluster, [fresh_volume.name], {}), [fresh_volume.name])
        assert await devices.refresh()
        (before,) = await devices.all()
        assert (before.online, before.total_bytes > before.free_bytes > 0) == (True, True)
        node.kill_bricks(fresh_volume.name)
        assert await devices.refresh()
        (after,) = await devices.all()
        assert (after.id, after.name, after.online) == (before.id, before.name, False)
    finally:
        await gluster.aclose()


def test_tags_and_flags_are_the_same_everywhere(volume: GlusterVolume, instances: list[Instance]) -> None:
    first, second = instances
    gluster_volume_id, node_id = go_client(first).clusters()[0], get(first, f"/clusters/{volume.name}")["nodes"][0]
    change = {"change_type": "set", "tags": {"rack": "r7", "a": "b"}}
    assert ask(first, "POST", f"/nodes/{node_id}/tags", change).text == '{"a":"b","rack":"r7"}\n'
    assert get(second, f"/nodes/{node_id}")["tags"] == {"a": "b", "rack": "r7"}
    ask(second, "POST", f"/nodes/{node_id}/tags", {"change_type": "delete", "tags": {"a": ""}})
    assert get(first, f"/nodes/{node_id}")["tags"] == {"rack": "r7"}

    assert ask(second, "POST", f"/clusters/{gluster_volume_id}/flags", {"file": False}).status_code == 200
    shown = get(first, f"/clusters/{gluster_volume_id}")
    assert (shown["file"], shown["block"]) == (False, False)
    refused = ask(first, "POST", "/volumes", {"size": 1})
    assert (refused.status_code, refused.text) == (
        500,
        "Failed to allocate new volume: Cluster has disabled all volume types\n",
    )
    assert ask(first, "POST", f"/clusters/{gluster_volume_id}/flags", {"file": True}).status_code == 200
    go_client(second).create({"size": 1})


def test_a_mode_holds_for_every_instance_until_it_is_left(instances: list[Instance]) -> None:
    first, second = instances
    made = go_client(first).create({"size": 1})
    for mode in ("read-only", "local-client"):
        assert ask(first, "POST", "/admin", {"state": mode}).status_code == 204
        for each in instances:
            assert get(each, "/admin") == {"state": mode}
            refused = ask(each, "DELETE", f"/volumes/{made['id']}")
            assert (refused.status_code, refused.text) == (503, "Service disabled for maintenance\n")
            assert made["id"] in go_client(each).list()
    second.terminate()
    second.start()
    second.wait_until_healthy()
    assert ask(second, "DELETE", f"/volumes/{made['id']}").status_code == 503
    assert ask(second, "POST", "/admin", {"state": "normal"}).status_code == 204
    go_client(first).delete(made["id"])


def test_work_is_shown_by_every_instance_while_it_lasts(volume: GlusterVolume, instances: list[Instance]) -> None:
    first, second = instances
    with quota_lock_held(volume.mount()):
        operation = ask(first, "POST", "/volumes", {"size": 1}).headers["location"]
        assert get(first, "/operations") == {"total": 1, "in_flight": 1, "stale": 0, "failed": 0, "new": 1}
        wait_until(lambda: bool(pending(second)), "the other instance's word of it", timeout_seconds=10)
        assert pending(second) == pending(first)
        (shown,) = pending(second)
        assert (shown["type_name"], shown["status"], shown["sub_status"]) == ("create-volume", "", "in-flight")
        (change,) = get(second, f"/operations/pending/{shown['id']}")["changes"]
    volume_id = told_by(first, operation).headers["location"].removeprefix("/volumes/")
    assert change == {"id": volume_id, "description": "Add volume"}
    for each in instances:
        assert pending(each) == []
    kept = volume.mount() / ".piragua" / "instances"
    wait_until(lambda: not list(kept.iterdir()), "the instance's file taken away", timeout_seconds=10)


def test_work_of_a_killed_instance_is_stale_and_no_longer_shown_once_it_is_settled(
    volume: GlusterVolume, instances: list[Instance]
) -> None:
    doomed = volume.start_instance(node=2)
    whole = volume.mount()
    with quota_lock_held(whole):
        ask(doomed, "POST", "/volumes", {"size": 1})
        wait_until(lambda: bool(pending(instances[0])), "word of it", timeout_seconds=10)
        doomed.kill9()
        doomed.unmount()
        wait_until(
            lambda: [each["status"] for each in pending(instances[0])] == ["stale"], "a stale operation", 20
        )
        assert get(instances[1], "/operations") == {"total": 1, "in_flight": 0, "stale": 1, "failed": 0, "new": 0}
        (shown,) = pending(instances[1])
    assert ask(instances[1], "POST", "/operations/pending/cleanup", {}).status_code == 204
    (change,) = get(instances[1], f"/operations/pending/{shown['id']}")["changes"]
    os.setxattr(
        whole / directory(change["id"]),
        "user.piragua.gone",
        json.dumps({"deleted": "2026-01-01T00:00:00+00:00", "retention_seconds": 0}).encode(),
    )
    assert pending(instances[0]) == []


def test_the_level_of_the_log_is_told_as_it_was_set(instances: list[Instance]) -> None:
    first, second = instances
    assert get(first, "/internal/logging") == {"loglevel": {"glusterfs": "info"}}
    level = {"loglevel": {"glusterfs": "none"}}
    assert ask(first, "POST", "/internal/logging", level).json() == level
    said = len(first.log.read_text())
    go_client(first).create({"size": 1})
    assert get(first, "/internal/logging") == level
    new = first.log.read_text()[said:].splitlines()
    assert [line for line in new if " piragua.audit " not in line] == [], "the audit trail is at every level"
    ask(first, "POST", "/internal/logging", {"loglevel": {"glusterfs": "info"}})
    go_client(first).create({"size": 1})
    assert "create of volume" in first.log.read_text()[said:]
    assert get(second, "/internal/logging") == {"loglevel": {"glusterfs": "info"}}


def test_of_several_gluster_volumes_the_one_that_is_as_asked_for_gets_it(
    three_nodes: PrivateGluster, volume: GlusterVolume
) -> None:
    with gluster_volume(three_nodes, replica=1) as plain:
        served = f"{plain.name},{volume.name}"
        with Instance(three_nodes.nodes[0], served) as both:
            both.wait_until_healthy()
            client = go_client(both)
            ids = {get(both, f"/clusters/{name}")["id"]: name for name in (plain.name, volume.name)}
            assert sorted(client.clusters()) == sorted(ids)
            replicate = {"type": "replicate", "replicate": {"replica": 3}}
            copied = client.create({"size": 1, "durability": replicate})
            single = client.create({"size": 1, "durability": {"type": "none"}})
            assert [ids[made["cluster"]] for made in (copied, single)] == [volume.name, plain.name]
            assert client.create({"size": 1, "clusters": [copied["cluster"]]})["cluster"] == copied["cluster"]
            refused = ask(both, "POST", "/volumes", {"size": 10**6})
            reasons = "".join(f"\nCluster {gluster_volume_id}: No space" for gluster_volume_id in ids)
            head = "Failed to allocate new volume: Unable to create volume on any cluster:"
            assert (refused.status_code, refused.text) == (500, f"{head}{reasons}\n")
            ask(both, "POST", "/admin", {"state": "read-only"})
            # Only one of the two is served here, and the mode counts all the same.
            alone = volume.start_instance(node=1)
            assert get(alone, "/admin") == {"state": "read-only"}
            ask(both, "POST", "/admin", {"state": "normal"})
            for made in (copied, single):
                client.delete(made["id"])
    three_nodes.delete_volume(plain.name)
