"""Instances on every server of a pool, side by side: no leader, and any of them answers for any."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from lab.machine import MachineError, wait_until
from lab.private_gluster import GLUSTERD_PID_FILE, Node, PrivateGluster
from tests.gluster.crash.promise import left_to_heal
from tests.support.behind import (
    brick,
    differing_gfids,
    directory,
    gfid,
    limits_bytes,
    quota_lock_held,
    recorded_gfids,
    volume_directories,
)
from tests.support.calls import ask, go_client, told_by
from tests.support.heketi_clients.strict_go import HeketiError
from tests.support.instance import Instance
from tests.support.pool import GlusterVolume, gluster_volume

GIB = 2**30
BRICKS_PER_NODE = 2
ROUNDS = 40


@pytest.fixture(scope="module")
def volume(three_nodes: PrivateGluster) -> Iterator[GlusterVolume]:
    with gluster_volume(three_nodes, bricks_per_node=BRICKS_PER_NODE) as gluster:
        yield gluster
    three_nodes.delete_volume(gluster.name)


@pytest.fixture(scope="module")
def instances(volume: GlusterVolume) -> list[Instance]:
    """One on each node, all started at the same moment on an empty Gluster volume."""
    started = [volume.start_instance(node=number, wait=False) for number in range(3)]
    for instance in started:
        instance.wait_until_healthy()
    return started


@pytest.fixture
def doomed(volume: GlusterVolume, instances: list[Instance]) -> Instance:
    """One more, to be killed."""
    return volume.start_instance(node=1)


def outcome_of_create(instance: Instance, name: str, together: Barrier) -> str:
    """The id of the volume, or the text of the error."""
    together.wait(timeout=30)
    try:
        made: str = go_client(instance).create({"size": 1, "name": name})["id"]
    except HeketiError as error:
        return str(error)
    return made


def running(node: Node, word: str) -> list[int]:
    """Pids, inside of the node, of processes with that word among their arguments."""
    lines = [line.split() for line in node.run(["ps", "-ww", "-eo", "pid,args"]).splitlines()]
    return [int(pid) for pid, *argv in lines if word in argv]


def sent_and_unread_bytes(node: Node, pid: int) -> int:
    """What that process has written to its Unix sockets and the other end has not read yet."""
    columns = [line.split() for line in node.run(["ss", "-xpnH", "state", "connected"]).splitlines()]
    return sum(int(sent) for _, _, _, sent, *rest in columns if f",pid={pid}," in rest[-1])


def limit_everywhere(volume: GlusterVolume, volume_id: str) -> list[int | None]:
    """What `quota list` of each node says about the volume."""
    path = f"/{directory(volume_id)}"
    return [limits_bytes(node, volume.name).get(path) for node in volume.pool.nodes]


def test_instances_that_start_at_once_on_an_empty_volume_agree(
    volume: GlusterVolume, instances: list[Instance]
) -> None:
    made = [go_client(instance).create({"size": 1})["id"] for instance in instances]
    for instance in instances:
        assert set(made) <= set(go_client(instance).list())
    assert differing_gfids(volume.pool, volume.name, BRICKS_PER_NODE) == []
    assert left_to_heal(volume) == []


def test_one_name_asked_for_at_two_instances_makes_one_volume(
    volume: GlusterVolume, instances: list[Instance]
) -> None:
    """Many rounds of the same name, each at two other instances, which is free again after every round."""
    in_use = "Failed to allocate new volume: Volume name 'same' already in use"
    with ThreadPoolExecutor(2) as threads:
        for number in range(ROUNDS):
            pair = [instances[number % 3], instances[(number + 1) % 3]]
            together = Barrier(2)
            ends = [threads.submit(outcome_of_create, each, "same", together) for each in pair]
            outcomes = [end.result() for end in ends]
            assert outcomes.count(in_use) == 1, outcomes
            outcomes.remove(in_use)
            third = go_client(instances[(number + 2) % 3])
            assert third.info(outcomes[0])["name"].endswith("/same")
            third.delete(outcomes[0])
    assert differing_gfids(volume.pool, volume.name, BRICKS_PER_NODE) == []
    assert left_to_heal(volume) == []


def test_made_at_one_polled_at_another_deleted_at_a_third(
    volume: GlusterVolume, instances: list[Instance]
) -> None:
    first, second, third = instances
    created = ask(first, "POST", "/volumes", {"size": 1, "gid": 2000})
    done = told_by(second, created.headers["location"])
    assert done.status_code == 303
    path = done.headers["location"]
    volume_id = path.removeprefix("/volumes/")
    shown = [ask(each, "GET", path) for each in instances]
    assert [each.status_code for each in shown] == [200, 200, 200]
    assert len({each.json()["name"] for each in shown}) == 1
    assert all(volume_id in go_client(each).list() for each in instances)
    assert limit_everywhere(volume, volume_id) == [GIB] * 3
    own = gfid(brick(volume.pool.nodes[0], volume.name) / directory(volume_id))

    grown = ask(second, "POST", f"{path}/expand", {"expand_size": 2})
    assert told_by(third, grown.headers["location"]).headers["location"] == path
    assert [ask(each, "GET", path).json()["size"] for each in instances] == [3, 3, 3]

    deleted = ask(third, "DELETE", path)
    assert told_by(first, deleted.headers["location"]).status_code == 204
    assert [ask(each, "GET", path).content for each in instances] == [b"Id not found\n"] * 3
    assert not any(volume_id in go_client(each).list() for each in instances)
    bricks = [(node, number) for node in volume.pool.nodes for number in range(BRICKS_PER_NODE)]
    wait_until(
        lambda: not any(directory(volume_id) in volume_directories(node, volume.name, n) for node, n in bricks),
        "purge on every brick",
        timeout_seconds=30,
    )
    assert not [node for node in volume.pool.nodes if own in recorded_gfids(node, volume.name)]


def test_work_of_another_instance_is_pending_until_it_is_over(
    volume: GlusterVolume, instances: list[Instance]
) -> None:
    with quota_lock_held(volume.mount()):
        created = ask(instances[0], "POST", "/volumes", {"size": 1})
        asked = ask(instances[1], "GET", created.headers["location"])
    assert (asked.status_code, asked.headers["x-pending"], asked.content) == (200, "true", b"")
    assert told_by(instances[1], created.headers["location"]).status_code == 303


def test_a_failure_is_told_by_every_instance_in_the_same_words(
    volume: GlusterVolume, instances: list[Instance]
) -> None:
    made = go_client(instances[0]).create({"size": 1})
    path = f"/volumes/{made['id']}"
    with quota_lock_held(volume.mount()):
        doomed_to_fail = ask(instances[1], "POST", f"{path}/expand", {"expand_size": 1})
        inside = volume.mount() / directory(made["id"])
        subprocess.run(["setfattr", "-n", "user.piragua.gone", "-v", "{", str(inside)], check=True)
    told = [told_by(each, doomed_to_fail.headers["location"]) for each in instances]
    assert {each.status_code for each in told} == {500}
    assert len({each.text for each in told}) == 1
    assert "changed while it was expanded" in told[0].text


def test_expands_at_two_instances_at_once_both_count(volume: GlusterVolume, instances: list[Instance]) -> None:
    made = go_client(instances[0]).create({"size": 1})
    together = Barrier(2)

    def expand(instance: Instance, add_gib: int) -> None:
        together.wait(timeout=30)
        go_client(instance).expand(made["id"], add_gib)

    with ThreadPoolExecutor(2) as threads:
        for _ in range(5):
            list(threads.map(expand, instances[1:], (2, 4)))
    assert {go_client(each).info(made["id"])["size"] for each in instances} == {31}
    assert limit_everywhere(volume, made["id"]) == [31 * GIB] * 3


def test_a_create_whose_instance_was_killed_is_told_as_failed_and_never_appears(
    volume: GlusterVolume, instances: list[Instance], doomed: Instance
) -> None:
    before = volume_directories(volume.pool.nodes[0], volume.name)
    with quota_lock_held(volume.mount()):
        created = ask(doomed, "POST", "/volumes", {"size": 1, "name": "killed"})
        (new,) = volume_directories(volume.pool.nodes[0], volume.name) - before
        assert "x-pending" in ask(instances[0], "GET", created.headers["location"]).headers
        doomed.kill9()
    told = told_by(instances[0], created.headers["location"])
    assert (told.status_code, told.text) == (500, "the server that did this went away before it was done\n")
    assert ask(instances[2], "GET", f"/volumes/{new.replace('-', '')}").content == b"Id not found\n"
    assert new.replace("-", "") not in go_client(instances[2]).list()
    go_client(instances[2]).create({"size": 1, "name": "killed"})


def test_an_expand_whose_instance_was_killed_is_told_as_it_ended(
    volume: GlusterVolume, instances: list[Instance], doomed: Instance
) -> None:
    made = go_client(doomed).create({"size": 1})
    path = f"/volumes/{made['id']}"
    done = ask(doomed, "POST", f"{path}/expand", {"expand_size": 2}).headers["location"]
    assert told_by(doomed, done).status_code == 303
    with quota_lock_held(volume.mount()):
        lost = ask(doomed, "POST", f"{path}/expand", {"expand_size": 4}).headers["location"]
        doomed.kill9()
    assert told_by(instances[0], done).headers["location"] == path
    assert told_by(instances[0], lost).status_code == 500
    assert go_client(instances[2]).info(made["id"])["size"] == 3
    assert go_client(instances[2]).expand(made["id"], 4)["size"] == 7


def test_a_limit_that_comes_after_its_create_was_told_as_failed_makes_no_volume(
    volume: GlusterVolume, instances: list[Instance], doomed: Instance
) -> None:
    """glusterd still carries out what it was told by an instance that is dead by then."""
    for _ in range(5):
        new = create_with_a_late_limit(volume, instances[0], doomed)
        if is_within(lambda: f"/{new}" in limits_bytes(volume.pool.nodes[0], volume.name), seconds=10):  # noqa: B023
            break
        doomed.start()  # glusterd can also drop what it has not read of a client that is gone
        doomed.wait_until_healthy()
    else:
        raise AssertionError("no limit came late")
    for each in instances:
        assert new.replace("-", "") not in go_client(each).list()
        assert ask(each, "GET", f"/volumes/{new.replace('-', '')}").content == b"Id not found\n"


def create_with_a_late_limit(volume: GlusterVolume, other: Instance, doomed: Instance) -> str:
    """The directory of a create whose instance dies with its limit's command in glusterd's queue."""
    node = volume.pool.nodes[1]

    def limit_is_asked_for() -> bool:
        """Whether a command of its own, which a glusterd that does not answer makes necessary, has been sent."""
        asking = running(node, "limit-usage")
        return bool(asking) and any(sent_and_unread_bytes(node, pid) for pid in asking)

    before = volume_directories(node, volume.name)
    with quota_lock_held(volume.mount()):
        created = ask(doomed, "POST", "/volumes", {"size": 1})
        (new,) = volume_directories(node, volume.name) - before
        node.kill(GLUSTERD_PID_FILE, signal.SIGSTOP)
    try:
        wait_until(limit_is_asked_for, "the command in glusterd's queue", timeout_seconds=20)
        doomed.kill9()
        assert told_by(other, created.headers["location"]).status_code == 500
    finally:
        node.kill(GLUSTERD_PID_FILE, signal.SIGCONT)
    return new


def is_within(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Whether it comes to be so in that time."""
    try:
        wait_until(condition, "", seconds)
    except MachineError:
        return False
    return True


def test_every_operation_of_a_killed_instance_gets_a_true_answer(
    volume: GlusterVolume, instances: list[Instance], doomed: Instance
) -> None:
    """Killed in the middle of many creates: what is told as done is there with its limit, the rest is not."""
    with quota_lock_held(volume.mount()), ThreadPoolExecutor(12) as threads:
        posts = threads.map(lambda _: ask(doomed, "POST", "/volumes", {"size": 1}), range(12))
        operations = [post.headers["location"] for post in posts]
    wait_until(lambda: told_by(doomed, operations[0]).status_code == 303, "the first of them", timeout_seconds=30)
    doomed.kill9()
    ends = [told_by(instances[0], operation) for operation in operations]
    done = {end.headers["location"].removeprefix("/volumes/") for end in ends if end.status_code == 303}
    assert done
    assert {end.status_code for end in ends} == {303, 500}
    assert done <= set(go_client(instances[2]).list())
    for volume_id in done:
        assert go_client(instances[1]).info(volume_id)["size"] == 1
        assert limit_everywhere(volume, volume_id) == [GIB] * 3
    failed = {
        operation[-48:-16] for operation, end in zip(operations, ends, strict=True) if end.status_code == 500
    }
    assert not failed & set(go_client(instances[2]).list())
