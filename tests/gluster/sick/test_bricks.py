"""Bricks that are lost and come back: of one server of three, of two, of all."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest

from lab.machine import wait_until
from lab.private_gluster import PrivateGluster
from tests.gluster.crash.promise import left_to_heal
from tests.support.behind import directory, limits_bytes
from tests.support.calls import ask, go_client, told_by
from tests.support.instance import Instance
from tests.support.pool import GlusterVolume, gluster_volume

GIB = 2**30
BOUND_SECONDS = 60
UNKNOWN = "0123456789abcdef" * 2


@pytest.fixture(scope="module")
def volume() -> Iterator[GlusterVolume]:
    """Three copies on three servers of its own."""
    with PrivateGluster(nodes=3) as pool, gluster_volume(pool) as volume:
        # else Gluster never finishes healing what was removed meanwhile (glusterfs 10.3)
        pool.nodes[0].gluster("volume", "set", volume.name, "cluster.use-anonymous-inode", "off")
        yield volume


@dataclass
class Bounded:
    """Asks an instance; every answer, and every end of an operation, has to come in time."""

    instance: Instance

    def ask(self, method: str, path: str, body: dict[str, object] | None = None) -> httpx.Response:
        begun = time.monotonic()
        answer = ask(self.instance, method, path, body)
        if answer.status_code == 202:
            answer = told_by(self.instance, answer.headers["location"], BOUND_SECONDS)
        assert time.monotonic() - begun < BOUND_SECONDS, (method, path, answer.text)
        return answer


@contextmanager
def lost_bricks(volume: GlusterVolume, servers: int) -> Iterator[None]:
    """Those of so many servers are dead inside of the with statement, and run at its end."""
    for node in volume.pool.nodes[-servers:]:
        node.kill_bricks(volume.name)
    try:
        yield
    finally:
        volume.pool.nodes[0].gluster("volume", "start", volume.name, "force")
        wait_until(lambda: volume.pool.is_online(volume.name), "all bricks back", 60)


def wait_until_healed(volume: GlusterVolume) -> None:
    def healed() -> bool:
        volume.pool.nodes[0].gluster("volume", "heal", volume.name, check=False)
        return not left_to_heal(volume)

    wait_until(healed, "the end of the heals", 120)


def health(instance: Instance) -> httpx.Response:
    return httpx.get(f"{instance.url}/health", timeout=BOUND_SECONDS, trust_env=False)


def test_with_one_server_of_three_without_bricks_everything_is_served_and_heals(volume: GlusterVolume) -> None:
    instance = volume.start_instance()
    client, bounded = go_client(instance), Bounded(instance)
    kept, doomed = (client.create({"size": 1})["id"] for _ in range(2))
    with lost_bricks(volume, 1):
        made = bounded.ask("POST", "/volumes", {"size": 1})
        assert made.status_code == 303, made.text
        new = made.headers["location"].removeprefix("/volumes/")
        assert bounded.ask("POST", f"/volumes/{kept}/expand", {"expand_size": 1}).status_code == 303
        assert bounded.ask("DELETE", f"/volumes/{doomed}").status_code == 204
        assert set(client.list()) == {kept, new}
        assert health(instance).status_code == 200
    wait_until_healed(volume)
    assert {client.info(kept)["size"], client.info(new)["size"]} == {1, 2}
    for node in volume.pool.nodes:
        wait_until(
            lambda: limits_bytes(node, volume.name) == {f"/{directory(kept)}": 2 * GIB, f"/{directory(new)}": GIB},  # noqa: B023 (it is over before the next)
            "the limits, and the end of the purge",
            120,
        )


@pytest.mark.parametrize("servers", [2, 3], ids=["quorum", "all"])
def test_without_enough_bricks_all_that_needs_them_is_refused_in_time_and_it_recovers(
    volume: GlusterVolume, servers: int
) -> None:
    instance = volume.start_instance()
    client, bounded = go_client(instance), Bounded(instance)
    before = set(client.list())
    kept = client.create({"size": 1})["id"]
    with lost_bricks(volume, servers):
        wait_until(lambda: health(instance).status_code == 503, "/health", 30)
        assert volume.name in health(instance).text
        requests: list[tuple[str, str, dict[str, object] | None]] = [
            ("GET", "/volumes", None),
            ("POST", "/volumes", {"size": 1}),
            ("GET", f"/volumes/{kept}", None),
            ("GET", f"/volumes/{UNKNOWN}", None),
            ("DELETE", f"/volumes/{kept}", None),
            ("POST", f"/volumes/{kept}/expand", {"expand_size": 1}),
        ]
        with ThreadPoolExecutor(len(requests)) as threads:
            answers = list(threads.map(lambda request: bounded.ask(*request), requests))
        for (method, path, _), answer in zip(requests, answers, strict=True):
            assert answer.status_code == 503, (method, path, answer.text)
            assert "too few bricks can be reached" in answer.text, (method, path, answer.text)
            assert "Id not found" not in answer.text
        # What needs no brick is served.
        assert ask(instance, "GET", "/clusters").status_code == 200
        assert httpx.get(f"{instance.url}/live", timeout=5, trust_env=False).status_code == 200
    instance.wait_until_healthy(60)
    assert set(client.list()) == before | {kept}
    assert client.expand(kept, 1)["size"] == 2
    client.create({"size": 1})
    wait_until_healed(volume)
