"""Heketi's clients, each as strict as the real one, against the front-end on a real socket."""

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from piragua.models import Brick, Device, DeviceBrick, OngoingOperation, OperationKind
from tests.support.heketi_clients.front_end import ADMIN_KEY, USER_KEY, FrontEnd
from tests.support.heketi_clients.heketi_cli import HeketiCli, distribute_count
from tests.support.heketi_clients.in_memory import (
    CLUSTER_ID,
    NODE_IDS,
    InMemoryOperations,
    InMemoryTopology,
    three_nodes,
)
from tests.support.heketi_clients.provisioner import Provisioner, ProvisionError
from tests.support.heketi_clients.python_client import python_client
from tests.support.heketi_clients.strict_go import HeketiError, StrictGoClient

VOLUME = "ab1d8755907d44c39b320de2750c8e75"


class EndsAtOnce(uvicorn.Server):
    """Uvicorn's own loop notices only ten times in a second that it shall end."""

    async def main_loop(self) -> None:
        while not self.should_exit:
            await asyncio.sleep(0.01)


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """The application on a free port of this machine; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # Connections inherit it; otherwise head and body of an answer, sent apart, cost 40 ms.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = EndsAtOnce(uvicorn.Config(app, log_config=None, lifespan="off", server_header=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=10)


@pytest.fixture
def serve() -> Iterator[Callable[[FrontEnd], str]]:
    with ExitStack() as stack:
        yield lambda front: stack.enter_context(serving(front.app))


def client(url: str, user: str = "admin", key: bytes = ADMIN_KEY) -> StrictGoClient:
    return StrictGoClient(url, user, key, timeout_seconds=10, poll_seconds=0.001)


@pytest.mark.parametrize("ending", ["", "/"])
def test_a_whole_life_with_the_go_client(serve: Callable[[FrontEnd], str], ending: str) -> None:
    """A server URL that ends in a slash works as well."""
    go = client(serve(FrontEnd()) + ending)
    volume = go.create({"size": 1, "name": "data", "gid": 2000})
    assert go.list() == [volume["id"]] == go.cluster_info(volume["cluster"])["volumes"]
    assert go.expand(volume["id"], 2)["size"] == 3 == go.info(volume["id"])["size"]
    go.delete(volume["id"])
    assert go.list() == []
    assert go.sleeps == 0
    with pytest.raises(HeketiError, match=r"^Id not found$"):
        go.info(volume["id"])


def test_what_takes_long_is_polled_until_it_is_done(serve: Callable[[FrontEnd], str]) -> None:
    go = client(serve(FrontEnd(operations=InMemoryOperations(pending_polls=3))))
    assert go.create({"size": 1})["size"] == 1
    assert go.sleeps == 3


def test_a_user_gets_what_it_creates(serve: Callable[[FrontEnd], str]) -> None:
    go = client(serve(FrontEnd()), "user", USER_KEY)
    assert go.create({"size": 1})["size"] == 1
    with pytest.raises(HeketiError, match=r"^Administrator access required$"):
        go.clusters()


def test_errors_reach_the_go_client_as_text(serve: Callable[[FrontEnd], str]) -> None:
    go = client(serve(FrontEnd()))
    with pytest.raises(HeketiError, match=r"^Failed to allocate new volume: No space$"):
        go.create({"size": 10**6})
    with pytest.raises(HeketiError, match=r"^quota command failed : volume is not started$"):
        go.create({"size": 1, "name": "broken"})
    with pytest.raises(HeketiError, match=r"^Id not found$"):
        go.delete(VOLUME)


def test_kubernetes_provisions_expands_and_deletes(serve: Callable[[FrontEnd], str]) -> None:
    go = client(serve(FrontEnd()))
    provisioner = Provisioner(go)
    volume = provisioner.provision(5, gid=2001)
    assert volume.path.startswith("gv0/")
    assert sorted(volume.addresses) == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    assert provisioner.expand(volume, 7).capacity_gib == 7 == go.info(volume.volume_id)["size"]
    provisioner.delete(volume)
    provisioner.delete(replace(volume, volume_id="0" * 32))  # what is not there counts as deleted
    assert go.list() == []


@pytest.mark.parametrize("address", ["127.0.1.1", "node1.example.com", "169.254.0.1"])
def test_the_provisioner_is_as_picky_about_addresses_as_kubernetes(
    serve: Callable[[FrontEnd], str], address: str
) -> None:
    peers = tuple(replace(node, address=address) for node in three_nodes())
    with pytest.raises(ProvisionError, match=address):
        Provisioner(client(serve(FrontEnd(topology=InMemoryTopology(peers=peers))))).provision(1)


def test_a_whole_life_with_the_python_client(serve: Callable[[FrontEnd], str]) -> None:
    python = python_client(serve(FrontEnd()), "admin", ADMIN_KEY.decode())
    assert python.hello()
    volume = python.volume_create({"size": 1, "name": "data"})
    assert python.volume_expand(volume["id"], {"expand_size": 2})["size"] == 3
    assert python.volume_info(volume["id"])["size"] == 3
    (gluster_volume_id,) = python.cluster_list()["clusters"]
    cluster = python.cluster_info(gluster_volume_id)
    assert cluster["volumes"] == [volume["id"]] == python.volume_list()["volumes"]
    assert python.node_info(cluster["nodes"][0])["hostnames"]["storage"] == ["10.0.0.1"]
    assert python.volume_delete(volume["id"])
    assert python.volume_list() == {"volumes": []}


def with_devices(**changes: Any) -> FrontEnd:
    """A replicated Gluster volume on three nodes, with a device and a brick on each."""
    front = FrontEnd(**changes)
    bricks = tuple(Brick(node.name, "/bricks/b", node.id) for node in three_nodes())
    front.topology.known = (replace(front.topology.known[0], bricks=bricks),)
    front.administration.devices.known = tuple(
        Device(
            id=f"{number}" * 32,
            node_id=brick.peer_id,
            name="/dev/sdc",
            total_bytes=500 * 2**30,
            free_bytes=498 * 2**30,
            online=True,
            bricks=(DeviceBrick("b" * 32, CLUSTER_ID, brick.path, 500 * 2**30),),
        )
        for number, brick in enumerate(bricks, start=1)
    )
    front.administration.devices.by_brick = {brick: f"{n}" * 32 for n, brick in enumerate(bricks, start=1)}
    return front


def test_what_heketi_cli_walks_through_shows_the_pool(serve: Callable[[FrontEnd], str]) -> None:
    go = client(serve(with_devices()))
    cli = HeketiCli(go)
    volumes = [go.create({"size": size, "gid": 2000, "name": f"data{size}"}) for size in (1, 2)]
    by_id = sorted(volumes, key=lambda volume: str(volume["id"]))
    assert cli.volume_list() == [f"Id:{each['id']} Cluster:{CLUSTER_ID} Name:{each['name']}" for each in by_id]
    assert cli.cluster_list() == [f"Id:{CLUSTER_ID} [file]"]
    assert cli.node_list() == [f"Id:{node_id}\tCluster:{CLUSTER_ID}" for node_id in sorted(NODE_IDS)]
    shown = cli.topology_info()
    assert shown[0] == f"Cluster Id: {CLUSTER_ID}"
    assert f"Name: {volumes[0]['name']} Size: 1" in shown
    assert f"Node Id: {NODE_IDS[1]} node2.example.com 10.0.0.2 online" in shown
    assert "Id:" + "1" * 32 + " Name:/dev/sdc online 500 2 498" in shown
    assert len(shown) == 1 + 2 + 3 + 3
    assert distribute_count(go.info(volumes[0]["id"])) == 1
    assert cli.persistent_volume(volumes[1]["id"], "e")["glusterfs"]["path"] == volumes[1]["name"]
    assert sorted(cli.endpoint_patch(volumes[1]["id"])) == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]


def test_what_an_administrator_sets_with_the_go_client(serve: Callable[[FrontEnd], str]) -> None:
    front = with_devices()
    go = client(serve(front))
    HeketiCli(go).set_flags(CLUSTER_ID, file=False)
    assert go.cluster_info(CLUSTER_ID)["file"] is False
    HeketiCli(go).set_flags(CLUSTER_ID, file=True)
    device = "1" * 32
    for part in (f"nodes/{NODE_IDS[0]}", f"devices/{device}"):
        go.change_tags(part, "set", {"rack": "r7", "arbiter": "required"})
        go.change_tags(part, "delete", {"arbiter": ""})
    assert go.node_info(NODE_IDS[0])["tags"] == {"rack": "r7"} == go.device_info(device)["tags"]
    assert go.device_info(device)["storage"] == {"total": 524288000, "free": 522190848, "used": 2097152}
    assert go.log_levels() == {"glusterfs": "info"}
    assert go.set_log_level("glusterfs", "debug") == {"glusterfs": "debug"} == go.log_levels()
    for mode in ("read-only", "normal"):
        go.set_mode(mode)
        assert go.mode() == mode
    front.administration.across_instances.operations = [OngoingOperation("ab" * 33, OperationKind.CREATE, VOLUME)]
    assert go.operation_counts()["total"] == 1
    (pending,) = go.pending_operations()
    assert go.pending_operation(pending["id"])["changes"] == [{"id": VOLUME, "description": "Add volume"}]
    go.clean_up()
    assert front.administration.across_instances.cleaned_up == 1
    assert go.block_volumes() == []
    for path in ("/db/dump", "/db/check", "/internal/state/examine/gluster"):
        assert json.loads(go.text(path))
    assert go.backup() == b"{}\n"


def test_what_is_refused_ends_the_go_client_with_what_to_do_instead(serve: Callable[[FrontEnd], str]) -> None:
    go = client(serve(with_devices()))
    volume = go.create({"size": 1})["id"]
    device, node, brick = "1" * 32, NODE_IDS[0], go.info(volume)["bricks"][0]["id"]
    new_node = {"zone": 1, "hostnames": {"manage": ["n9"], "storage": ["10.0.0.9"]}, "cluster": CLUSTER_ID}
    refused: list[tuple[Callable[[], object], str]] = [
        (go.create_cluster, "gluster volume create"),
        (lambda: go.delete_cluster(CLUSTER_ID), "PIRAGUA_VOLUMES"),
        (lambda: go.add_node(new_node), "gluster peer probe"),
        (lambda: go.delete_part(f"nodes/{node}"), "gluster volume remove-brick"),
        (lambda: go.set_state(f"nodes/{node}", "offline"), "glusterd"),
        (lambda: go.add_device(node, "/dev/sdd"), "gluster volume add-brick"),
        (lambda: go.delete_part(f"devices/{device}"), "gluster volume remove-brick"),
        (lambda: go.set_state(f"devices/{device}", "failed"), "glusterd"),
        (lambda: go.resync_device(device), "nothing to resync"),
        (lambda: go.evict_brick(brick), "gluster volume replace-brick"),
        (lambda: go.create_block_volume(1), "heketi-cli volume create"),
        (lambda: go.restrict_blocks(volume, "locked"), "can only be set on block hosting volumes"),
        (lambda: go.block_volume_info(volume), "^Id not found$"),
        (lambda: go.expand_block_volume(volume, 2), "^Id not found$"),
        (lambda: go.delete_block_volume(volume), "^Id not found$"),
        (lambda: go.set_log_level("heketi", "info"), '^Only "glusterfs" logger may be modified$'),
        (lambda: go.set_mode("off"), "must be a valid value"),
        (lambda: go.pending_operation("ab"), "^Id not found: ab$"),
    ]
    for call, text in refused:
        with pytest.raises(HeketiError, match=text):
            call()
    assert go.list() == [volume], "nothing happened"


def test_a_topology_that_is_there_is_loaded_and_nothing_else(serve: Callable[[FrontEnd], str]) -> None:
    cli = HeketiCli(client(serve(with_devices())))

    def file(manage: str, *devices: str) -> dict[str, Any]:
        node = {"node": {"zone": 1, "hostnames": {"manage": [manage], "storage": ["10.0.0.1"]}}}
        return {"clusters": [{"nodes": [{**node, "devices": list(devices)}]}]}

    found = cli.topology_load(file("node1.example.com", "/dev/sdc"))
    assert found == [f"Found node node1.example.com on cluster {CLUSTER_ID}", "Found device /dev/sdc"]
    with pytest.raises(HeketiError, match="gluster volume add-brick"):
        cli.topology_load(file("node1.example.com", "/dev/sdc", "/dev/sdd"))
    with pytest.raises(HeketiError, match="gluster volume create"):
        cli.topology_load(file("node9.example.com"))


def test_a_server_that_is_busy_is_asked_again_soon_and_not_for_ever(serve: Callable[[FrontEnd], str]) -> None:
    operations = InMemoryOperations(full=True)
    waits = list[float]()

    def wait(seconds: float) -> None:
        waits.append(seconds)
        operations.full = len(waits) < 3

    url = serve(FrontEnd(operations=operations))
    go = StrictGoClient(url, "admin", ADMIN_KEY, busy_sleep=wait)
    assert go.create({"size": 1})["size"] == 1
    assert waits == go.busy_seconds == [1, 1, 1], "not the ten seconds and more of an answer without Retry-After"
    operations.full = True
    with pytest.raises(HeketiError, match=r"^Server busy\. Retry operation later\.$"):
        StrictGoClient(url, "admin", ADMIN_KEY, busy_sleep=lambda _: None).create({"size": 1})


def other_server(reply: Response, final: Response) -> Any:
    """A server that answers every POST and DELETE with reply, and every GET with final."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        answer = final if Request(scope).method == "GET" else reply
        await answer(scope, receive, send)

    return app


