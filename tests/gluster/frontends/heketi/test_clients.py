"""Heketi's clients against a real Gluster: what Kubernetes does, Go's and Python's client, both roles."""

import ipaddress
import json
import re
from collections.abc import Iterator

import pytest

from lab.private_gluster import PrivateGluster
from lab.write_until_refused import write_until_refused
from tests.support.behind import directory
from tests.support.calls import ask, go_client, told_by
from tests.support.heketi_clients.provisioner import Provisioner
from tests.support.heketi_clients.python_client import python_client
from tests.support.heketi_clients.strict_go import HeketiError, StrictGoClient
from tests.support.instance import ADMIN_KEY, Instance
from tests.support.pool import GlusterVolume, gluster_volume

REPLICATED = {"type": "replicate", "replicate": {"replica": 3}, "disperse": {}}
PLAIN = {"type": "none", "replicate": {}, "disperse": {}}


@pytest.fixture(scope="module")
def replicated(three_nodes: PrivateGluster) -> Iterator[GlusterVolume]:
    with gluster_volume(three_nodes, bricks_per_node=2) as gluster:
        yield gluster
    three_nodes.delete_volume(gluster.name)


@pytest.fixture(scope="module")
def second_of_three(replicated: GlusterVolume) -> Instance:
    """An instance that is not on the first node: no answer may depend on where it is asked."""
    return replicated.start_instance(node=1)


def test_kubernetes_provisions_mounts_expands_and_deletes(
    replicated: GlusterVolume, second_of_three: Instance
) -> None:
    go = go_client(second_of_three)
    provisioner = Provisioner(go)
    claim = provisioner.provision(1, gid=2001)
    assert sorted(claim.addresses) == sorted(node.address for node in replicated.pool.nodes)
    backups = "backup-volfile-servers=" + ":".join(claim.addresses)
    pod = replicated.deep_mount(claim.path, options=f"auto_unmount,log-level=ERROR,{backups}")
    assert write_until_refused(pod / "data", most_mib=8) == (8, 0)
    grown = provisioner.expand(claim, 3)
    assert grown.capacity_gib == 3 == go.info(claim.volume_id)["size"]
    assert go.requests.count(f"POST /volumes/{claim.volume_id}/expand -> 202") == 1
    provisioner.expand(grown, 3)
    assert go.requests.count(f"POST /volumes/{claim.volume_id}/expand -> 202") == 1
    provisioner.delete(grown)
    assert claim.volume_id not in go.list()
    provisioner.delete(grown)


def test_a_whole_life_with_the_python_client(volume: GlusterVolume, instance: Instance) -> None:
    python = python_client(instance.url, "admin", ADMIN_KEY)
    assert python.hello()
    made = python.volume_create({"size": 1, "name": "python", "gid": 2000})
    assert made["name"] == f"{volume.name}/{directory(made['id'])}/python"
    volume.deep_mount(made["name"])
    assert python.volume_expand(made["id"], {"expand_size": 2})["size"] == 3
    assert python.volume_info(made["id"])["size"] == 3
    (gluster_volume_id,) = python.cluster_list()["clusters"]
    cluster = python.cluster_info(gluster_volume_id)
    assert made["id"] in cluster["volumes"]
    assert sorted(cluster["volumes"]) == python.volume_list()["volumes"]
    assert python.node_info(cluster["nodes"][0])["hostnames"]["storage"] == [volume.pool.nodes[0].address]
    assert python.volume_delete(made["id"])
    assert made["id"] not in python.volume_list()["volumes"]


def test_no_client_waits_between_polls_for_what_is_quick(instance: Instance) -> None:
    go = go_client(instance)
    made = go.create({"size": 1})
    go.expand(made["id"], 1)
    go.delete(made["id"])
    assert go.sleeps == 0


def test_a_server_url_that_ends_in_a_slash_works(instance: Instance) -> None:
    go = StrictGoClient(instance.url + "/", "admin", ADMIN_KEY)
    made = go.create({"size": 1})
    assert made["id"] in go.list()
    assert go.expand(made["id"], 1)["size"] == 2
    go.delete(made["id"])
    assert go.requests[0] == "POST //volumes -> 202"


def test_a_user_creates_and_sees_but_changes_nothing(instance: Instance) -> None:
    user = go_client(instance, "user")
    made = user.create({"size": 1})
    assert user.info(made["id"])["size"] == 1
    assert made["id"] in user.list()
    refused = [
        ask(instance, "DELETE", f"/volumes/{made['id']}", user="user"),
        ask(instance, "POST", f"/volumes/{made['id']}/expand", {"expand_size": 1}, user="user"),
        ask(instance, "DELETE", f"/volumes/{made['name']}", user="user"),
        ask(instance, "GET", "/clusters", user="user"),
        ask(instance, "GET", f"/clusters/{made['cluster']}", user="user"),
    ]
    assert {(each.status_code, each.content) for each in refused} == {(401, b"Administrator access required\n")}
    assert go_client(instance).info(made["id"])["size"] == 1


