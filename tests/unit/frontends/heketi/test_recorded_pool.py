"""Clusters, nodes, devices, bricks, block volumes and administration as a real Heketi 10.4.1 was recorded.

Items are those of the recording. Where Piragua refuses what Heketi did, its answer begins as Heketi's does
where Heketi would refuse as well, and says what to do instead.
"""

import json
from dataclasses import replace
from typing import NamedTuple

import pytest

from piragua.errors import NotReady
from piragua.models import (
    Brick,
    Device,
    DeviceBrick,
    Durability,
    GlusterVolume,
    GlusterVolumeFlags,
    Layout,
    Mode,
    OngoingOperation,
    OperationKind,
    Volume,
    gib_to_bytes,
)
from tests.support.heketi_clients.front_end import FrontEnd
from tests.support.heketi_clients.in_memory import (
    CLUSTER_ID,
    NODE_IDS,
    InMemoryAdministration,
    InMemoryDevices,
    InMemoryTopology,
)

pytestmark = pytest.mark.anyio

TEXT = "text/plain; charset=utf-8"
JSON = "application/json; charset=UTF-8"
UNPARSABLE = "request unable to be parsed\n"
UNKNOWN = "Id not found\n"
VOLUME = "65021b4d0a7bbcb702f356711a18d1f0"
DASHED = "65021b4d-0a7b-bcb7-02f3-56711a18d1f0"
DEVICE = "f48f44e7adce5e99d9520624fca2e6d8"
NODE = NODE_IDS[0]
NOBODY = "a" * 32
BRICKS = tuple(Brick(f"node{n}", "/bricks/b", node_id) for n, node_id in enumerate(NODE_IDS, start=1))


def front_end() -> FrontEnd:
    """A replicated Gluster volume with a device on its first node, and one volume."""
    cluster = GlusterVolume(CLUSTER_ID, "gv0", True, Durability(Layout.REPLICATE, replica=3), BRICKS)
    device = Device(
        id=DEVICE,
        node_id=NODE,
        name="/dev/sdc",
        total_bytes=524288000 * 1024,
        free_bytes=522178560 * 1024,
        online=True,
        bricks=(DeviceBrick("b" * 32, CLUSTER_ID, "/bricks/b", 524288000 * 1024),),
    )
    devices = InMemoryDevices((device,), {BRICKS[0]: DEVICE})
    front = FrontEnd(
        topology=InMemoryTopology(known=(cluster,)), administration=InMemoryAdministration(devices=devices)
    )
    front.volumes.add(Volume(VOLUME, CLUSTER_ID, "gv0", "data", gib_to_bytes(1)))
    return front


def _tags(change: str, tags: dict[str, str]) -> str:
    return json.dumps({"change_type": change, "tags": tags})


class Recorded(NamedTuple):
    """Item of the recording, request, and the answer."""

    item: str
    method: str
    target: str
    body: str | None
    status: int
    content_type: str | None
    text: str


def failed(item: str, method: str, target: str, body: str | None, status: int, text: str) -> Recorded:
    return Recorded(item, method, target, body, status, TEXT, text + "\n")


def invalid(item: str, target: str, body: str, text: str) -> Recorded:
    return failed(item, "POST", target, body, 400, f"validation failed: {text}")


