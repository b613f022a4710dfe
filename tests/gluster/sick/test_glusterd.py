"""Gluster that is not there, stopped, without quota, or dies: what users see meanwhile, and that it comes back."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import httpx
import pytest

from lab.machine import wait_until
from lab.private_gluster import Node, PrivateGluster
from tests.support.behind import volume_directories
from tests.support.calls import ask, go_client, told_by
from tests.support.frozen import frozen, glusterd, without_glusterd
from tests.support.instance import Instance
from tests.support.pool import GlusterVolume

UNKNOWN = "0123456789abcdef" * 2
DASHED = "01234567-89ab-4def-8123-456789abcdef"
OPERATION = "01" + UNKNOWN * 2 + UNKNOWN[:16]


@dataclass
class Sick:
    """A way to be without a Gluster, and the words in which it is told."""

    broken: Callable[[GlusterVolume], AbstractContextManager[None]]
    reason: str
    glusterd_answers: bool


def _no_glusterd(volume: GlusterVolume) -> AbstractContextManager[None]:
    return without_glusterd(volume.pool.nodes[0])


@contextmanager
def _stopped(volume: GlusterVolume) -> Iterator[None]:
    volume.pool.nodes[0].gluster("volume", "stop", volume.name, "force")
    yield
    volume.pool.nodes[0].gluster("volume", "start", volume.name)


NO_GLUSTERD = Sick(_no_glusterd, "gluster daemon is operational", glusterd_answers=False)
STOPPED = Sick(_stopped, "is not started", glusterd_answers=True)


def health(instance: Instance) -> httpx.Response:
    """GET /health, without a token."""
    return httpx.get(f"{instance.url}/health", timeout=60, trust_env=False)


def until_sick(instance: Instance, reason: str) -> None:
    """Until GET /health says 503 with that reason."""

    def says_so() -> bool:
        if instance.health() == 503:
            said[:] = [health(instance).text]
        return any(reason in text for text in said)

    said: list[str] = []
    wait_until(says_so, f"{reason!r} on /health", 30)
    assert health(instance).headers["content-type"] == "text/plain; charset=utf-8"


def assert_nothing_is_answered(instance: Instance, gluster_volume: str, glusterd_answers: bool = False) -> None:
    """The process lives; no list is shorter and nothing is called unknown: all that is said is 503, and why.

    glusterd_answers: what needs only glusterd is left out.
    """
    for open_path in ("/live", "/hello", "/version"):
        assert httpx.get(instance.url + open_path, timeout=5, trust_env=False).status_code == 200
    requests = [
        ("GET", "/volumes"),
        ("POST", "/volumes"),
        ("GET", f"/volumes/{UNKNOWN}"),
        ("DELETE", f"/volumes/{UNKNOWN}"),
        ("POST", f"/volumes/{UNKNOWN}/expand"),
        ("GET", f"/volumes/{gluster_volume}/{DASHED}/vol_{DASHED}"),
        ("GET", f"/clusters/{gluster_volume}"),
    ]
    if not glusterd_answers:
        requests += [("GET", "/clusters"), ("GET", f"/clusters/{UNKNOWN}"), ("GET", f"/nodes/{UNKNOWN}")]
    bodies = {"/volumes": {"size": 1}, f"/volumes/{UNKNOWN}/expand": {"expand_size": 1}}
    for method, path in requests:
        answer = ask(instance, method, path, bodies.get(path) if method == "POST" else None)
        assert answer.status_code == 503, (method, path, answer.text)
        assert answer.text.strip() not in ("", "Id not found"), (method, path)
    if not glusterd_answers:  # whose Gluster volume could be one of these
        assert ask(instance, "GET", f"/queue/{OPERATION}").headers.get("x-pending") == "true"


def made(instance: Instance) -> str:
    """A new volume's id."""
    return str(go_client(instance).create({"size": 1})["id"])


def refusal(instance: Instance, wish: dict[str, object] | None = None) -> str:
    """Why a create fails: at once or at its operation's end."""
    first = ask(instance, "POST", "/volumes", wish or {"size": 1})
    if first.status_code != 202:
        assert first.status_code == 503, first.text
        return first.text
    last = told_by(instance, first.headers["location"], timeout_seconds=60)
    assert last.status_code == 500, last.text
    return last.text


def nothing_on_the_brick(volume: GlusterVolume) -> bool:
    return not volume_directories(volume.pool.nodes[0], volume.name)


@pytest.mark.parametrize("sick", [NO_GLUSTERD, STOPPED], ids=["no glusterd", "volume stopped"])
def test_it_starts_without_a_gluster_says_so_and_recovers_when_one_appears(
    volume: GlusterVolume, sick: Sick
) -> None:
    with sick.broken(volume):
        instance = volume.start_instance(wait=False)
        until_sick(instance, sick.reason)
        assert_nothing_is_answered(instance, volume.name, sick.glusterd_answers)
    instance.wait_until_healthy(60)
    assert go_client(instance).list() == []
    made(instance)


def test_it_starts_before_its_gluster_volume_is_made(pool: PrivateGluster, node: Node) -> None:
    with Instance(node, "not-yet") as instance:
        until_sick(instance, "volume info not-yet: Volume does not exist")
        assert_nothing_is_answered(instance, "not-yet")
        pool.create_volume("not-yet")
        instance.wait_until_healthy(60)
        made(instance)
    pool.delete_volume("not-yet")


