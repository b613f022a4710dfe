"""Clusters, nodes and their addresses, on a Gluster that the tests make up."""

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piragua.config.addresses import acceptable_address
from piragua.errors import GlusterUnavailable, NoSuchGlusterVolume, NotFound, StorageError
from piragua.models import Brick, Durability, GlusterVolume, Node, Peer
from piragua.pool.own_address import own_address
from piragua.pool.resolver import Names
from piragua.pool.topology import Topology

pytestmark = pytest.mark.anyio

GV0, GV1 = "a" * 32, "b" * 32
ONE, TWO, THREE = "1" * 32, "2" * 32, "3" * 32
DOWN = GlusterUnavailable(("volume", "info"), 0, "Connection failed.")


class FakeGluster:
    """A pool of three: node1 is the local one, node3 holds no brick of gv1."""

    def __init__(self) -> None:
        self.volumes: dict[str, GlusterVolume | StorageError] = {
            "gv0": volume(GV0, "gv0", {"node2": TWO, "node1": ONE, "node3": THREE}),
            "gv1": volume(GV1, "gv1", {"node2": TWO, "node1": ONE}),
        }
        self.pool: tuple[Peer, ...] = (
            Peer(TWO, ("node2", "10.0.0.2"), connected=True),
            Peer(THREE, ("node3",), connected=False),
            Peer(ONE, (), connected=True, local=True),
        )
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def volume(self, name: str) -> GlusterVolume:
        self.asked += 1
        await self.gate.wait()
        found = self.volumes[name]
        if isinstance(found, StorageError):
            raise found
        return found

    async def peers(self) -> tuple[Peer, ...]:
        return self.pool


def volume(volume_id: str, name: str, bricks: Mapping[str, str]) -> GlusterVolume:
    return GlusterVolume(
        id=volume_id,
        name=name,
        started=True,
        durability=Durability(),
        bricks=tuple(Brick(host, "/brick", peer_id) for host, peer_id in bricks.items()),
    )


def topology(
    gluster: FakeGluster,
    *volumes: str,
    hosts: Mapping[str, list[str]] | None = None,
    said: Mapping[str, str] | None = None,
    own: str | None = None,
    max_age_seconds: float = 0,
    remember_seconds: float = 0,
    patience_seconds: float = 60,
    answer_timeout_seconds: float = 60,
) -> Topology:
    known = hosts or {}
    return Topology(
        gluster,
        volumes or ("gv0", "gv1"),
        said or {},
        max_age_seconds=max_age_seconds,
        failure_max_age_seconds=0,
        remember_seconds=remember_seconds,
        patience_seconds=patience_seconds,
        answer_timeout_seconds=answer_timeout_seconds,
        names=Names(lookup=lambda name: known.get(name, [])),
        own_address=lambda _: own,
    )


def by_name(nodes: tuple[Node, ...]) -> dict[str, str | None]:
    return {node.name: node.address for node in nodes}


async def test_a_cluster_is_found_by_its_id_and_by_its_name() -> None:
    asked = topology(FakeGluster())
    assert (await asked.gluster_volume(GV1)).name == "gv1"
    assert (await asked.gluster_volume("gv1")).id == GV1
    assert [cluster.name for cluster in await asked.gluster_volumes()] == ["gv0", "gv1"]


async def test_what_was_never_there_is_not_found() -> None:
    asked = topology(FakeGluster())
    with pytest.raises(NotFound):
        await asked.gluster_volume("f" * 32)
    with pytest.raises(NotFound):
        await asked.node("f" * 32)


async def test_while_one_volume_is_away_nothing_is_called_unknown_and_no_list_is_shorter() -> None:
    gluster = FakeGluster()
    asked = topology(gluster)
    await asked.gluster_volumes()
    gluster.volumes["gv1"] = DOWN
    assert (await asked.gluster_volume(GV0)).name == "gv0"
    for refused in (
        asked.gluster_volume(GV1),
        asked.gluster_volume("gv1"),
        asked.gluster_volume("f" * 32),
        asked.gluster_volumes(),
    ):
        with pytest.raises(GlusterUnavailable):
            await refused
    with pytest.raises(GlusterUnavailable):
        await asked.node("f" * 32)
    with pytest.raises(GlusterUnavailable):
        await asked.refresh()