HOSTS = '"hostnames": {"manage": ["a"], "storage": ["10.0.0.9"]}'
TO_THE_BYTE = [
    Recorded("A88", "GET", "/blockvolumes", None, 200, JSON, '{"blockvolumes":[]}\n'),
    Recorded(
        "A91", "GET", "/operations", None, 200, JSON, '{"total":0,"in_flight":0,"stale":0,"failed":0,"new":0}\n'
    ),
    Recorded("A92", "GET", "/operations/pending", None, 200, JSON, '{"pendingoperations":[]}\n'),
    failed("A93", "GET", "/operations/pending/abc", None, 404, "Id not found: abc"),
    Recorded("A96", "GET", "/internal/logging", None, 200, JSON, '{"loglevel":{"glusterfs":"info"}}\n'),
    Recorded(
        "A97",
        "POST",
        "/internal/logging",
        '{"loglevel": {"glusterfs": "debug"}}',
        200,
        JSON,
        '{"loglevel":{"glusterfs":"debug"}}\n',
    ),
    failed(
        "A98", "POST", "/internal/logging", '{"loglevel": {"glusterfs": "loud"}}', 422, "invalid log level: loud"
    ),
    failed(
        "A99",
        "POST",
        "/internal/logging",
        '{"loglevel": {"x": "info"}}',
        422,
        'Only "glusterfs" logger may be modified',
    ),
    failed(
        "A100", "POST", "/internal/logging", "{", 400, "request unable to be parsed: unexpected end of JSON input"
    ),
    Recorded("A102", "GET", "/admin", None, 200, JSON, '{"state":"normal"}\n'),
    invalid("A103", "/admin", '{"state": "foo"}', "state: must be a valid value."),
    invalid("A104", "/admin", "{}", "state: cannot be blank."),
    failed("A105", "POST", "/admin", "{", 400, "request unable to be parsed: unexpected end of JSON input"),
    failed(
        "C40",
        "POST",
        f"/volumes/{VOLUME}/block-restriction",
        '{"restriction": "locked"}',
        500,
        "Failed to set block restriction: Block restrictions can only be set on block hosting volumes",
    ),
    invalid(
        "C48",
        f"/volumes/{VOLUME}/block-restriction",
        '{"restriction": "x"}',
        "restriction: must be a valid value.",
    ),
    failed("C50", "POST", "/volumes/abcdef/block-restriction", '{"restriction": "locked"}', 404, "Id not found"),
    Recorded("C69", "POST", "/clusters", "", 422, TEXT, UNPARSABLE),
    Recorded("C70", "POST", "/clusters", "{", 422, TEXT, UNPARSABLE),
    Recorded("C71", "POST", "/clusters", '{"file": "yes"}', 422, TEXT, UNPARSABLE),
    Recorded("C75", "POST", f"/clusters/{CLUSTER_ID}/flags", '{"file": true, "block": false}', 200, JSON, ""),
    Recorded("C78", "POST", "/clusters/abcdef/flags", '{"file": true}', 404, TEXT, UNKNOWN),
    Recorded("C79", "POST", f"/clusters/{CLUSTER_ID}/flags", "x", 422, TEXT, UNPARSABLE),
    Recorded("C86", "DELETE", "/clusters/abcdef", None, 404, TEXT, UNKNOWN),
    failed(
        "C88",
        "POST",
        "/nodes",
        f'{{"zone": 1, "cluster": "{CLUSTER_ID}",'
        '"hostnames": {"manage": ["node1.example.com"], "storage": ["10.0.0.9"]}}',
        409,
        f"Hostname node1.example.com already used by node with id {NODE}\n",
    ),
    invalid("C93", "/nodes", f'{{"cluster": "{CLUSTER_ID}", {HOSTS}}}', "zone: cannot be blank."),
    invalid(
        "C94", "/nodes", f'{{"zone": -1, "cluster": "{CLUSTER_ID}", {HOSTS}}}', "zone: must be no less than 1."
    ),
    invalid(
        "C95",
        "/nodes",
        f'{{"zone": 1, "cluster": "{CLUSTER_ID}"}}',
        "hostnames: (manage: cannot be blank; storage: cannot be blank.).",
    ),
    invalid(
        "C96",
        "/nodes",
        f'{{"zone": 1, "cluster": "{CLUSTER_ID}", "hostnames": {{"manage": ["a"], "storage": []}}}}',
        "hostnames: (storage: cannot be blank.).",
    ),
    invalid(
        "C97",
        "/nodes",
        f'{{"zone": 1, "cluster": "{CLUSTER_ID}", "hostnames": {{"manage": ["a b"], "storage": ["10.0.0.9"]}}}}',
        "hostnames: (manage: [a b] is not a valid manage hostname.).",
    ),
    invalid("C98", "/nodes", f'{{"zone": 1, "cluster": "abc", {HOSTS}}}', "cluster: abc is not a valid UUID."),
    failed(
        "C99", "POST", "/nodes", f'{{"zone": 1, "cluster": "{NOBODY}", {HOSTS}}}', 404, "Cluster id does not exist"
    ),
    Recorded("C100", "POST", "/nodes", "{", 422, TEXT, UNPARSABLE),
    invalid("C110", f"/nodes/{NODE}/state", '{"state": "sleepy"}', "state: sleepy is not valid state."),
    invalid("C111", f"/nodes/{NODE}/state", "{}", "state: cannot be blank."),
    Recorded("C112", "POST", "/nodes/abcdef/state", '{"state": "online"}', 404, TEXT, UNKNOWN),
    Recorded("C113", "POST", f"/nodes/{NODE}/state", "{", 422, TEXT, UNPARSABLE),
    Recorded(
        "C114",
        "POST",
        f"/nodes/{NODE}/tags",
        _tags("set", {"c": "d", "a": "b"}),
        200,
        JSON,
        '{"a":"b","c":"d"}\n',
    ),
    invalid("C118", f"/nodes/{NODE}/tags", _tags("zap", {"a": ""}), "change_type: must be a valid value."),
    invalid("C119", f"/nodes/{NODE}/tags", '{"tags": {"a": ""}}', "change_type: cannot be blank."),
    invalid("C120", f"/nodes/{NODE}/tags", _tags("set", {"a b": ""}), "tags: invalid characters in tag name a b."),
    invalid(
        "C121",
        f"/nodes/{NODE}/tags",
        _tags("set", {"a": "x" * 65}),
        "tags: value of tag a: the length must be no more than 64.",
    ),
    invalid(
        "C122",
        f"/nodes/{NODE}/tags",
        _tags("set", {f"t{n}": "" for n in range(33)}),
        "tags: too many tags specified (33), up to 32 supported.",
    ),
    Recorded("C123", "POST", "/nodes/abcdef/tags", _tags("set", {}), 404, TEXT, UNKNOWN),
    Recorded("C124", "POST", f"/nodes/{NODE}/tags", _tags("set", {}), 200, JSON, "{}\n"),
    Recorded("C129", "DELETE", "/nodes/abcdef", None, 404, TEXT, UNKNOWN),
    invalid("C133", "/devices", f'{{"node": "{NODE}", "name": "sdc"}}', "name: must be in a valid format."),
    invalid("C134", "/devices", f'{{"node": "{NODE}"}}', "name: cannot be blank."),
    invalid("C135", "/devices", '{"node": "abc", "name": "/dev/sdd"}', "node: abc is not a valid UUID."),
    failed(
        "C136", "POST", "/devices", f'{{"node": "{NOBODY}", "name": "/dev/sdd"}}', 404, "Node id does not exist"
    ),
    Recorded("C137", "POST", "/devices", "{", 422, TEXT, UNPARSABLE),
    Recorded("C142", "GET", "/devices/abcdef/resync", None, 404, TEXT, UNKNOWN),
    Recorded("C156", "POST", "/devices/abcdef/state", '{"state": "online"}', 404, TEXT, UNKNOWN),
    Recorded(
        "C155",
        "POST",
        f"/devices/{DEVICE}/tags",
        _tags("set", {"arbiter": "required"}),
        200,
        JSON,
        '{"arbiter":"required"}\n',
    ),
    Recorded("C160", "DELETE", "/devices/abcdef", None, 404, TEXT, UNKNOWN),
    Recorded("C161", "POST", "/bricks/to-evict/abcdef", "{}", 404, TEXT, UNKNOWN),
    invalid(
        "C162",
        "/bricks/to-evict/abcdef",
        '{"healcheck": "x"}',
        "healcheck: x is not valid heal info check.",
    ),
    invalid("C172", "/blockvolumes", '{"size": 0}', "size: cannot be blank."),
    invalid("C173", "/blockvolumes", '{"size": 1, "name": "a/b"}', "name: must be in a valid format."),
    invalid("C174", "/blockvolumes", '{"size": 1, "hacount": -1}', "hacount: must be no less than 1."),
    Recorded("C175", "POST", "/blockvolumes", "{", 422, TEXT, UNPARSABLE),
    Recorded("C178", "GET", "/blockvolumes/abcdef", None, 404, TEXT, UNKNOWN),
    invalid("C183", f"/blockvolumes/{VOLUME}/expand", "{}", "new_size: cannot be blank."),
    Recorded("C189", "DELETE", f"/blockvolumes/{VOLUME}", None, 404, TEXT, UNKNOWN),
    invalid("C195", "/operations/pending/cleanup", '{"operations": ["x"]}', "operations: x is not a valid UUID."),
    Recorded("C196", "POST", "/operations/pending/cleanup", "", 422, TEXT, UNPARSABLE),
    Recorded("C202", "POST", "/admin", '{"state": "read-only"}', 204, None, ""),
]

