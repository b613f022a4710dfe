"""POST /volumes and expand as a real Heketi 10.4.1 was recorded: which bodies pass, and every refusal's text."""

import json

import pytest

from piragua.models import Volume, gib_to_bytes
from tests.support.heketi_clients.front_end import FrontEnd
from tests.support.heketi_clients.in_memory import CLUSTER_ID

pytestmark = pytest.mark.anyio

VOLUME = "65021b4d0a7bbcb702f356711a18d1f0"
UNPARSABLE = (422, "request unable to be parsed\n")
BLANK_SIZE = (400, "validation failed: size: cannot be blank.\n")
BAD_NAME = (400, "validation failed: name: must be in a valid format.\n")
BAD_FACTOR = (400, "Invalid snapshot factor\n")
NO_SPACE = (500, "Failed to allocate new volume: No space\n")
ACCEPTED = (202, "")
KUBERNETES = {
    "size": 2,
    "name": "",
    "durability": {"type": "replicate", "replicate": {"replica": 3}, "disperse": {}},
    "gid": 2000,
    "snapshot": {"enable": True, "factor": 1},
}
WITH_PREFIX = {
    "size": 3,
    "clusters": [CLUSTER_ID],
    "name": "pfx_default_claim1_0a1b2c3d-1111-2222-3333-444455556666",
    "durability": {"type": "none", "replicate": {}, "disperse": {}},
    "gid": 2001,
    "glustervolumeoptions": ["client.ssl on", "server.ssl on"],
    "snapshot": {"enable": True, "factor": 1},
}


def with_durability(kind: str, size_gib: int = 1, **counts: object) -> str:
    return json.dumps({"size": size_gib, "durability": {"type": kind, **counts}})


def with_snapshot(**snapshot: object) -> str:
    return json.dumps({"size": 1, "snapshot": snapshot})


