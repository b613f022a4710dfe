"""What a client sees: answers to the byte, the queue, ids in paths, the original's paths, health."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piragua import __version__
from piragua.errors import NotFound
from piragua.http.ids import checked_id
from piragua.models import Durability, Failed, Layout, Node, Snapshot, Volume, gib_to_bytes
from tests.support.heketi_clients.front_end import FrontEnd
from tests.support.heketi_clients.in_memory import CLUSTER_ID, NODE_IDS, InMemoryOperations, InMemoryTopology

pytestmark = pytest.mark.anyio

VOLUME = "ab1d8755907d44c39b320de2750c8e75"
DASHED = "ab1d8755-907d-44c3-9b32-0de2750c8e75"
PATH = f"gv0/{DASHED}/data"


def front_with_volume(**changes: object) -> FrontEnd:
    front = FrontEnd()
    volume = Volume(VOLUME, CLUSTER_ID, "gv0", "data", gib_to_bytes(2), gid=2000, snapshot=Snapshot(True, 1.0))
    front.volumes.add(replace(volume, **changes))  # type: ignore[arg-type]
    return front


async def test_a_volume_is_shown_as_heketi_shows_one() -> None:
    """Order of keys, omissions and types of item B19; the server that is down comes last."""
    reply = await front_with_volume().ask("GET", f"/volumes/{VOLUME}")
    assert reply.headers["Content-Type"] == "application/json; charset=UTF-8"
    assert reply.text == (
        f'{{"size":2,"name":"{PATH}",'
        '"durability":{"type":"replicate","replicate":{"replica":3},"disperse":{}},'
        '"gid":2000,"glustervolumeoptions":[],"snapshot":{"enable":true,"factor":1},'
        f'"id":"{VOLUME}","cluster":"{CLUSTER_ID}",'
        '"mount":{"glusterfs":{"hosts":["10.0.0.2","10.0.0.3","10.0.0.1"],'
        f'"device":"10.0.0.2:{PATH}","options":{{"backup-volfile-servers":"10.0.0.3,10.0.0.1"}}}}}},'
        '"blockinfo":{},"bricks":[]}\n'
    )


async def test_a_gid_of_none_is_left_out_and_options_are_echoed() -> None:
    front = front_with_volume(gid=0, options=("user.heketi.x y", "client.ssl on"), snapshot=Snapshot(True, 1.5))
    answer = (await front.ask("GET", f"/volumes/{VOLUME}")).json()
    assert "gid" not in answer
    assert answer["glustervolumeoptions"] == ["user.heketi.x y", "client.ssl on"]
    assert answer["snapshot"]["factor"] == 1.5


@pytest.mark.parametrize(
    ("real", "shown"),
    [
        (Durability(), {"type": "none", "replicate": {}, "disperse": {}}),
        (
            Durability(Layout.DISPERSE, data=4, redundancy=2),
            {"type": "disperse", "replicate": {}, "disperse": {"data": 4, "redundancy": 2}},
        ),
        (Durability(Layout.REPLICATE), {"type": "replicate", "replicate": {"replica": 1}, "disperse": {}}),
    ],
)
async def test_durability_is_the_gluster_volumes_own_and_never_divides_by_zero(
    real: Durability, shown: dict[str, object]
) -> None:
    front = front_with_volume()
    front.topology.known = (replace(front.topology.known[0], durability=real),)
    assert (await front.ask("GET", f"/volumes/{VOLUME}")).json()["durability"] == shown


async def test_a_gluster_volume_out_of_sight_does_not_make_its_volumes_vanish() -> None:
    front = front_with_volume()
    front.topology.known = ()
    reply = await front.ask("GET", f"/volumes/{VOLUME}")
    assert reply.status_code == 503
    assert "Id not found" not in reply.text


@pytest.mark.parametrize("target", [f"/clusters/{CLUSTER_ID}", "/clusters/gv0"])
async def test_a_cluster_is_shown_by_id_and_by_name(target: str) -> None:
    ids = ",".join(f'"{node_id}"' for node_id in NODE_IDS)
    assert (await front_with_volume().ask("GET", target)).text == (
        f'{{"id":"{CLUSTER_ID}","nodes":[{ids}],"volumes":["{VOLUME}"],'
        '"block":false,"file":true,"blockvolumes":[]}\n'
    )


async def test_clusters_are_listed_by_id() -> None:
    front = FrontEnd()
    front.topology.known = (*front.topology.known, replace(front.topology.known[0], id="0" * 32, name="gv1"))
    assert (await front.ask("GET", "/clusters")).json() == {"clusters": ["0" * 32, CLUSTER_ID]}


async def test_a_node_has_exactly_one_name_and_one_address() -> None:
    assert (await FrontEnd().ask("GET", f"/nodes/{NODE_IDS[0]}")).text == (
        '{"zone":1,"hostnames":{"manage":["node1.example.com"],"storage":["10.0.0.1"]},'
        f'"cluster":"{CLUSTER_ID}","id":"{NODE_IDS[0]}","state":"offline","devices":[]}}\n'
    )


async def test_a_node_without_a_usable_address_says_so() -> None:
    node = Node(NODE_IDS[0], CLUSTER_ID, "n1", None, "n1 resolves to 127.0.1.1, which is loopback", online=True)
    reply = await FrontEnd(topology=InMemoryTopology(peers=(node,))).ask("GET", f"/nodes/{node.id}")
    assert (reply.status_code, reply.text) == (500, "n1 resolves to 127.0.1.1, which is loopback\n")


async def test_a_create_shows_in_the_queue_and_then_as_a_volume() -> None:
    front = FrontEnd(operations=InMemoryOperations(pending_polls=2))
    created = await front.ask("POST", "/volumes", '{"size": 2, "name": "data"}')
    assert (created.status_code, created.content) == (202, b"")
    assert created.headers["Content-Length"] == "0"
    assert "Content-Type" not in created.headers
    queue = created.headers["Location"]
    for _ in range(2):
        pending = await front.ask("GET", queue)
        assert (pending.status_code, pending.content) == (200, b"")
        assert pending.headers["X-Pending"] == "true"
        assert "Content-Type" not in pending.headers
    done = await front.ask("GET", queue)
    (volume_id,) = front.volumes.volumes
    assert (done.status_code, done.headers["Location"]) == (303, f"/volumes/{volume_id}")
    assert done.headers["Content-Type"] == "text/html; charset=utf-8"
    assert done.text == f'<a href="/volumes/{volume_id}">See Other</a>.\n\n'
    assert "X-Pending" not in done.headers
    assert (await front.ask("GET", queue)).headers["Location"] == done.headers["Location"]
    assert (await front.ask("GET", done.headers["Location"])).json()["size"] == 2


async def test_a_delete_ends_with_no_content_however_often_it_is_polled() -> None:
    front = front_with_volume()
    queue = (await front.ask("DELETE", f"/volumes/{VOLUME}", "{}")).headers["Location"]
    for _ in range(2):
        reply = await front.ask("GET", queue)
        assert (reply.status_code, reply.content) == (204, b"")
        assert not {"content-type", "x-pending", "location"} & set(reply.headers)
    assert (await front.ask("GET", f"/volumes/{VOLUME}")).text == "Id not found\n"


async def test_a_failure_of_the_work_is_the_queues_error() -> None:
    front = FrontEnd()
    queue = (await front.ask("POST", "/volumes", '{"size": 1, "name": "broken"}')).headers["Location"]
    for _ in range(2):
        reply = await front.ask("GET", queue)
        assert (reply.status_code, reply.text) == (500, "quota command failed : volume is not started\n")
        assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert "X-Pending" not in reply.headers


@pytest.mark.parametrize("message", ["line\nline\r\n", "\x00\x1b[31m", "\ud800", ""])
async def test_any_text_of_a_failure_gets_out(message: str) -> None:
    front = FrontEnd()
    front.operations.outcomes["abc"] = Failed(message)
    reply = await front.ask("GET", "/queue/abc")
    assert reply.status_code == 500
    assert reply.content.decode().strip()
    assert not {"\x00", "\x1b", "\r"} & set(reply.text)


@pytest.mark.parametrize("operation_id", ["abc", "ABCDEF", "0" * 32, "f" * 5000])
async def test_an_unknown_operation_never_says_that_an_id_is_not_found(operation_id: str) -> None:
    """Kubernetes takes these words, from the poll of a delete, for "deleted"."""
    reply = await FrontEnd().ask("GET", f"/queue/{operation_id}")
    assert reply.status_code == 404
    assert reply.text.startswith("Unknown operation ")
    assert "not found" not in reply.text


@pytest.mark.parametrize("operation_id", ["ABCDEF", "f" * 5000])
async def test_what_can_be_no_operation_is_not_asked_for(operation_id: str) -> None:
    front = FrontEnd()
    await front.ask("GET", f"/queue/{operation_id}")
    assert front.operations.asked == []


async def test_expand_adds() -> None:
    front = front_with_volume()
    for size_gib in (5, 8):
        queue = (await front.ask("POST", f"/volumes/{VOLUME}/expand", '{"expand_size": 3}')).headers["Location"]
        assert (await front.ask("GET", queue)).headers["Location"] == f"/volumes/{VOLUME}"
        assert (await front.ask("GET", f"/volumes/{VOLUME}")).json()["size"] == size_gib


async def test_a_volume_in_use_by_another_operation_is_not_deleted() -> None:
    """Item D7."""
    front = front_with_volume()
    front.volumes.busy.add(VOLUME)
    reply = await front.ask("DELETE", f"/volumes/{VOLUME}")
    text = "Failed to set up volume delete: The target exists, contains other items, or is in use.\n"
    assert (reply.status_code, reply.text) == (500, text)


@pytest.mark.parametrize("spelling", [VOLUME, DASHED])
async def test_a_volume_is_found_by_both_spellings_of_its_id(spelling: str) -> None:
    front = front_with_volume()
    assert (await front.ask("GET", f"/volumes/{spelling}")).json()["id"] == VOLUME
    assert (await front.ask("POST", f"/volumes/{spelling}/expand", '{"expand_size": 1}')).status_code == 202
    assert (await front.ask("DELETE", f"/volumes/{spelling}")).status_code == 202


@pytest.mark.parametrize(
    "target",
    [
        "/volumes/..",
        "/volumes/.",
        "/volumes/%2e%2e",
        "/volumes/%00",
        f"/volumes/{VOLUME}%00",
        f"/volumes/{VOLUME}%0a",
        f"/volumes/{VOLUME}%2fexpand",
        f"/volumes%2f{VOLUME}",
        f"/volumes/{DASHED.upper()}",
        f"/volumes/{VOLUME}-",
        "/volumes/%ff",
        "/volumes/é",
        f"/volumes/gv0/{VOLUME}/data",
        f"/volumes/gv0/{DASHED}/..",
        f"/volumes/gv0/{DASHED}/a.b",
        f"/volumes/../{DASHED}/data",
        f"/volumes/gv0/{DASHED}/{'n' * 256}",
        f"/nodes/{DASHED}",
        "/clusters/g.v",
    ],
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_what_is_no_id_and_no_name_is_no_route(method: str, target: str) -> None:
    front = front_with_volume()
    front.volumes.failure = AssertionError("asked the core")
    reply = await front.ask(method, target)
    assert (reply.status_code, reply.text) == (404, "Invalid path or request\n")


async def test_an_id_of_the_wrong_length_is_not_found() -> None:
    front = front_with_volume()
    front.volumes.failure = AssertionError("asked the core")
    for volume_id in ("0", VOLUME[:-1], VOLUME + "0", "f" * 10_000):
        assert (await front.ask("GET", f"/volumes/{volume_id}")).text == "Id not found\n"


@given(st.uuids())
def test_every_uuid_is_an_id(uuid: object) -> None:
    dashed = str(uuid)
    assert checked_id(dashed) == checked_id(dashed.replace("-", "")) == dashed.replace("-", "")


@given(st.text() | st.from_regex(r"[0-9A-Fa-f-]{30,38}"))
def test_nothing_but_hex_digits_is_passed_on(text: str) -> None:
    try:
        found = checked_id(text)
    except NotFound:
        return
    assert len(found) == 32
    assert set(found) <= set("0123456789abcdef")


async def test_the_originals_path_shows_and_grows_and_deletes() -> None:
    front = front_with_volume()
    assert (await front.ask("GET", f"/volumes/{PATH}")).json()["id"] == VOLUME
    queue = (await front.ask("POST", f"/volumes/{PATH}/expand", '{"expand_size": 1}')).headers["Location"]
    assert (await front.ask("GET", queue)).headers["Location"] == f"/volumes/{VOLUME}"
    assert (await front.ask("GET", f"/volumes/{PATH}")).json()["size"] == 3
    for _ in range(2):  # a second delete, of what is in the trash, ends well too
        queue = (await front.ask("DELETE", f"/volumes/{PATH}")).headers["Location"]
        assert (await front.ask("GET", queue)).status_code == 204
    assert (await front.ask("GET", f"/volumes/{PATH}")).text == "Id not found\n"


@pytest.mark.parametrize("path", [f"gv1/{DASHED}/data", f"gv0/{DASHED}/other", f"{CLUSTER_ID}/{DASHED}/data"])
async def test_a_path_that_is_not_the_volumes_own_never_says_that_the_volume_is_gone(path: str) -> None:
    front = front_with_volume()
    for method, target, body in (
        ("GET", f"/volumes/{path}", None),
        ("DELETE", f"/volumes/{path}", None),
        ("POST", f"/volumes/{path}/expand", '{"expand_size": 1}'),
    ):
        assert (await front.ask(method, target, body)).text == "Invalid path or request\n"
    assert front.volumes.volumes[VOLUME].size_bytes == gib_to_bytes(2)


@pytest.mark.parametrize("path", ["/health", "/live"])
async def test_a_healthy_service_says_that_it_is_alive(path: str) -> None:
    reply = await FrontEnd().ask("GET", path, role=None)
    assert (reply.status_code, reply.text) == (200, "alive.")


async def test_health_names_what_is_wrong_and_the_process_lives_on() -> None:
    async def wrong() -> Sequence[str]:
        return ["gv0 is not mounted", "glusterd cannot be\nreached"]

    front = FrontEnd(health=wrong)
    reply = await front.ask("GET", "/health", role=None)
    assert (reply.status_code, reply.text) == (503, "gv0 is not mounted\nglusterd cannot be reached\n")
    assert (await front.ask("GET", "/live", role=None)).status_code == 200


async def test_the_version_is_told_to_anybody() -> None:
    assert json.loads((await FrontEnd().ask("GET", "/version", role=None)).text) == {"version": __version__}