# What Heketi does, or refuses only in the end, and Piragua cannot do: status, and what the text says.
REFUSED = [
    ("C66", "POST", "/clusters", "{}", 400, "gluster volume create"),
    ("C87", "DELETE", f"/clusters/{CLUSTER_ID}", None, 409, f"Unable to delete cluster [{CLUSTER_ID}] because it"),
    ("C89", "POST", "/nodes", f'{{"zone": 1, "cluster": "{CLUSTER_ID}", {HOSTS}}}', 400, "gluster peer probe"),
    ("C101", "POST", f"/nodes/{NODE}/state", '{"state": "offline"}', 400, "what Gluster reports"),
    ("C108", "POST", f"/nodes/{NODE}/state", '{"state": "failed"}', 400, "what Gluster reports"),
    ("C125", "DELETE", f"/nodes/{NODE}", None, 409, f"Unable to delete node [{NODE}] because it contains devices"),
    ("C130", "POST", "/devices", f'{{"node": "{NODE}", "name": "/dev/sdc"}}', 400, "gluster volume add-brick"),
    ("C139", "GET", f"/devices/{DEVICE}/resync", None, 400, "what Gluster reports"),
    ("C143", "DELETE", f"/devices/{DEVICE}", None, 400, f"device: {DEVICE} is not in failed state"),
    ("C143b", "DELETE", f"/devices/{DEVICE}", '{"forceforget": true}', 400, "remove-brick"),
    ("C146", "POST", f"/devices/{DEVICE}/state", '{"state": "offline"}', 400, "what Gluster reports"),
    ("C163", "POST", "/blockvolumes", '{"size": 1, "name": "bv1", "hacount": 3}', 400, "POST /volumes"),
]


