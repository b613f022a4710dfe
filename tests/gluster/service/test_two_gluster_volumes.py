"""One instance that serves two Gluster volumes: two clusters, and what is left of it when one is away."""

import json
import os
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest

from lab.machine import wait_until
from lab.private_gluster import PrivateGluster
from piragua.tree import layout
from tests.support.calls import ask, go_client, told_by
from tests.support.heketi_clients.heketi_cli import HeketiCli
from tests.support.instance import Instance
from tests.support.pool import GlusterVolume, gluster_volume

UNKNOWN = "0123456789abcdef" * 2


@pytest.fixture
def volumes(one_node: PrivateGluster) -> Iterator[tuple[GlusterVolume, GlusterVolume]]:
    with gluster_volume(one_node) as first, gluster_volume(one_node) as second:
        yield first, second
    for volume in (first, second):
        one_node.delete_volume(volume.name)


def both(volumes: tuple[GlusterVolume, GlusterVolume], wait: bool = True) -> Instance:
    """An instance that serves them."""
    names = ",".join(volume.name for volume in volumes)
    return volumes[0].start_instance(settings={"PIRAGUA_VOLUMES": names}, wait=wait)


def uuid_of(volume: GlusterVolume) -> str:
    """The Gluster volume's own UUID, as 32 hex digits."""
    info = volume.pool.nodes[0].gluster("volume", "info", volume.name, "--xml")
    return UUID(ElementTree.fromstring(info).findtext(".//volume/id")).hex  # noqa: S314 (our own Gluster's words)


@contextmanager
def stopped(volume: GlusterVolume) -> Iterator[None]:
    gluster = volume.pool.nodes[0].gluster
    gluster("volume", "stop", volume.name, "force")
    yield
    gluster("volume", "start", volume.name)


def mode_on(volume: GlusterVolume) -> bytes:
    """What is kept there."""
    return os.getxattr(volume.mount() / layout.OWN_DIRECTORY, "user.piragua.mode")


def test_each_is_a_cluster_that_is_chosen_by_id_or_name_and_lists_are_merged(
    volumes: tuple[GlusterVolume, GlusterVolume],
) -> None:
    instance = both(volumes)
    client = go_client(instance)
    ids = [uuid_of(volume) for volume in volumes]
    assert client.clusters() == sorted(ids)
    made: dict[str, list[str]] = {gluster_volume_id: [] for gluster_volume_id in ids}
    for volume, gluster_volume_id in zip(volumes, ids, strict=True):
        for wanted in (gluster_volume_id, volume.name):
            answer = client.create({"size": 1, "clusters": [wanted]})
            assert answer["cluster"] == gluster_volume_id
            assert answer["name"].startswith(f"{volume.name}/")
            made[gluster_volume_id].append(answer["id"])
    assert client.list() == sorted(made[ids[0]] + made[ids[1]])
    for volume, gluster_volume_id in zip(volumes, ids, strict=True):
        by_id, by_name = client.cluster_info(gluster_volume_id), client.cluster_info(volume.name)
        assert by_id == by_name
        assert by_id["id"] == gluster_volume_id
        assert by_id["volumes"] == sorted(made[gluster_volume_id])
    for volume_ids in made.values():
        volume_ids.sort()
    topology = HeketiCli(client).topology()
    assert {each: [volume["id"] for volume in topology[each]["volumes"]] for each in ids} == made
    # One server, whose one file system has bricks of both: it names the first of them as its cluster.
    shown = [node for parts in topology.values() for node in parts["nodes"]]
    assert [node["cluster"] for node in shown] == [ids[0]] * 2
    assert {brick["volume"] for brick in shown[0]["devices"][0]["bricks"]} == set(ids)
    up = "heketi_up 1\n"
    wait_until(lambda: up in ask(instance, "GET", "/metrics").text, "the metrics of both", 30)
    scraped = ask(instance, "GET", "/metrics").text
    for cluster_id in ids:
        (line,) = re.findall(f'heketi_device_brick_count{{cluster="{cluster_id}".*', scraped)
        assert line.endswith(" 1"), "of its own bricks"
    dumped = json.loads(client.text("/db/dump"))
    assert [entry["Info"]["cluster"] for entry in dumped["nodeentries"].values()] == [ids[0]]
    gone, kept = made[ids[1]]
    client.delete(gone)
    assert client.expand(kept, 1)["size"] == 2
    assert client.cluster_info(ids[1])["volumes"] == [kept]