RECORDED: list[tuple[str, str | bytes, tuple[int, str]]] = [
    ("B11 only size", '{"size": 1}', ACCEPTED),
    ("B16 what Kubernetes sends", json.dumps(KUBERNETES), ACCEPTED),
    ("B20 with prefix, cluster and options", json.dumps(WITH_PREFIX), ACCEPTED),
    (
        "B28 duplicate name",
        '{"size": 1, "name": "myvol"}',
        (500, "Failed to allocate new volume: Volume name 'myvol' already in use\n"),
    ),
    ("B29 gid 0", '{"size": 1, "name": "gid0", "gid": 0}', ACCEPTED),
    ("B32 unknown cluster", '{"size": 1, "clusters": ["abcdef"]}', (400, "Cluster id abcdef not found\n")),
    ("B33 cluster not hex", '{"size": 1, "clusters": ["zzz"]}', (400, "Cluster id zzz not found\n")),
    ("B34 no clusters", '{"size": 1, "clusters": []}', ACCEPTED),
    ("B36 clusters null", '{"size":1,"clusters":null}', ACCEPTED),
    (
        "B38 known and unknown",
        json.dumps({"size": 1, "clusters": [CLUSTER_ID, "abcdef"]}),
        (400, "Cluster id abcdef not found\n"),
    ),
    ("B39 size 0", '{"size": 0}', BLANK_SIZE),
    ("B40 size negative", '{"size": -5}', (400, "validation failed: size: must be no less than 1.\n")),
    ("B41 size text", '{"size": "10"}', UNPARSABLE),
    ("B42 size 1.5", '{"size":1.5}', UNPARSABLE),
    ("B43 size 1.0", '{"size":1.0}', UNPARSABLE),
    ("B44 size 1e1", '{"size":1e1}', UNPARSABLE),
    ("B45 size null", '{"size":null}', BLANK_SIZE),
    ("B46 size missing", '{"name": "x"}', BLANK_SIZE),
    ("B47 size 2^63", '{"size":9223372036854775808}', UNPARSABLE),
    ("B49 too big, replicated", with_durability("replicate", 2000, replicate={"replica": 3}), NO_SPACE),
    ("B50 too big", '{"size": 2000}', NO_SPACE),
    ("B51 unknown field", '{"size": 1, "foo": "bar"}', ACCEPTED),
    ("B54 upper-case keys", '{"SIZE":1,"Name":"casevol"}', ACCEPTED),
    ("B57 duplicate key", '{"size":1,"size":0}', BLANK_SIZE),
    ("B58 slash in name", '{"size": 1, "name": "a/b"}', BAD_NAME),
    ("B59 dot in name", '{"size": 1, "name": "a.b"}', BAD_NAME),
    ("B60 blank in name", '{"size": 1, "name": "a b"}', BAD_NAME),
    ("B61 not ASCII", '{"size": 1, "name": "vol\\u00e9"}', BAD_NAME),
    ("B62 newline at the end", '{"size":1,"name":"abc\\n"}', BAD_NAME),
    ("B63 name is a number", '{"size":1,"name":5}', UNPARSABLE),
    ("B64 name null", '{"size":1,"name":null}', ACCEPTED),
    ("B70 name begins with a dash", '{"size": 1, "name": "-x"}', ACCEPTED),
    ("B73 gid -1", '{"size": 1, "gid": -1}', (400, "Bad group id less than zero\n")),
    ("B74 gid 2^31-1", '{"size": 1, "gid": 2147483647}', (400, "Bad group id equal or greater than 2**32\n")),
    ("B75 gid 2^31-2", '{"size": 1, "gid": 2147483646}', ACCEPTED),
    ("B78 gid 1", '{"size": 1, "gid": 1}', ACCEPTED),
    ("B81 gid text", '{"size": 1, "gid": "2000"}', UNPARSABLE),
    ("B82 gid null", '{"size":1,"gid":null}', ACCEPTED),
    ("B85 replicate without count", with_durability("replicate"), ACCEPTED),
    ("B89 replicate 2", with_durability("replicate", replicate={"replica": 2}), ACCEPTED),
    ("B92 replicate 1", with_durability("replicate", replicate={"replica": 1}), ACCEPTED),
    ("B95 replicate 4", with_durability("replicate", replicate={"replica": 4}), (400, "Invalid replica value\n")),
    ("B96 replicate -1", with_durability("replicate", replicate={"replica": -1}), ACCEPTED),
    ("B101 disperse 2+1", with_durability("disperse", 2, disperse={"data": 2, "redundancy": 1}), ACCEPTED),
    (
        "B105 disperse 3+1",
        with_durability("disperse", 3, disperse={"data": 3, "redundancy": 1}),
        (400, "Invalid dispersion combination: 3+1\n"),
    ),
    ("B106 disperse, no counts", with_durability("disperse", 3), (400, "Invalid dispersion combination: 0+0\n")),
    (
        "B107 disperse below the minimum",
        with_durability("disperse", disperse={"data": 2, "redundancy": 1}),
        (
            400,
            "Requested volume size (1 GB) is smaller than the minimum supported volume size (2097152)\n",
        ),
    ),
    ("B108 none", with_durability("none"), ACCEPTED),
    ("B111 unknown type", with_durability("mirror"), (400, "Unknown durability type\n")),
    ("B112 durability null", '{"size":1,"durability":null}', ACCEPTED),
    ("B114 options no list", '{"size": 1, "glustervolumeoptions": "client.ssl on"}', UNPARSABLE),
    ("B115 odd options", '{"size": 1, "glustervolumeoptions": ["nonsense", "", "a b c"]}', ACCEPTED),
    ("B119 factor 1.5", with_snapshot(enable=True, factor=1.5), ACCEPTED),
    ("B123 no factor", with_snapshot(enable=True), BAD_FACTOR),
    ("B124 factor 0.5", with_snapshot(enable=True, factor=0.5), BAD_FACTOR),
    ("B125 factor 101", with_snapshot(enable=True, factor=101), BAD_FACTOR),
    ("B126 disabled, factor 0", with_snapshot(enable=False, factor=0), ACCEPTED),
    ("B133 block text", '{"size": 1, "block": "true"}', UNPARSABLE),
    ("B134 malformed", '{"size":', UNPARSABLE),
    ("B135 array", "[1]", UNPARSABLE),
    ("B136 number", "5", UNPARSABLE),
    ("B137 null", "null", BLANK_SIZE),
    ("B138 text behind it", '{"size":1} x', UNPARSABLE),
    ("B139 empty body", "", UNPARSABLE),
    ("B150 byte order mark", b'\xef\xbb\xbf{"size":1}', UNPARSABLE),
    ("B151 invalid UTF-8", b'{"size":1,"name":"\xff"}', BAD_NAME),
    ("B152 8 MiB of blanks", '{"size":1}' + " " * 8 * 2**20, ACCEPTED),
    # Order and joining of the checks (docs/heketi-wire.md, 3.3).
    (
        "name and size together",
        '{"name": "a/b"}',
        (400, "validation failed: name: must be in a valid format; size: cannot be blank.\n"),
    ),
    ("size before gid", '{"gid": -1}', BLANK_SIZE),
    (
        "gid before durability",
        '{"size":1,"gid":-1,"durability":{"type":"mirror"}}',
        (400, "Bad group id less than zero\n"),
    ),
    (
        "durability before snapshot",
        '{"size":1,"durability":{"type":"mirror"},"snapshot":{"enable":true}}',
        (400, "Unknown durability type\n"),
    ),
    (
        "snapshot before replica",
        '{"size":1,"durability":{"type":"replicate","replicate":{"replica":4}},"snapshot":{"enable":true}}',
        BAD_FACTOR,
    ),
    # Where we differ on purpose.
    (
        "B67 name of 300 characters cannot be a directory",
        json.dumps({"size": 1, "name": "n" * 300}),
        (400, "validation failed: name: the length must be no more than 255.\n"),
    ),
    ("name of 255 characters", json.dumps({"size": 1, "name": "n" * 255}), ACCEPTED),
    (
        "B129 block-hosting volume",
        '{"size": 10, "block": true}',
        (400, "A directory of a shared Gluster volume cannot host block volumes\n"),
    ),
    ("B48 2^53 GiB, where Heketi's arithmetic wraps", '{"size":9007199254740992}', NO_SPACE),
]


