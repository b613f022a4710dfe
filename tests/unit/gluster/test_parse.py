"""From what glusterfs 10.3 printed (recorded/) to models."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piragua.errors import GlusterError
from piragua.gluster import parse
from piragua.gluster.answer import Answer, read
from piragua.gluster.child import Output
from piragua.models import Brick, Durability, Layout

RECORDED = Path(__file__).parent / "recorded"
ARGV = ("volume", "info", "gv0")
ONE = "/3a2c9c6e-6b0d-4b8a-9d5c-0a5b6b1a7a11"
TWO = "/5a2c9c6e-6b0d-4b8a-9d5c-0a5b6b1a7a12"
PEER1, PEER2, PEER3 = (
    "78d232b09b6b4a6f939ebd6b32587754",
    "7b5f307ba6d340189f821c5cf1ff40ee",
    "8db2e9315b2748b78ef8df0ba264cd4a",
)
READERS = (
    lambda answer: parse.gluster_volume(answer, "gv0"),
    parse.peers,
    parse.bricks,
    parse.limits,
    parse.heal_info,
)


def recorded(name: str) -> Answer:
    return read(ARGV, Output((RECORDED / f"{name}.xml").read_bytes(), b"", 0))


def answer(content: str) -> Answer:
    return read(ARGV, Output(f"<cliOutput><opRet>0</opRet>{content}</cliOutput>".encode(), b"", 0))


@pytest.mark.parametrize(
    ("recording", "name", "durability"),
    [
        ("volume_info_one_brick", "gv0", Durability()),
        ("volume_info_distribute", "dist", Durability()),
        ("volume_info_replicate", "gv0", Durability(Layout.REPLICATE, replica=3)),
        ("volume_info_distributed_replicate", "dr", Durability(Layout.REPLICATE, replica=3)),
        ("volume_info_arbiter", "arb", Durability(Layout.REPLICATE, replica=3)),
        ("volume_info_disperse", "disp", Durability(Layout.DISPERSE, data=2, redundancy=1)),
        ("volume_info_distributed_disperse", "dd", Durability(Layout.DISPERSE, data=2, redundancy=1)),
    ],
)
def test_durability_follows_type_and_counts(recording: str, name: str, durability: Durability) -> None:
    assert parse.gluster_volume(recorded(recording), name).durability == durability


def test_a_gluster_volume_has_its_id_bricks_and_options() -> None:
    volume = parse.gluster_volume(recorded("volume_info_replicate"), "gv0")

    assert volume.id == "b5ffa6dcddb446c5a58aaf90cebf8d72"
    assert volume.started
    assert volume.bricks[2] == Brick("10.77.0.3", "/srv/n3/brick/gv0-0", PEER3)
    assert volume.options["features.quota-deem-statfs"] == "on"


def test_a_volume_that_was_never_started_is_not_started() -> None:
    assert not parse.gluster_volume(recorded("volume_info_arbiter"), "arb").started


def test_only_the_arbiter_is_an_arbiter() -> None:
    bricks = parse.gluster_volume(recorded("volume_info_arbiter"), "arb").bricks

    assert [brick.arbiter for brick in bricks] == [False, False, True]


def test_a_brick_on_an_ipv6_address_keeps_all_of_it() -> None:
    text = (RECORDED / "volume_info_one_brick.xml").read_text().replace("10.77.0.1:/", "fd00::1:2:/")
    volume = parse.gluster_volume(read(ARGV, Output(text.encode(), b"", 0)), "gv0")

    assert (volume.bricks[0].host, volume.bricks[0].path) == ("fd00::1:2", "/srv/n1/brick/gv0-0")


def test_the_answer_about_another_volume_is_refused() -> None:
    with pytest.raises(GlusterError):
        parse.gluster_volume(recorded("volume_info_arbiter"), "gv0")


def test_the_local_peer_has_no_name_since_localhost_is_none() -> None:
    by_id = {peer.id: peer for peer in parse.peers(recorded("pool_list"))}

    assert (by_id[PEER1].local, by_id[PEER1].hostnames) == (True, ())
    assert (by_id[PEER2].local, by_id[PEER2].hostnames) == (False, ("10.77.0.2",))
    assert all(peer.connected for peer in by_id.values())


def test_a_pool_of_one_is_its_local_peer() -> None:
    (peer,) = parse.peers(recorded("pool_list_one_node"))

    assert peer.local
    assert peer.connected


def test_a_peer_keeps_every_name_it_was_probed_by() -> None:
    names = {peer.hostnames for peer in parse.peers(recorded("pool_list_two_names"))}

    assert ("10.77.0.2", "storage2.example.com") in names


def test_a_peer_whose_glusterd_is_down_is_not_connected() -> None:
    peers = parse.peers(recorded("pool_list_peer_down"))

    assert [peer.id for peer in peers if not peer.connected] == [PEER3]


def test_a_rejected_peer_does_not_count_as_connected() -> None:
    text = (RECORDED / "pool_list.xml").read_text().replace("<state>3</state>", "<state>6</state>")
    peers = parse.peers(read(ARGV, Output(text.encode(), b"", 0)))

    assert [peer.id for peer in peers if peer.connected] == [PEER1]


def test_bricks_have_state_and_sizes_in_bytes() -> None:
    brick = parse.bricks(recorded("volume_status"))[0]

    assert (brick.peer_id, brick.path, brick.online) == (PEER1, "/srv/n1/brick/gv0-0", True)
    assert (brick.size_total_bytes, brick.size_free_bytes) == (270553174016, 247216775168)
    assert brick.device == "/dev/vda"


def test_a_killed_brick_is_offline() -> None:
    bricks = parse.bricks(recorded("volume_status_brick_down"))

    assert [brick.peer_id for brick in bricks if not brick.online] == [PEER3]


def test_bricks_of_a_peer_without_glusterd_are_not_there() -> None:
    assert [brick.peer_id for brick in parse.bricks(recorded("volume_status_peer_down"))] == [PEER1, PEER2]


@pytest.mark.parametrize(
    ("recording", "limits"),
    [
        ("quota_list", {ONE: 2**30, TWO: 2**31}),
        ("quota_list_one", {ONE: 2**30}),
        ("quota_list_one_without_limit", {"/nolimit": None}),
        ("quota_list_one_without_directory", {}),
    ],
)
def test_limits_are_bytes_and_no_limit_is_none(recording: str, limits: dict[str, int | None]) -> None:
    assert parse.limits(recorded(recording)) == limits


def test_nothing_awaits_healing_when_all_is_well() -> None:
    assert parse.heal_info(recorded("heal_info")) == parse.HealInfo(frozenset(), ())
    assert parse.heal_info(recorded("heal_info_disperse")) == parse.HealInfo(frozenset(), ())


def test_what_awaits_healing_is_named_and_so_is_the_silent_brick() -> None:
    told = parse.heal_info(recorded("heal_info_brick_down"))

    assert told.pending == {"/", "/pending", "/pending/f"}
    assert told.silent_bricks == ("10.77.0.3:/srv/n3/brick/gv0-0",)


def test_an_entry_without_a_path_is_named_by_its_gfid() -> None:
    brick = "<name>h:/b</name><file gfid='12'/><status>Connected</status><numberOfEntries>1</numberOfEntries>"
    told = parse.heal_info(answer(f"<healInfo><bricks><brick>{brick}</brick></bricks></healInfo>"))

    assert told.pending == {"<gfid:12>"}


def test_a_brick_that_does_not_count_has_not_told() -> None:
    brick = "<name>h:/b</name><status>Connected</status><numberOfEntries>-</numberOfEntries>"
    told = parse.heal_info(answer(f"<healInfo><bricks><brick>{brick}</brick></bricks></healInfo>"))

    assert told.silent_bricks == ("h:/b",)


def test_a_heal_info_without_bricks_is_not_good_news() -> None:
    with pytest.raises(GlusterError):
        parse.heal_info(answer("<healInfo><bricks/></healInfo>"))


def test_a_pool_without_the_local_peer_is_refused() -> None:
    with pytest.raises(GlusterError):
        parse.peers(answer("<peerStatus/>"))


@pytest.mark.parametrize("recording", ["volume_info_replicate", "pool_list", "volume_status", "heal_info"])
def test_elements_that_are_not_known_do_no_harm(recording: str) -> None:
    text = (RECORDED / f"{recording}.xml").read_text()
    richer = text.replace("<opErrno>", "<new><deep/>x</new><opErrno>").replace("</name>", "</name><new/>")
    for reader in READERS:
        try:
            expected = reader(recorded(recording))
        except GlusterError:
            continue
        assert reader(read(ARGV, Output(richer.encode(), b"", 0))) == expected


@given(st.data())
def test_whatever_is_missing_or_strange_is_a_gluster_error(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(sorted(RECORDED.glob("*.xml")))).read_text()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 60)))
    patched = text[:start] + data.draw(st.text(max_size=8)) + text[end:]
    output = Output(patched.encode(errors="replace"), b"", 0)
    for reader in READERS:
        try:
            reader(read(ARGV, output))
        except GlusterError as error:
            assert error.argv == ARGV
