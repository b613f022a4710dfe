"""Quota that is sick while an instance serves: its daemon dead, or turned off and on, which loses all limits."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import httpx

from lab.machine import wait_until
from lab.private_gluster import Node
from tests.support.behind import directory, limits_bytes, volume_directories
from tests.support.calls import ask, go_client, told_by
from tests.support.instance import Instance
from tests.support.pool import GlusterVolume

GIB = 2**30
BOUND_SECONDS = 60
CREATES = 12
MOST_THREADS = 100


def made(instance: Instance) -> str:
    """A new volume's id."""
    return str(go_client(instance).create({"size": 1})["id"])


def end_of(instance: Instance, path: str, body: dict[str, object]) -> httpx.Response:
    """The last answer about a change, which must come in time."""
    begun = time.monotonic()
    first = ask(instance, "POST", path, body)
    last = told_by(instance, first.headers["location"], BOUND_SECONDS) if first.status_code == 202 else first
    assert time.monotonic() - begun < BOUND_SECONDS, (path, last.text)
    return last


def health(instance: Instance) -> httpx.Response:
    return httpx.get(f"{instance.url}/health", timeout=BOUND_SECONDS, trust_env=False)


def test_with_quotad_dead_changes_end_and_name_it_the_rest_is_served_and_it_recovers(
    volume: GlusterVolume, node: Node
) -> None:
    instance = volume.start_instance()
    client, mend = go_client(instance), f"gluster volume start {volume.name} force"
    kept, doomed = made(instance), made(instance)
    node.kill_quotad()
    rounds = 0
    with ThreadPoolExecutor(CREATES + 1) as threads:
        growth = threads.submit(end_of, instance, f"/volumes/{kept}/expand", {"expand_size": 1})
        creates = [threads.submit(end_of, instance, "/volumes", {"size": 1}) for _ in range(CREATES)]
        while not all(each.done() for each in (growth, *creates)):
            assert client.info(kept)["id"] == kept
            assert set(client.list()) == {kept, doomed}
            assert httpx.get(f"{instance.url}/live", timeout=5, trust_env=False).status_code == 200
            assert len(os.listdir(f"/proc/{instance.pid}/task")) < MOST_THREADS
            rounds += 1
    assert rounds > 1
    for refused in (growth.result(), *(each.result() for each in creates)):
        assert refused.status_code in (500, 503), refused.text
        assert mend in refused.text
    wait_until(lambda: health(instance).status_code == 503, "/health", 30)
    assert mend in health(instance).text
    client.delete(doomed)  # which needs no quota
    assert client.list() == [kept]

    node.gluster(*mend.removeprefix("gluster ").split())
    instance.wait_until_healthy(150)  # what hangs returns a minute after it began
    assert client.expand(kept, 1)["size"] in (2, 3)  # the one that was told as failed can have happened
    new = made(instance)
    assert set(client.list()) == {kept, new}
    wait_until(
        lambda: volume_directories(node, volume.name) == {directory(kept), directory(new)},
        "the end of what the failed creates left",
        150,
    )


def test_a_quotad_that_is_dead_is_noticed_though_nobody_asks_for_anything(
    volume: GlusterVolume, node: Node
) -> None:
    instance = volume.start_instance()
    made(instance)
    node.kill_quotad()
    wait_until(lambda: instance.health() == 503, "/health", 60)
    assert f"gluster volume start {volume.name} force" in health(instance).text
    node.gluster("volume", "start", volume.name, "force")
    instance.wait_until_healthy(150)


def test_limits_that_were_lost_with_quota_come_back_and_nothing_is_made_without_one(
    volume: GlusterVolume, node: Node
) -> None:
    instance = volume.start_instance()
    client = go_client(instance)
    kept = [made(instance) for _ in range(3)]
    node.gluster("volume", "quota", volume.name, "disable")
    refused = end_of(instance, "/volumes", {"size": 1})
    assert refused.status_code in (500, 503), refused.text
    assert set(client.list()) == set(kept)
    wait_until(lambda: health(instance).status_code == 503, "/health", 30)
    assert f"gluster volume quota {volume.name} enable" in health(instance).text

    node.gluster("volume", "quota", volume.name, "enable")
    instance.wait_until_healthy(60)
    new = made(instance)
    wanted = {f"/{directory(each)}": GIB for each in (*kept, new)}
    wait_until(lambda: limits_bytes(node, volume.name) == wanted, "the limits", 120)
    assert set(client.list()) == {*kept, new}


def test_limits_that_are_lost_before_anybody_has_seen_them_come_back_as_well(
    volume: GlusterVolume, node: Node
) -> None:
    """Made, lost and on again between two looks of an instance, and long before its next regular sweep."""
    instance = volume.start_instance()
    kept = made(instance)
    node.gluster("volume", "quota", volume.name, "disable")
    node.gluster("volume", "quota", volume.name, "enable")
    wait_until(lambda: limits_bytes(node, volume.name) == {f"/{directory(kept)}": GIB}, "the limit", 60)
