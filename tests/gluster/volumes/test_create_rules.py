"""What a create is allowed, refused and answered on a real Gluster: names, options, room, work in progress."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab.machine import wait_until
from lab.private_gluster import PrivateGluster
from tests.support.behind import directory, limits_bytes, quota_lock_held, volume_directories
from tests.support.calls import ask, go_client, told_by
from tests.support.heketi_clients.strict_go import HeketiError
from tests.support.instance import Instance
from tests.support.pool import GlusterVolume, gluster_volume

GIB = 2**30


def refused(instance: Instance, wish: dict[str, object]) -> tuple[int, str]:
    """Status and text of a create that is refused on the POST itself."""
    answer = ask(instance, "POST", "/volumes", wish)
    return answer.status_code, answer.text


def there(volume: GlusterVolume) -> set[str]:
    """What volumes lie on the brick, published or not."""
    return volume_directories(volume.pool.nodes[0], volume.name)


def test_a_chosen_name_is_in_the_path_and_taken_until_the_delete(
    volume: GlusterVolume, instance: Instance
) -> None:
    go = go_client(instance)
    made = go.create({"size": 1, "name": "chosen-Name_1"})
    assert made["name"] == f"{volume.name}/{directory(made['id'])}/chosen-Name_1"
    before = there(volume)
    assert refused(instance, {"size": 1, "name": "chosen-Name_1"}) == (
        500,
        "Failed to allocate new volume: Volume name 'chosen-Name_1' already in use\n",
    )
    assert there(volume) == before
    go.delete(made["id"])
    again = go.create({"size": 1, "name": "chosen-Name_1"})
    assert again["id"] != made["id"]


def test_a_name_of_255_bytes_can_be_mounted_and_no_longer_one_is_taken(
    volume: GlusterVolume, instance: Instance
) -> None:
    volume.deep_mount(go_client(instance).create({"size": 1, "name": "n" * 255})["name"])
    status, text = refused(instance, {"size": 1, "name": "n" * 256})
    assert (status, text.startswith("validation failed: name: ")) == (400, True)


def test_many_creates_of_one_name_at_once_make_one_volume(volume: GlusterVolume, instance: Instance) -> None:
    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(lambda _: outcome(instance, {"size": 1, "name": "wanted"}), range(8)))
    in_use = "Failed to allocate new volume: Volume name 'wanted' already in use"
    assert sorted(outcomes) == [in_use] * 7 + ["made"]
    assert sum(name.endswith("/wanted") for name in names(instance)) == 1


def outcome(instance: Instance, wish: dict[str, object]) -> str:
    """ "made", or the text that the client gets."""
    try:
        go_client(instance).create(wish)
    except HeketiError as error:
        return str(error)
    return "made"


def names(instance: Instance) -> list[str]:
    go = go_client(instance)
    return [go.info(each)["name"] for each in go.list()]


def test_options_that_the_gluster_volume_has_are_echoed(volume: GlusterVolume, instance: Instance) -> None:
    volume.pool.nodes[0].gluster("volume", "set", volume.name, "diagnostics.brick-log-level", "WARNING")
    fresh = volume.start_instance()  # the other one may have looked at the options some seconds ago
    options = ["diagnostics.brick-log-level WARNING", "user.heketi.id 12", "features.quota on"]
    made = go_client(fresh).create({"size": 1, "glustervolumeoptions": options})
    assert made["glustervolumeoptions"] == options
    assert go_client(instance).info(made["id"])["glustervolumeoptions"] == options


@pytest.mark.parametrize("option", ["client.ssl on", "features.quota off"])
def test_any_other_option_is_refused_by_name_and_nothing_is_made(
    volume: GlusterVolume, instance: Instance, option: str
) -> None:
    before = there(volume)
    status, text = refused(instance, {"size": 1, "glustervolumeoptions": ["user.heketi.id 1", option]})
    assert status == 400
    assert option.split()[0] in text
    assert "PIRAGUA_ACCEPT_ALL_OPTIONS" in text
    assert there(volume) == before


def test_a_setting_accepts_and_echoes_all_options(volume: GlusterVolume, instance: Instance) -> None:
    accepting = volume.start_instance(settings={"PIRAGUA_ACCEPT_ALL_OPTIONS": "true"})
    options = ["client.ssl on", "not even an option"]
    made = go_client(accepting).create({"size": 1, "glustervolumeoptions": options})
    assert made["glustervolumeoptions"] == options == go_client(instance).info(made["id"])["glustervolumeoptions"]


def test_more_than_the_whole_gluster_volume_is_no_space(volume: GlusterVolume, instance: Instance) -> None:
    go = go_client(instance)
    before = there(volume)
    assert refused(instance, {"size": 10**6}) == (500, "Failed to allocate new volume: No space\n")
    assert there(volume) == before
    made = go.create({"size": 1})
    answer = ask(instance, "POST", f"/volumes/{made['id']}/expand", {"expand_size": 10**6})
    assert (answer.status_code, answer.text) == (500, "Failed to allocate volume expansion: No space\n")
    assert go.info(made["id"])["size"] == 1


def test_a_volume_that_is_being_made_cannot_be_deleted(volume: GlusterVolume, instance: Instance) -> None:
    before = there(volume)
    with quota_lock_held(volume.mount()):
        accepted = ask(instance, "POST", "/volumes", {"size": 1})
        (new,) = there(volume) - before
        volume_id = new.replace("-", "")
        answer = ask(instance, "DELETE", f"/volumes/{volume_id}")
        assert ask(instance, "GET", f"/volumes/{volume_id}").status_code == 503
        assert volume_id not in go_client(instance).list()
    assert (answer.status_code, answer.text) == (
        500,
        "Failed to set up volume delete: The target exists, contains other items, or is in use.\n",
    )
    assert told_by(instance, accepted.headers["location"]).status_code == 303
    assert volume_id in go_client(instance).list()


def test_while_a_volume_grows_its_old_size_is_shown(volume: GlusterVolume, instance: Instance) -> None:
    made = go_client(instance).create({"size": 2})
    with quota_lock_held(volume.mount()):
        accepted = ask(instance, "POST", f"/volumes/{made['id']}/expand", {"expand_size": 3})
        assert go_client(instance).info(made["id"])["size"] == 2
        assert made["id"] in go_client(instance).list()
    assert told_by(instance, accepted.headers["location"]).headers["location"] == f"/volumes/{made['id']}"
    assert go_client(instance).info(made["id"])["size"] == 5


def test_expands_of_one_volume_at_once_all_count(volume: GlusterVolume, instance: Instance) -> None:
    made = go_client(instance).create({"size": 1})
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda add: go_client(instance).expand(made["id"], add), range(1, 7)))
    assert go_client(instance).info(made["id"])["size"] == 22
    assert limits_bytes(volume.pool.nodes[0], volume.name)[f"/{directory(made['id'])}"] == 22 * GIB


def test_the_sum_of_all_sizes_is_bounded_exactly(
    one_node: PrivateGluster, new_volume: Callable[..., GlusterVolume]
) -> None:
    """3 GiB and a little; so twice that is 6 volumes, whoever makes them, and the trash counts."""
    volume = new_volume(one_node, brick_size_mib=3400)
    settings = {"PIRAGUA_MAX_OVERCOMMIT": "2", "PIRAGUA_TRASH_RETENTION": "1h"}
    instances = [volume.start_instance(settings=settings) for _ in range(2)]
    with ThreadPoolExecutor(12) as threads:
        outcomes = list(threads.map(lambda n: outcome(instances[n % 2], {"size": 1}), range(12)))
    assert outcomes.count("made") == 6
    assert set(outcomes) <= {"made", "No space", "Failed to allocate new volume: No space"}
    go = go_client(instances[0])
    first, *others = go.list()
    assert len(others) == 5
    no_space = r"^Failed to allocate volume expansion: No space$"
    with pytest.raises(HeketiError, match=no_space):
        go.expand(first, 1)
    go.delete(first)
    assert refused(instances[1], {"size": 1}) == (500, "Failed to allocate new volume: No space\n")
    wait_until(lambda: len(there(volume)) == 6, "the end of what was refused", timeout_seconds=30)
    assert sum(limits_bytes(one_node.nodes[0], volume.name).values()) == 6 * GIB


def test_what_is_refused_for_lack_of_room_takes_up_no_room(
    one_node: PrivateGluster, new_volume: Callable[..., GlusterVolume]
) -> None:
    """3 GiB and a little, twice that for all: of 3, 2, 3 and 1 GiB, in this order, the third is too much."""
    volume = new_volume(one_node, brick_size_mib=3400)
    instance = volume.start_instance(settings={"PIRAGUA_MAX_OVERCOMMIT": "2"})
    with quota_lock_held(volume.mount()):
        waiting = [ask(instance, "POST", "/volumes", {"size": size}).headers["location"] for size in (3, 2, 3, 1)]
    ends = [told_by(instance, operation) for operation in waiting]
    assert [end.status_code for end in ends] == [303, 303, 500, 303]
    assert ends[2].text == "No space\n"


@pytest.fixture(scope="module")
def debian() -> Iterator[GlusterVolume]:
    """A server that calls itself by a name which its /etc/hosts maps to 127.0.1.1, as Debian's installer does."""
    with PrivateGluster() as pool:
        node = pool.nodes[0]
        hosts = node.root / "etc/hosts"
        hosts.write_text(f"127.0.0.1 localhost\n127.0.1.1 {node.hostname}\n")
        address, node.address = node.address, node.hostname  # what bricks are named by
        with gluster_volume(pool, "gv0") as gluster:
            node.address = address
            yield gluster


