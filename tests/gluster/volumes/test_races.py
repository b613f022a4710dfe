"""One name asked for at two instances at once, again and again, while a third looks at everything there is."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from lab.machine import wait_until
from lab.private_gluster import PrivateGluster
from tests.gluster.crash.promise import left_to_heal
from tests.support.behind import differing_gfids, limits_bytes, volume_directories
from tests.support.calls import go_client
from tests.support.core import uncached_mount
from tests.support.heketi_clients.strict_go import HeketiError
from tests.support.instance import Instance
from tests.support.pool import GlusterVolume, gluster_volume

RACES = 100
AT_ONCE = 5
LAYOUTS = {"replicated": 1, "distributed-replicated": 2}


def race(instances: list[Instance], name: str) -> list[str]:
    """The name is asked for at both instances at one moment: ids, and texts of errors."""
    together = threading.Barrier(len(instances))

    def ask(instance: Instance) -> str:
        client = go_client(instance)
        together.wait(timeout=60)
        try:
            made: str = client.create({"size": 1, "name": name})["id"]
        except HeketiError as error:
            return str(error)
        return made

    with ThreadPoolExecutor(len(instances)) as threads:
        return list(threads.map(ask, instances))


@contextmanager
def looked_at(instance: Instance, folder: Path) -> Iterator[list[int]]:
    """Everything is looked up over and over: by the instance's lists and answers, and what a listing shows."""
    over, rounds = threading.Event(), [0]

    def observe() -> None:
        client = go_client(instance)
        while not over.is_set():
            for volume_id in client.list():
                with suppress(HeketiError):  # it can be gone by now
                    client.info(volume_id)
            for entry in os.listdir(folder):
                with suppress(FileNotFoundError):
                    for inside in os.scandir(folder / entry) if len(entry) == 36 else ():
                        inside.stat()
            rounds[0] += 1

    with ThreadPoolExecutor(1) as thread:
        looking = thread.submit(observe)
        try:
            yield rounds
        finally:
            over.set()
            looking.result(timeout=60)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_name_that_two_instances_are_asked_for_at_once_makes_one_volume(
    three_nodes: PrivateGluster, layout: str
) -> None:
    with gluster_volume(three_nodes, bricks_per_node=LAYOUTS[layout]) as volume:
        instances = [volume.start_instance(number, wait=False) for number in range(3)]
        for instance in instances:
            instance.wait_until_healthy()
        with looked_at(instances[2], uncached_mount(volume, 2)) as rounds, ThreadPoolExecutor(AT_ONCE) as threads:
            names = [f"race-{number}" for number in range(RACES)]
            ends = dict(zip(names, threads.map(lambda name: race(instances[:2], name), names), strict=True))
            wait_until(lambda: rounds[0] > 0, "a look at everything", timeout_seconds=60)
        print(f"{layout}: {RACES} races, {rounds[0]} looks at everything meanwhile")
        winners = {}
        for name, end in ends.items():
            in_use = f"Failed to allocate new volume: Volume name '{name}' already in use"
            assert in_use in end, end
            winners[name] = next(each for each in end if each != in_use)
        for instance in instances:
            client = go_client(instance)
            assert set(client.list()) == set(winners.values())
            assert {client.info(each)["name"].rpartition("/")[2]: each for each in winners.values()} == winners
        assert_sound(volume, LAYOUTS[layout])
    three_nodes.delete_volume(volume.name)


def assert_sound(volume: GlusterVolume, bricks_per_node: int) -> None:
    assert differing_gfids(volume.pool, volume.name, bricks_per_node) == []
    assert left_to_heal(volume) == []


AHEAD_SECONDS = 100
RETENTION_SECONDS = 1


def with_clock(ahead_seconds: int) -> dict[str, str | None]:
    """Settings of an instance whose server's clock is that wrong; what it measures durations with is not."""
    [library] = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME": f"{ahead_seconds:+d}s",
        "DONT_FAKE_MONOTONIC": "1",
        "PIRAGUA_TRASH_RETENTION": f"{RETENTION_SECONDS}s",
    }


def test_servers_whose_clocks_differ_agree_on_what_there_is(fresh_volume: GlusterVolume) -> None:
    """Minutes behind and ahead, as far as a token's times allow: whatever one changes, the others see at once."""
    behind, right, ahead = (
        fresh_volume.start_instance(settings=with_clock(seconds)) for seconds in (-AHEAD_SECONDS, 0, AHEAD_SECONDS)
    )
    ring = [(behind, right, ahead), (right, ahead, behind), (ahead, behind, right)]
    for maker, grower, deleter in ring:
        made = go_client(maker).create({"size": 1})["id"]
        assert all(made in go_client(each).list() for each in (maker, grower, deleter))
        assert go_client(grower).expand(made, 2)["size"] == 3
        assert {go_client(each).info(made)["size"] for each in (maker, grower, deleter)} == {3}
        go_client(deleter).delete(made)
        assert not any(made in go_client(each).list() for each in (maker, grower, deleter))
    wait_until(
        lambda: not volume_directories(fresh_volume.pool.nodes[0], fresh_volume.name),
        "the purge of all of them",
        timeout_seconds=3 * AHEAD_SECONDS,
    )
    assert limits_bytes(fresh_volume.pool.nodes[0], fresh_volume.name) == {}