def test_a_gluster_volume_that_is_stopped_and_started_again_needs_no_restart(volume: GlusterVolume) -> None:
    instance = volume.start_instance()
    volume_id = made(instance)
    with _stopped(volume):
        until_sick(instance, volume.name)
        assert_nothing_is_answered(instance, volume.name, glusterd_answers=True)
        assert ask(instance, "GET", f"/volumes/{volume_id}").status_code == 503
    instance.wait_until_healthy(60)
    assert go_client(instance).list() == [volume_id]
    assert go_client(instance).info(volume_id)["size"] == 1
    made(instance)


QUOTA_OFF = ("volume quota {} disable", "gluster volume quota {} enable")
STATFS_OFF = (
    "volume set {} features.quota-deem-statfs off",
    "gluster volume set {} features.quota-deem-statfs on",
)


@pytest.mark.parametrize(
    ("what", "starts_before"),
    [(QUOTA_OFF, True), (STATFS_OFF, True), (STATFS_OFF, False)],
    ids=["quota off while it runs", "deem-statfs off while it runs", "deem-statfs off before the start"],
)
def test_without_limits_a_create_is_refused_with_the_command_that_mends_it_and_leaves_nothing(
    volume: GlusterVolume, node: Node, what: tuple[str, str], starts_before: bool
) -> None:
    breaking, mending = (command.format(volume.name) for command in what)
    if starts_before:
        instance = volume.start_instance()
        assert health(instance).status_code == 200  # what it knows about the Gluster volume is young
        node.gluster(*breaking.split())
    else:
        node.gluster(*breaking.split())
        instance = volume.start_instance(wait=False)
        wait_until(lambda: instance.health() == 503, "/health", 30)
        wait_until(lambda: ask(instance, "GET", "/volumes").status_code == 200, "a list", 30)

    told = refusal(instance)
    assert go_client(instance).list() == []
    until_sick(instance, mending)
    printed = re.search(r"gluster volume \S+ \S+ [^;,\n]*", health(instance).text)
    assert printed is not None
    assert printed[0] == mending
    if not starts_before:
        assert mending in told
        assert nothing_on_the_brick(volume)

    node.run(["sh", "-c", printed[0].replace("gluster ", "gluster --mode=script ")])
    instance.wait_until_healthy(60)
    wait_until(lambda: nothing_on_the_brick(volume), "the end of what the failed create made", 60)
    made(instance)


def test_when_glusterd_dies_creates_end_with_an_error_volumes_stay_readable_and_all_comes_back(
    volume: GlusterVolume, node: Node
) -> None:
    instance = volume.start_instance()
    client = go_client(instance)
    kept = client.create({"size": 1})
    cluster = client.cluster_info(kept["cluster"])
    nodes = [client.node_info(each) for each in cluster["nodes"]]
    doomed = made(instance)
    with without_glusterd(node):
        assert "gluster daemon is operational" in refusal(instance)
        assert set(client.list()) == {kept["id"], doomed}
        until_sick(instance, "gluster daemon is operational")
        assert ask(instance, "GET", "/clusters").status_code == 503
        assert ask(instance, "POST", "/volumes", {"size": 1}).status_code == 503
        assert ask(instance, "POST", f"/volumes/{kept['id']}/expand", {"expand_size": 1}).status_code == 503
        # What the node of a pod needs: from the last known topology.
        assert client.info(kept["id"]) == kept
        assert client.cluster_info(kept["cluster"])["nodes"] == cluster["nodes"]
        assert [client.node_info(each) for each in cluster["nodes"]] == nodes
        assert ask(instance, "GET", f"/clusters/{UNKNOWN}").status_code == 503
        assert ask(instance, "GET", f"/nodes/{UNKNOWN}").status_code == 503
        # The mount proves both of these without glusterd.
        assert ask(instance, "GET", f"/volumes/{UNKNOWN}").text == "Id not found\n"
        client.delete(doomed)
        assert client.list() == [kept["id"]]
    instance.wait_until_healthy(60)
    after = made(instance)
    assert set(client.list()) == {kept["id"], after}
    assert client.expand(kept["id"], 1)["size"] == 2
    wait_until(lambda: len(volume_directories(node, volume.name)) == 2, "the end of what was left behind", 60)


def test_a_glusterd_that_hangs_keeps_nobody_from_reading_a_volume(volume: GlusterVolume, node: Node) -> None:
    instance = volume.start_instance()
    volume_id = made(instance)
    with frozen(node, glusterd(node)):
        # Until what is known is so old that glusterd is asked again.
        until_sick(instance, "glusterd did not answer")
        assert go_client(instance).info(volume_id)["id"] == volume_id
        assert go_client(instance).list() == [volume_id]
        assert httpx.get(f"{instance.url}/live", timeout=5, trust_env=False).status_code == 200
        assert "glusterd did not answer" in refusal(instance)
    instance.wait_until_healthy(90)
    made(instance)


def test_nothing_is_written_where_the_mount_would_be_while_there_is_none(
    volume: GlusterVolume, node: Node
) -> None:
    with without_glusterd(node):
        instance = volume.start_instance(wait=False)
        until_sick(instance, "gluster daemon is operational")
        refusal(instance)
        folder = f"{node.root}{instance.mount_root}/{volume.name}"
        wait_until(lambda: os.path.exists(folder), "the mount point", 30)
        assert os.listdir(folder) == []
        assert instance.terminate() == 0
        assert os.listdir(folder) == []
