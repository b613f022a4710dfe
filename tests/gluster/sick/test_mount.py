"""A mount that is lost, taken away, wrong or hung: nothing is ever written beside it, and it comes back."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from lab.machine import wait_until
from lab.private_gluster import Node, PrivateGluster
from piragua.tree import layout
from tests.support.behind import brick, quota_lock_held, volume_directories
from tests.support.calls import ask, go_client, told_by
from tests.support.frozen import bricks, frozen, fuse_clients, send
from tests.support.instance import Instance
from tests.support.pool import GlusterVolume, gluster_volume

ADMINISTRATORS_MOUNT = "/run/mounted-by-the-administrator"
UNKNOWN = "0123456789abcdef" * 2


@contextmanager
def mounted_by_the_administrator(node: Node, source: str) -> Iterator[None]:
    """`localhost:/<source>` is mounted at ADMINISTRATORS_MOUNT."""
    node.run(["mkdir", "-p", ADMINISTRATORS_MOUNT])
    node.run(["mount", "-t", "glusterfs", f"localhost:/{source}", ADMINISTRATORS_MOUNT])
    wait_until(lambda: is_mounted(node, ADMINISTRATORS_MOUNT), f"mount of {source}", 10)
    try:
        yield
    finally:
        node.run(["umount", "--lazy", ADMINISTRATORS_MOUNT], check=False)


def is_mounted(node: Node, path: str) -> bool:
    with open(f"/proc/{node.pid}/mountinfo") as mountinfo:
        return any(line.split()[4] == path for line in mountinfo)


def made(instance: Instance, **wish: object) -> str:
    """A new volume's id."""
    return str(go_client(instance).create({"size": 1, **wish})["id"])


def own_mount(instance: Instance, volume: GlusterVolume) -> str:
    return f"{instance.mount_root}/{volume.name}"


def until_sick(instance: Instance, reason: str) -> None:
    """Until GET /health says 503 with that reason, without a token."""

    def says_so() -> bool:
        try:
            answer = httpx.get(f"{instance.url}/health", timeout=60, trust_env=False)
        except httpx.ConnectError:
            return False  # it is about to start
        return answer.status_code == 503 and reason in answer.text

    wait_until(says_so, f"{reason!r} on /health", 30)


def assert_refused_for_now(instance: Instance, *volume_ids: str) -> None:
    """Everything that needs the mount is 503 with a text, and the process lives."""
    requests = [("GET", "/volumes"), ("POST", "/volumes"), ("GET", f"/volumes/{UNKNOWN}")]
    for volume_id in volume_ids:
        requests += [("GET", f"/volumes/{volume_id}"), ("DELETE", f"/volumes/{volume_id}")]
    for method, path in requests:
        answer = ask(instance, method, path, {"size": 1} if method == "POST" else None)
        assert answer.status_code == 503, (method, path, answer.text)
        assert answer.text.strip()
        assert "Id not found" not in answer.text
    assert httpx.get(f"{instance.url}/live", timeout=5, trust_env=False).status_code == 200


def test_a_mount_whose_process_was_killed_is_made_again(node: Node, volume: GlusterVolume) -> None:
    instance = volume.start_instance()
    before = made(instance)
    send(node, fuse_clients(node, own_mount(instance, volume)), signal.SIGKILL)
    assert ask(instance, "GET", f"/volumes/{before}").status_code in (200, 503)
    wait_until(lambda: fuse_clients(node, own_mount(instance, volume)) != [], "a new FUSE client", 30)
    instance.wait_until_healthy()
    after = made(instance)
    assert set(go_client(instance).list()) == {before, after}
    assert instance.terminate() == 0
    assert os.listdir(f"{node.root}{own_mount(instance, volume)}") == []


def test_a_create_whose_mount_died_is_told_as_failed_only_when_it_cannot_appear_any_more(
    node: Node, volume: GlusterVolume
) -> None:
    instance = volume.start_instance()
    with quota_lock_held(volume.mount()):
        created = ask(instance, "POST", "/volumes", {"size": 1})
        [directory] = volume_directories(node, volume.name)
        send(node, fuse_clients(node, own_mount(instance, volume)), signal.SIGKILL)
        told = told_by(instance, created.headers["location"], 60)
    assert told.status_code == 500
    assert layout.DELETION_XATTR in os.listxattr(brick(node, volume.name) / directory)


def test_a_mount_of_its_own_that_somebody_took_away_is_made_again_and_nothing_is_written_beside_it(
    node: Node, volume: GlusterVolume
) -> None:
    instance = volume.start_instance()
    path = own_mount(instance, volume)
    node.run(["umount", "--lazy", path])
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: ask(instance, "POST", "/volumes", {"size": 1}), range(8)))
    assert {answer.status_code for answer in answers} <= {202, 503}
    wait_until(lambda: is_mounted(node, path), "the mount", 30)
    instance.wait_until_healthy()
    made(instance)
    assert instance.terminate() == 0
    assert os.listdir(f"{node.root}{path}") == []