def test_nothing_but_health_and_greetings_without_the_key(instance: Instance) -> None:
    stranger = StrictGoClient(instance.url, "admin", "another key than the one of the administrator")
    with pytest.raises(HeketiError, match="signature is invalid"):
        stranger.create({"size": 1})


def test_a_created_volume_is_described_to_the_byte(volume: GlusterVolume, instance: Instance) -> None:
    accepted = ask(
        instance, "POST", "/volumes", {"size": 2, "gid": 2000, "snapshot": {"enable": True, "factor": 1}}
    )
    assert (accepted.status_code, accepted.content) == (202, b"")
    assert accepted.headers["content-length"] == "0"
    assert "content-type" not in accepted.headers
    assert re.fullmatch("/queue/[0-9a-f]+", accepted.headers["location"])
    done = told_by(instance, accepted.headers["location"])
    volume_id = done.headers["location"].removeprefix("/volumes/")
    assert done.status_code == 303
    assert re.fullmatch("[0-9a-f]{32}", volume_id)

    address = volume.pool.nodes[0].address
    path = f"{volume.name}/{directory(volume_id)}/vol_{volume_id}"
    shown = ask(instance, "GET", done.headers["location"])
    assert shown.headers["content-type"] == "application/json; charset=UTF-8"
    (gluster_volume_id,) = go_client(instance).clusters()
    expected = {
        "size": 2,
        "name": path,
        "durability": PLAIN,
        "gid": 2000,
        "glustervolumeoptions": [],
        "snapshot": {"enable": True, "factor": 1},
        "id": volume_id,
        "cluster": gluster_volume_id,
        "mount": {
            "glusterfs": {
                "hosts": [address],
                "device": f"{address}:{path}",
                "options": {"backup-volfile-servers": ""},
            }
        },
        "blockinfo": {},
        "bricks": shown.json()["bricks"],
    }
    assert shown.text == json.dumps(expected, separators=(",", ":")) + "\n"


def test_clusters_are_gluster_volumes_by_id_and_by_name(volume: GlusterVolume, instance: Instance) -> None:
    node = volume.pool.nodes[0]
    told = node.gluster("volume", "info", volume.name)
    (gluster_id,) = re.findall(r"^Volume ID: (\S+)$", told, re.MULTILINE)
    assert ask(instance, "GET", "/clusters").json() == {"clusters": [gluster_id.replace("-", "")]}
    by_id = ask(instance, "GET", f"/clusters/{gluster_id.replace('-', '')}")
    assert by_id.content == ask(instance, "GET", f"/clusters/{volume.name}").content
    made = go_client(instance).create({"size": 1, "clusters": [volume.name]})
    assert made["cluster"] == gluster_id.replace("-", "")
    refused = ask(instance, "POST", "/volumes", {"size": 1, "clusters": ["another"]})
    assert (refused.status_code, refused.text) == (400, "Cluster id another not found\n")


def test_nodes_are_peers_with_one_address_each(replicated: GlusterVolume, second_of_three: Instance) -> None:
    go = go_client(second_of_three)
    (gluster_volume_id,) = go.clusters()
    nodes = [go.node_info(node_id) for node_id in go.cluster_info(gluster_volume_id)["nodes"]]
    addresses = [node["hostnames"]["storage"] for node in nodes]
    assert sorted(addresses) == sorted([node.address] for node in replicated.pool.nodes)
    assert not any(ipaddress.ip_address(each).is_loopback for (each,) in addresses)
    assert {node["state"] for node in nodes} == {"online"}
    assert {node["cluster"] for node in nodes} == {gluster_volume_id}
    peers = replicated.pool.nodes[0].gluster("pool", "list")
    assert all(re.sub("(.{8})(.{4})(.{4})(.{4})", r"\1-\2-\3-\4-", node["id"]) in peers for node in nodes)


@pytest.mark.parametrize(
    "wish",
    [
        {"type": "replicate", "replicate": {"replica": 2}},
        {"type": "none"},
        {"type": "disperse", "disperse": {"data": 4, "redundancy": 2}},
    ],
)
def test_durability_is_that_of_the_gluster_volume(
    instance: Instance, second_of_three: Instance, wish: dict[str, object]
) -> None:
    go = go_client(instance)
    made = go.create({"size": 4, "durability": wish})
    assert made["durability"] == PLAIN == go.info(made["id"])["durability"]
    assert go_client(second_of_three).create({"size": 4, "durability": wish})["durability"] == REPLICATED


def test_every_server_is_offered_to_mount_from(replicated: GlusterVolume, second_of_three: Instance) -> None:
    mount = go_client(second_of_three).create({"size": 1})["mount"]["glusterfs"]
    first, *others = mount["hosts"]
    assert sorted(mount["hosts"]) == sorted(node.address for node in replicated.pool.nodes)
    assert mount["device"].startswith(f"{first}:{replicated.name}/")
    assert mount["options"] == {"backup-volfile-servers": ",".join(others)}