TO_QUEUE = {"Location": "/queue/1"}
MINIMAL = {"size": 1, "name": "n", "id": "a", "cluster": "c"}


@pytest.mark.parametrize(
    ("reply", "final", "text"),
    [
        (Response(status_code=201, headers=TO_QUEUE), JSONResponse(MINIMAL), "status 201"),
        (Response(status_code=202), JSONResponse(MINIMAL), "no Location header"),
        (Response(status_code=202, headers=TO_QUEUE), JSONResponse(MINIMAL, 202), "size"),
        (Response(status_code=202, headers=TO_QUEUE), Response(status_code=204), "status 204"),
        (
            Response(status_code=202, headers=TO_QUEUE),
            Response(status_code=202, headers={"X-Pending": "true"}),
            "status 202",
        ),
        (
            Response(status_code=202, headers=TO_QUEUE),
            JSONResponse({**MINIMAL, "size": 1.0}),
            "cannot unmarshal 1.0",
        ),
        (
            Response(status_code=202, headers=TO_QUEUE),
            JSONResponse({**MINIMAL, "durability": {"type": "replicate", "replicate": {}}}),
            "divide by zero",
        ),
        (
            Response(status_code=202, headers=TO_QUEUE),
            JSONResponse(MINIMAL, headers={"X-Pending": "false"}),
            "X-Pending: false on a final answer",
        ),
        (
            Response(status_code=202, headers={**TO_QUEUE, "X-Pending": "true"}),
            JSONResponse(MINIMAL),
            "X-Pending on what is no poll",
        ),
        (
            Response(status_code=202, headers=TO_QUEUE),
            Response(status_code=303, headers={"Location": "/volumes/a", "X-Pending": "false"}),
            "X-Pending on a final answer: 303",
        ),
        (
            Response(status_code=202, headers=TO_QUEUE),
            JSONResponse({**MINIMAL, "bricks": [{"size": -1}]}),
            "cannot unmarshal number -1 into .bricks.size",
        ),
        (
            Response(status_code=202, headers=TO_QUEUE),
            JSONResponse({**MINIMAL, "size": 2**63}),
            "cannot unmarshal number 9223372036854775808",
        ),
    ],
)
def test_the_strict_client_refuses_what_the_go_client_refuses(reply: Response, final: Response, text: str) -> None:
    """Otherwise the tests above would show nothing. What is refused was recorded with the real one."""
    with serving(other_server(reply, final)) as url, pytest.raises(HeketiError, match=text):
        client(url).create({"size": 1})