async def test_while_glusterd_is_away_one_volume_is_told_as_last_seen_but_nothing_new_and_no_list() -> None:
    gluster = FakeGluster()
    asked = topology(gluster, hosts={"node1": ["10.0.0.1"]}, remember_seconds=3600)
    seen = [await asked.gluster_volume(GV1), await asked.nodes(GV1), await asked.node(ONE)]
    gluster.volumes = {"gv0": DOWN, "gv1": DOWN}
    assert [await asked.gluster_volume("gv1"), await asked.nodes(GV1), await asked.node(ONE)] == seen
    for refused in (
        asked.gluster_volumes(),
        asked.gluster_volume_now(GV1),
        asked.gluster_volume("f" * 32),
        asked.node("f" * 32),
    ):
        with pytest.raises(GlusterUnavailable):
            await refused


async def test_what_glusterd_calls_gone_is_not_told_as_last_seen() -> None:
    gluster = FakeGluster()
    asked = topology(gluster, remember_seconds=3600)
    await asked.gluster_volumes()
    gluster.volumes["gv1"] = NoSuchGlusterVolume(("volume", "info"), 0, "Volume gv1 does not exist")
    with pytest.raises(NoSuchGlusterVolume):
        await asked.gluster_volume(GV1)


async def test_a_glusterd_that_hangs_is_waited_for_only_so_long_where_the_last_answer_will_do() -> None:
    gluster = FakeGluster()
    asked = topology(gluster, remember_seconds=3600, patience_seconds=0.01)
    await asked.gluster_volumes()
    gluster.gate.clear()
    assert (await asked.gluster_volume(GV0)).name == "gv0"
    gluster.gate.set()


async def test_what_cannot_be_done_without_glusterd_ends_with_the_reason_while_that_hangs() -> None:
    gluster = FakeGluster()
    asked = topology(gluster, answer_timeout_seconds=0.01)
    gluster.gate.clear()
    for question in (asked.gluster_volume_now("gv0"), asked.gluster_volume("gv0"), asked.gluster_volumes()):
        with pytest.raises(GlusterUnavailable, match="did not answer"):
            await question
    gluster.gate.set()


async def test_it_recovers_when_gluster_appears() -> None:
    gluster = FakeGluster()
    found, gluster.volumes["gv0"] = gluster.volumes["gv0"], DOWN
    asked = topology(gluster, "gv0", max_age_seconds=3600)
    with pytest.raises(StorageError):
        await asked.gluster_volume("gv0")
    gluster.volumes["gv0"] = found
    assert (await asked.gluster_volume("gv0")).id == GV0


async def test_an_answer_is_kept_for_its_age_and_shared_by_those_who_ask_at_once() -> None:
    gluster = FakeGluster()
    asked = topology(gluster, "gv0", max_age_seconds=3600)
    await asyncio.gather(*(asked.gluster_volume("gv0") for _ in range(20)))
    await asked.nodes(GV0)
    assert gluster.asked == 1
    await asked.refresh()
    assert gluster.asked == 2


async def test_a_node_that_has_just_joined_is_found_before_the_last_answer_is_too_old() -> None:
    gluster = FakeGluster()
    asked = topology(gluster, "gv1", max_age_seconds=3600)
    await asked.gluster_volumes()
    gluster.volumes["gv1"] = volume(GV1, "gv1", {"node3": THREE})
    assert (await asked.node(THREE)).name == "node3"