def test_a_cluster_that_is_none_is_refused(volumes: tuple[GlusterVolume, GlusterVolume]) -> None:
    answer = ask(both(volumes), "POST", "/volumes", {"size": 1, "clusters": [UNKNOWN]})
    assert (answer.status_code, answer.text) == (400, f"Cluster id {UNKNOWN} not found\n")


def assert_first_works_and_no_list_is_shorter(instance: Instance, on_first: str, on_second: str | None) -> None:
    client = go_client(instance)
    seen = client.info(on_first)
    assert client.cluster_info(seen["cluster"])["volumes"] == [on_first]
    for node_id in client.cluster_info(seen["cluster"])["nodes"]:
        client.node_info(node_id)
    refused = ["/volumes", f"/volumes/{UNKNOWN}", *([f"/volumes/{on_second}"] if on_second else [])]
    for path in refused:
        answer = ask(instance, "GET", path)
        assert answer.status_code == 503, (path, answer.text)
        assert answer.text.strip()
    deleted = ask(instance, "DELETE", f"/volumes/{UNKNOWN}")
    assert deleted.status_code == 503
    wait_until(lambda: ask(instance, "GET", "/health").status_code == 503, "the truth about its health", 20)
    for wish in ({"size": 1}, {"size": 1, "clusters": [seen["cluster"]]}):
        more = client.create(wish)
        assert more["cluster"] == seen["cluster"]
        assert client.expand(more["id"], 1)["size"] == 2
        client.delete(more["id"])


def test_while_one_is_away_the_other_ones_volumes_are_served_and_lists_are_not(
    volumes: tuple[GlusterVolume, GlusterVolume],
) -> None:
    instance = both(volumes)
    first, second = (go_client(instance).create({"size": 1, "clusters": [each.name]})["id"] for each in volumes)
    assert ask(instance, "POST", "/admin", {"state": "read-only"}).status_code == 204
    assert mode_on(volumes[0]) == mode_on(volumes[1])
    with stopped(volumes[1]):
        wait_until(lambda: ask(instance, "GET", "/volumes").status_code == 503, "the loss noticed", 30)
        assert ask(instance, "POST", "/admin", {"state": "normal"}).status_code == 204
        assert ask(instance, "GET", "/admin").json() == {"state": "normal"}
        assert_first_works_and_no_list_is_shorter(instance, first, second)
        instance.kill9()
        instance.start()
        path = f"/volumes/{first}"
        wait_until(lambda: instance.health() != 0 and ask(instance, "GET", path).status_code == 200, path, 30)
        assert ask(instance, "GET", "/admin").json() == {"state": "normal"}
        assert_first_works_and_no_list_is_shorter(instance, first, second)
    instance.wait_until_healthy(60)
    assert ask(instance, "GET", "/admin").json() == {"state": "normal"}, "not what the one that was away kept"
    assert mode_on(volumes[0]) == mode_on(volumes[1]), "it was told"
    assert go_client(instance).list() == sorted([first, second])
    assert go_client(instance).info(second)["size"] == 1


def test_one_that_does_not_exist_yet_is_away_too(volumes: tuple[GlusterVolume, GlusterVolume]) -> None:
    there = volumes[0]
    on_there = go_client(there.start_instance()).create({"size": 1})["id"]
    instance = there.start_instance(settings={"PIRAGUA_VOLUMES": f"missing,{there.name}"}, wait=False)
    path = f"/volumes/{on_there}"
    wait_until(lambda: instance.health() != 0 and ask(instance, "GET", path).status_code == 200, path, 30)
    assert_first_works_and_no_list_is_shorter(instance, on_there, None)
    assert ask(instance, "GET", "/clusters").status_code == 503
    assert ask(instance, "GET", f"/clusters/{UNKNOWN}").status_code == 503


def test_an_operation_is_judged_by_the_gluster_volume_that_it_is_about(
    volumes: tuple[GlusterVolume, GlusterVolume],
) -> None:
    instance = both(volumes)
    asked = ask(instance, "POST", "/volumes", {"size": 1, "clusters": [volumes[1].name]})
    end = told_by(instance, asked.headers["location"])
    instance.kill9()
    instance.start()
    instance.wait_until_healthy()
    again = told_by(instance, asked.headers["location"])
    assert (again.status_code, again.headers["location"]) == (303, end.headers["location"])