DEVICE = {"name": "/dev/sdc", "id": "d", "state": "online", "bricks": [], "storage": {"total": 1, "free": 1}}


@pytest.mark.parametrize(
    ("call", "answer", "text"),
    [
        (lambda go: go.device_info("d"), JSONResponse({**DEVICE, "storage": {"used": -1}}), "number -1"),
        (lambda go: go.device_info("d"), JSONResponse({**DEVICE, "storage": {"used": 0.5}}), "unmarshal 0.5"),
        (lambda go: go.operation_counts(), JSONResponse({"total": -1}), "number -1"),
        (lambda go: go.node_info("n"), JSONResponse({"hostnames": {"manage": [], "storage": []}}), "out of range"),
        (lambda go: go.create_cluster(), JSONResponse({"id": "c"}), "id"),
        (lambda go: go.set_flags("c", file=True, block=True), Response(status_code=204), "status 204"),
        (lambda go: go.delete_cluster("c"), Response(status_code=202, headers=TO_QUEUE), "status 202"),
        (lambda go: go.change_tags("nodes/n", "set", {}), Response(status_code=204), "status 204"),
        (lambda go: go.set_state("nodes/n", "online"), Response(status_code=200), "status 200"),
        (lambda go: go.resync_device("d"), Response(status_code=204), "status 204"),
        (lambda go: go.evict_brick("b"), Response(status_code=200), "status 200"),
        (lambda go: go.delete_part("devices/d"), Response(status_code=204), "status 204"),
        (lambda go: go.block_volumes(), Response(status_code=404), "status 404"),
        (lambda go: go.set_mode("normal"), Response(status_code=202, headers=TO_QUEUE), "status 202"),
        (lambda go: go.set_log_level("glusterfs", "info"), Response(status_code=204), "status 204"),
        (lambda go: go.clean_up(), Response(status_code=201), "status 201"),
        (lambda go: go.text("/db/dump"), Response(status_code=204), "status 204"),
    ],
)
def test_the_strict_client_refuses_other_statuses_and_numbers_of_administration(
    call: Callable[[StrictGoClient], object], answer: Response, text: str
) -> None:
    with serving(other_server(answer, answer)) as url, pytest.raises(HeketiError, match=text):
        call(client(url))