def test_a_name_that_is_127_0_1_1_here_does_not_end_in_an_answer(debian: GlusterVolume) -> None:
    go = go_client(debian.start_instance())
    made = go.create({"size": 1})
    (node_id,) = go.cluster_info(made["cluster"])["nodes"]
    address = debian.pool.nodes[0].address
    assert go.node_info(node_id)["hostnames"] == {"manage": ["node1"], "storage": [address]}
    assert made["mount"]["glusterfs"]["hosts"] == [address]


def test_without_a_usable_address_nothing_is_made_until_a_setting_gives_one(debian: GlusterVolume) -> None:
    node = debian.pool.nodes[0]
    for command in (
        "link add other type veth peer name its-end",
        "address add 172.31.9.9/24 dev other",
        "link set other up",
    ):
        node.run(["ip", *command.split()])  # now it has two addresses, and nobody could say which is meant
    before = there(debian)
    status, text = refused(debian.start_instance(), {"size": 1})
    assert status == 500
    assert re.search(r"node1 has no IP address.*PIRAGUA_STORAGE_ADDRESSES=node1=", text)
    assert there(debian) == before
    assert node.gluster("volume", "quota", "gv0", "list").count("/") == len(before)
    setting = {"PIRAGUA_STORAGE_ADDRESSES": f"node1={node.address}"}
    made = go_client(debian.start_instance(settings=setting)).create({"size": 1})
    assert made["mount"]["glusterfs"]["hosts"] == [node.address]
