"""Heketi's clients, each as strict as the real one, against the front-end on a real socket."""

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

from tests.heketi_clients.front_end import ADMIN_KEY, USER_KEY, FrontEnd
from tests.heketi_clients.in_memory import InMemoryOperations, InMemoryTopology, three_nodes
from tests.heketi_clients.provisioner import Provisioner, ProvisionError
from tests.heketi_clients.python_client import python_client
from tests.heketi_clients.strict_go import HeketiError, StrictGoClient

VOLUME = "ab1d8755907d44c39b320de2750c8e75"


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """The application on a free port of this machine; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # Connections inherit it; otherwise head and body of an answer, sent apart, cost 40 ms.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", server_header=False))
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
        yield lambda front: stack.enter_context(serving(front.app()))


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
    (cluster_id,) = python.cluster_list()["clusters"]
    cluster = python.cluster_info(cluster_id)
    assert cluster["volumes"] == [volume["id"]] == python.volume_list()["volumes"]
    assert python.node_info(cluster["nodes"][0])["hostnames"]["storage"] == ["10.0.0.1"]
    assert python.volume_delete(volume["id"])
    assert python.volume_list() == {"volumes": []}


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
    ],
)
def test_the_strict_client_refuses_what_the_go_client_refuses(reply: Response, final: Response, text: str) -> None:
    """Otherwise the tests above would show nothing. What is refused was recorded with the real one."""
    with serving(other_server(reply, final)) as url, pytest.raises(HeketiError, match=text):
        client(url).create({"size": 1})