def test_the_administrators_mount_is_used_missed_and_left_alone(node: Node, volume: GlusterVolume) -> None:
    at = {"PIRAGUA_VOLUMES": f"{volume.name}={ADMINISTRATORS_MOUNT}", "PIRAGUA_USAGE_INTERVAL": "0"}
    with mounted_by_the_administrator(node, volume.name):
        instance = volume.start_instance(settings=at)
        volume_id = made(instance)
        assert instance.mounts() == []
    until_sick(instance, "is not mounted there")
    assert_refused_for_now(instance, volume_id)
    assert not is_mounted(node, ADMINISTRATORS_MOUNT)
    assert os.listdir(f"{node.root}{ADMINISTRATORS_MOUNT}") == []
    with mounted_by_the_administrator(node, volume.name):
        instance.wait_until_healthy()
        assert go_client(instance).list() == [volume_id]
        made(instance)
        assert instance.terminate() == 0
        assert is_mounted(node, ADMINISTRATORS_MOUNT)


@pytest.mark.parametrize("what", ["another Gluster volume", "a directory of the right one"])
def test_the_wrong_thing_mounted_is_refused_and_not_written_to(
    what: str, pool: PrivateGluster, node: Node, volume: GlusterVolume
) -> None:
    (volume.mount() / "inside").mkdir()
    with gluster_volume(pool) as other:
        wrong = other.name if what == "another Gluster volume" else f"{volume.name}/inside"
        with mounted_by_the_administrator(node, wrong):
            at = {"PIRAGUA_VOLUMES": f"{volume.name}={ADMINISTRATORS_MOUNT}"}
            instance = volume.start_instance(settings=at, wait=False)
            until_sick(instance, f"not the Gluster volume {volume.name}, but localhost:/{wrong}")
            assert_refused_for_now(instance)
            assert os.listdir(f"{node.root}{ADMINISTRATORS_MOUNT}") == []
        with mounted_by_the_administrator(node, volume.name):
            instance.wait_until_healthy()
            made(instance)
    pool.delete_volume(other.name)


def test_a_frozen_mount_of_its_own_is_replaced_and_meanwhile_every_request_ends(
    node: Node, volume: GlusterVolume
) -> None:
    instance = volume.start_instance()
    volume_id = made(instance)
    with frozen(node, fuse_clients(node, own_mount(instance, volume))), ThreadPoolExecutor(40) as threads:
        answers = threads.map(lambda _: ask(instance, "GET", f"/volumes/{volume_id}"), range(40))
        assert httpx.get(f"{instance.url}/live", timeout=5, trust_env=False).status_code == 200
        assert {answer.status_code for answer in answers} <= {200, 503}
        instance.wait_until_healthy(60)
        assert ask(instance, "GET", f"/volumes/{volume_id}").status_code == 200
        made(instance)


def test_a_frozen_mount_of_the_administrators_is_waited_for(node: Node, volume: GlusterVolume) -> None:
    at = {"PIRAGUA_VOLUMES": f"{volume.name}={ADMINISTRATORS_MOUNT}"}
    with mounted_by_the_administrator(node, volume.name):
        instance = volume.start_instance(settings=at)
        volume_id = made(instance)
        client = fuse_clients(node, ADMINISTRATORS_MOUNT)
        with frozen(node, client):
            with ThreadPoolExecutor(40) as threads:
                answers = threads.map(lambda _: ask(instance, "GET", f"/volumes/{volume_id}"), range(40))
                assert {answer.status_code for answer in answers} == {503}
            until_sick(instance, "")
            assert_refused_for_now(instance, volume_id)
        instance.wait_until_healthy(60)
        assert fuse_clients(node, ADMINISTRATORS_MOUNT) == client
        assert go_client(instance).list() == [volume_id]
        made(instance)
        assert instance.terminate() == 0


def test_bricks_that_freeze_and_go_on_are_outlived(node: Node, volume: GlusterVolume) -> None:
    instance = volume.start_instance()
    volume_id = made(instance)
    with frozen(node, bricks(node, volume.name)):
        assert ask(instance, "GET", f"/volumes/{volume_id}").status_code == 503
        until_sick(instance, "")
        assert_refused_for_now(instance, volume_id)
    instance.wait_until_healthy(60)
    assert go_client(instance).list() == [volume_id]
    made(instance)


def test_it_ends_in_time_though_its_mount_is_frozen(node: Node, volume: GlusterVolume) -> None:
    instance = volume.start_instance()
    with frozen(node, fuse_clients(node, own_mount(instance, volume))):
        assert instance.terminate(timeout_seconds=60) == 0