async def ask(front: FrontEnd, method: str, target: str, body: str | None = None) -> tuple[int, str]:
    reply = await front.ask(method, target, body)
    return reply.status_code, reply.text


@pytest.mark.parametrize("recorded", TO_THE_BYTE, ids=lambda recorded: recorded.item)
async def test_answers_like_heketi(recorded: Recorded) -> None:
    reply = await front_end().ask(recorded.method, recorded.target, recorded.body)
    assert (reply.status_code, reply.text) == (recorded.status, recorded.text)
    assert reply.headers.get("Content-Type") == recorded.content_type
    assert reply.headers.get("X-Content-Type-Options") == ("nosniff" if recorded.content_type == TEXT else None)
    assert not {"location", "x-pending"} & set(reply.headers)


@pytest.mark.parametrize(("item", "method", "target", "body", "status", "says"), REFUSED)
async def test_what_cannot_be_is_refused_with_what_to_do_instead(
    item: str, method: str, target: str, body: str | None, status: int, says: str
) -> None:
    reply = await front_end().ask(method, target, body)
    assert (reply.status_code, reply.headers["Content-Type"]) == (status, TEXT)
    assert says in reply.text
    assert reply.text.count("\n") == 1
    assert "location" not in reply.headers


@pytest.mark.parametrize("recorded", TO_THE_BYTE, ids=lambda recorded: recorded.item)
async def test_all_of_it_is_the_administrators(recorded: Recorded) -> None:
    reply = await front_end().ask(recorded.method, recorded.target, recorded.body, role="user")
    assert (reply.status_code, reply.text) == (401, "Administrator access required\n")