@pytest.mark.parametrize(("item", "body", "answer"), RECORDED, ids=[row[0] for row in RECORDED])
async def test_create_answers_like_heketi(item: str, body: str | bytes, answer: tuple[int, str]) -> None:
    front = FrontEnd()
    front.volumes.add(Volume(VOLUME, CLUSTER_ID, "gv0", "myvol", gib_to_bytes(1)))
    reply = await front.ask("POST", "/volumes", body)
    assert (reply.status_code, reply.text) == answer
    assert ("Location" in reply.headers) is (reply.status_code == 202)


@pytest.mark.parametrize(
    "content_type", [None, "application/json", "text/plain", "application/x-www-form-urlencoded"]
)
async def test_content_type_is_not_looked_at(content_type: str | None) -> None:
    """Items B141, B144 and B147."""
    reply = await FrontEnd().ask("POST", "/volumes", '{"size": 1}', content_type=content_type)
    assert reply.status_code == 202


EXPAND: list[tuple[str, str, str, tuple[int, str]]] = [
    ("C7", VOLUME, '{"expand_size": 3}', ACCEPTED),
    ("C15", VOLUME, '{"expand_size": 0}', (400, "validation failed: expand_size: cannot be blank.\n")),
    ("C16", VOLUME, '{"expand_size": -1}', (400, "validation failed: expand_size: must be no less than 1.\n")),
    ("C17", VOLUME, '{"expand_size": "1"}', UNPARSABLE),
    ("C18", VOLUME, "{}", (400, "validation failed: expand_size: cannot be blank.\n")),
    ("C19", VOLUME, '{"size": 1}', (400, "validation failed: expand_size: cannot be blank.\n")),
    ("C20", VOLUME, "{", UNPARSABLE),
    ("C21", VOLUME, "", UNPARSABLE),
    ("C22", "abcdef", '{"expand_size": 1}', (404, "Id not found\n")),
    ("C23", "abcdef", '{"expand_size": 0}', (400, "validation failed: expand_size: cannot be blank.\n")),
    ("no space", VOLUME, '{"expand_size": 2000}', (500, "Failed to allocate volume expansion: No space\n")),
]


@pytest.mark.parametrize(("item", "volume_id", "body", "answer"), EXPAND, ids=[row[0] for row in EXPAND])
async def test_expand_answers_like_heketi(item: str, volume_id: str, body: str, answer: tuple[int, str]) -> None:
    front = FrontEnd()
    front.volumes.add(Volume(VOLUME, CLUSTER_ID, "gv0", "myvol", gib_to_bytes(1)))
    reply = await front.ask("POST", f"/volumes/{volume_id}/expand", body)
    assert (reply.status_code, reply.text) == answer


async def test_what_kubernetes_asks_for_reaches_the_core() -> None:
    front = FrontEnd()
    await front.ask("POST", "/volumes", json.dumps(WITH_PREFIX))
    spec = front.volumes.specs[0]
    assert (spec.size_bytes, spec.name, spec.gid) == (3 * 2**30, WITH_PREFIX["name"], 2001)
    assert spec.gluster_volumes == (CLUSTER_ID,)
    assert spec.options == ("client.ssl on", "server.ssl on")
    assert (spec.snapshot.enable, spec.snapshot.factor) == (True, 1)


async def test_a_name_that_is_not_chosen_is_left_to_the_core() -> None:
    front = FrontEnd()
    await front.ask("POST", "/volumes", json.dumps(KUBERNETES))
    assert front.volumes.specs[0].name is None