async def test_a_caller_who_goes_away_does_not_take_the_answer_from_the_others() -> None:
    gluster = FakeGluster()
    gluster.gate.clear()
    asked = topology(gluster, "gv0")
    first, second = (asyncio.ensure_future(asked.gluster_volume("gv0")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    gluster.gate.set()
    assert (await second).id == GV0


async def test_nodes_are_the_peers_that_hold_bricks_sorted_by_id() -> None:
    gluster = FakeGluster()
    nodes = await topology(gluster).nodes("gv1")
    assert [(node.id, node.name, node.gluster_volume_id) for node in nodes] == [
        (ONE, "node1", GV1),
        (TWO, "node2", GV1),
    ]
    online = {node.name: node.online for node in await topology(gluster).nodes("gv0")}
    assert online == {"node1": True, "node2": True, "node3": False}


async def test_a_name_is_resolved_and_an_address_among_a_peers_names_needs_no_resolver() -> None:
    hosts = {"node1": ["10.0.0.1"], "node2": ["10.9.9.9"], "node3": ["fe80::3", "10.0.0.3", "10.0.0.33"]}
    nodes = await topology(FakeGluster(), hosts=hosts).nodes("gv0")
    assert by_name(nodes) == {"node1": "10.0.0.1", "node2": "10.0.0.2", "node3": "10.0.0.3"}
    assert all(node.problem == "" for node in nodes)


async def test_what_the_administrator_said_wins() -> None:
    hosts = {"node1": ["10.0.0.1"]}
    said = {"node1": "172.16.0.1", TWO: "172.16.0.2"}
    nodes = await topology(FakeGluster(), "gv1", hosts=hosts, said=said).nodes("gv1")
    assert by_name(nodes) == {"node1": "172.16.0.1", "node2": "172.16.0.2"}


async def test_the_local_node_whose_name_leads_to_loopback_is_answered_with_its_own_address() -> None:
    hosts = {"node1": ["127.0.1.1"]}
    asked = topology(FakeGluster(), "gv1", hosts=hosts, own="10.0.0.1")
    assert (await asked.node(ONE)).address == "10.0.0.1"


async def test_a_node_without_an_address_says_which_setting_mends_it() -> None:
    hosts = {"node3": ["127.0.1.1"]}
    node = await topology(FakeGluster(), hosts=hosts, own="10.0.0.1").node(THREE)
    assert node.address is None
    assert "PIRAGUA_STORAGE_ADDRESSES=node3=" in node.problem


async def test_a_name_that_stops_resolving_keeps_its_address() -> None:
    hosts = {"node1": ["10.0.0.1"]}
    names = Names(max_age_seconds=0, lookup=lambda name: hosts.pop(name, []))
    assert await names.address("node1") == "10.0.0.1"
    assert await names.address("node1") == "10.0.0.1"


async def test_a_resolver_that_hangs_is_waited_for_until_the_deadline_only_and_asked_once() -> None:
    asked: list[str] = []
    hang = threading.Event()

    def lookup(name: str) -> list[str]:
        asked.append(name)
        hang.wait(30)
        return ["10.0.0.1"]

    names = Names(timeout_seconds=0.01, lookup=lookup)
    assert await names.address("node1") is None
    assert await names.address("node1") is None
    hang.set()
    patient = Names(timeout_seconds=30, lookup=lookup)
    assert await patient.address("node1") == "10.0.0.1"
    assert asked == ["node1", "node1"]


@pytest.mark.parametrize(
    "text",
    [
        "node1",
        "",
        "127.0.0.1",
        "127.0.1.1",
        "::1",
        "0.0.0.0",  # noqa: S104 - to be refused
        "::",
        "169.254.1.1",
        "fe80::1",
        "fd00::1%eth0",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "::ffff:127.0.0.1",
        "10.0.0.01",
        "10.0.0.1/24",
        " 10.0.0.1",
    ],
)
def test_what_kubernetes_would_refuse_is_no_address(text: str) -> None:
    assert acceptable_address(text) is None


@pytest.mark.parametrize(
    ("text", "address"),
    [("10.0.0.1", "10.0.0.1"), ("FD00:0::1", "fd00::1"), ("::ffff:10.0.0.1", "10.0.0.1")],
)
def test_an_address_is_given_in_its_usual_spelling(text: str, address: str) -> None:
    assert acceptable_address(text) == address


@given(st.one_of(st.text(), st.ip_addresses().map(str)))
def test_no_text_is_more_than_refused(text: str) -> None:
    address = acceptable_address(text)
    assert address is None or acceptable_address(address) == address


def test_this_machines_own_address_is_one_that_kubernetes_accepts_or_none() -> None:
    # 127.0.0.9 is reached from a loopback address, which is no answer.
    for found in (own_address(()), own_address(("127.0.0.9",))):
        assert found is None or acceptable_address(found) == found


async def test_a_peer_that_left_the_pool_is_offline() -> None:
    gluster = FakeGluster()
    gluster.pool = tuple(replace(peer, connected=False) for peer in gluster.pool if peer.id != TWO)
    assert not (await topology(gluster).node(TWO)).online