async def test_a_node_shows_its_devices_and_tags() -> None:
    """Order of keys and types of items C104 and C116."""
    front = front_end()
    front.administration.tags.kept = {NODE: {"e": "", "a": "x"}, DEVICE: {"rack": "r7"}}
    brick = (
        f'{{"id":"{"b" * 32}","path":"/bricks/b","device":"{DEVICE}","node":"{NODE}",'
        f'"volume":"{CLUSTER_ID}","size":524288000}}'
    )
    storage = '"storage":{"total":524288000,"free":522178560,"used":2109440}'
    state = f'"id":"{DEVICE}","state":"online"'
    device = f'{{"name":"/dev/sdc","tags":{{"rack":"r7"}},{storage},{state},"bricks":[{brick}]}}'
    assert await ask(front, "GET", f"/devices/{DEVICE}") == (200, device + "\n")
    assert await ask(front, "GET", f"/nodes/{NODE}") == (
        200,
        '{"zone":1,"hostnames":{"manage":["node1.example.com"],"storage":["10.0.0.1"]},'
        f'"cluster":"{CLUSTER_ID}","tags":{{"a":"x","e":""}},"id":"{NODE}","state":"offline","devices":[{device}]}}\n',
    )


async def test_a_device_that_was_not_reported_yet_is_not_called_unknown() -> None:
    front = front_end()
    front.administration.devices.unseen = NotReady("the devices of gv0 are not known yet")
    for method, target in [("GET", ""), ("POST", "/tags"), ("POST", "/state"), ("DELETE", ""), ("GET", "/resync")]:
        body = {"/tags": _tags("set", {}), "/state": '{"state": "online"}'}.get(target)
        status, text = await ask(front, method, f"/devices/{NOBODY}{target}", body)
        assert status == 503
        assert "Id not found" not in text


async def test_tags_are_set_changed_and_taken_away() -> None:
    """Items C114 to C117."""
    front = front_end()
    target = f"/devices/{DEVICE}/tags"
    assert (await ask(front, "POST", target, _tags("set", {"a": "b", "c": "d"})))[1] == '{"a":"b","c":"d"}\n'
    changed = await ask(front, "POST", target, _tags("update", {"a": "x", "e": ""}))
    assert changed[1] == '{"a":"x","c":"d","e":""}\n'
    assert (await ask(front, "POST", target, _tags("delete", {"a": ""})))[1] == '{"c":"d","e":""}\n'
    many = await ask(front, "POST", target, _tags("update", {f"t{n}": "" for n in range(31)}))
    assert many == (400, "validation failed: tags: too many tags specified (33), up to 32 supported.\n")


async def test_keys_of_tags_keep_their_case() -> None:
    front = front_end()
    body = '{"CHANGE_TYPE": "set", "Tags": {"Rack": "A", "rack": "b"}}'
    assert (await ask(front, "POST", f"/nodes/{NODE}/tags", body))[1] == '{"Rack":"A","rack":"b"}\n'


async def test_flags_show_and_a_missing_one_is_false() -> None:
    """Items C76 and C77."""
    front = front_end()
    assert await ask(front, "POST", "/clusters/gv0/flags", '{"block": true}') == (200, "")
    assert front.administration.flags.kept == {"gv0": GlusterVolumeFlags(file=False, block=True)}
    assert '"block":true,"file":false,' in (await ask(front, "GET", f"/clusters/{CLUSTER_ID}"))[1]


async def test_a_volume_shows_its_place_on_every_brick() -> None:
    """heketi-cli's "Distribute Count" is the number of bricks by the number of copies."""
    front = front_end()
    bricks = json.loads((await ask(front, "GET", f"/volumes/{VOLUME}"))[1])["bricks"]
    assert [brick["path"] for brick in bricks] == [f"/bricks/b/{DASHED}"] * 3
    assert [brick["node"] for brick in bricks] == list(NODE_IDS)
    assert [brick["device"] for brick in bricks] == [DEVICE, "", ""]
    assert {brick["size"] for brick in bricks} == {2**20}
    assert {brick["volume"] for brick in bricks} == {VOLUME}
    assert len({brick["id"] for brick in bricks}) == 3
    status, text = await ask(front, "POST", f"/bricks/to-evict/{bricks[0]['id']}", "")
    assert (status, "replace-brick" in text) == (400, True)


@pytest.mark.parametrize(
    ("mode", "caller", "status"),
    [
        (Mode.NORMAL, "10.9.9.9", 202),
        (Mode.READ_ONLY, "10.9.9.9", 503),
        (Mode.READ_ONLY, "127.0.0.1", 503),
        (Mode.LOCAL_CLIENT, "10.9.9.9", 503),
        (Mode.LOCAL_CLIENT, "127.0.0.1", 202),
        (Mode.LOCAL_CLIENT, "::1", 202),
        (Mode.LOCAL_CLIENT, "::ffff:127.0.0.1", 202),
        (Mode.LOCAL_CLIENT, "", 503),
    ],
)
async def test_a_mode_keeps_changes_out(mode: Mode, caller: str, status: int) -> None:
    """Items C203 to C209; reading goes on, and POST /admin always leads out."""
    front = front_end()
    front.administration.modes.mode = mode
    for method, target in [("POST", "/volumes"), ("DELETE", "/volumes/abcdef"), ("POST", "/nowhere")]:
        reply = await front.ask(method, target, '{"size": 1}', caller=caller)
        if status == 503:
            assert (reply.status_code, reply.text) == (503, "Service disabled for maintenance\n")
        else:
            assert reply.status_code in (202, 404)
    assert (await front.ask("GET", "/volumes", caller=caller)).status_code == 200
    assert (await front.ask("HEAD", "/volumes", caller=caller)).status_code == 405
    assert (await front.ask("POST", "/volumes", '{"size": 1}', role=None, caller=caller)).status_code == 401
    assert (await front.ask("POST", "/admin", '{"state": "normal"}', caller=caller)).status_code == 204
    assert (await front.ask("POST", "/volumes", '{"size": 1}', caller=caller)).status_code == 202


@pytest.mark.parametrize("mode", list(Mode))
async def test_the_mode_is_told(mode: Mode) -> None:
    front = front_end()
    assert await ask(front, "POST", "/admin", f'{{"state": "{mode.value}"}}') == (204, "")
    assert await ask(front, "GET", "/admin") == (200, f'{{"state":"{mode.value}"}}\n')


async def test_operations_in_flight_and_stale_ones_are_told_apart() -> None:
    """Items D3 to D5 and C191."""
    front = front_end()
    running = OngoingOperation("04" * 41, OperationKind.CLONE, VOLUME, progress="3 files copied")
    left = OngoingOperation("01" * 41, OperationKind.CREATE, VOLUME, stale=True)
    front.administration.across_instances.operations = (running, left)
    counts = '{"total":2,"in_flight":1,"stale":1,"failed":0,"new":1}\n'
    assert await ask(front, "GET", "/operations") == (200, counts)
    first = f'{{"id":"{running.id}","type_name":"clone-volume","status":"","sub_status":"in-flight"'
    second = f'{{"id":"{left.id}","type_name":"create-volume","status":"stale","sub_status":""}}'
    listed = f'{{"pendingoperations":[{first}}},{second}]}}\n'
    assert await ask(front, "GET", "/operations/pending") == (200, listed)
    change = f'{{"id":"{VOLUME}","description":"Clone volume (3 files copied)"}}'
    for pending_id in (running.id, running.operation_id):
        shown = await ask(front, "GET", f"/operations/pending/{pending_id}")
        assert shown == (200, f'{first},"changes":[{change}]}}\n')


async def test_a_cleanup_begins_at_once() -> None:
    front = front_end()
    body = json.dumps({"operations": [NOBODY]})
    assert await ask(front, "POST", "/operations/pending/cleanup", body) == (204, "")
    assert front.administration.across_instances.cleaned_up == 1


async def test_a_cluster_with_no_gluster_volume_says_so() -> None:
    """Item A90."""
    front = front_end()
    front.topology.known = ()
    assert await ask(front, "POST", "/blockvolumes", '{"size": 1}') == (400, "No clusters configured\n")


async def test_a_volume_of_another_layout_shows_bricks_that_divide() -> None:
    front = front_end()
    disperse = Durability(Layout.DISPERSE, data=2, redundancy=1)
    front.topology.known = (replace(front.topology.known[0], durability=disperse),)
    shown = json.loads((await ask(front, "GET", f"/volumes/{VOLUME}"))[1])
    assert len(shown["bricks"]) // sum(shown["durability"]["disperse"].values()) == 1
