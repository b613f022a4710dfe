"""The storm: clients at work through any of several instances while all that can die does."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread

from lab.machine import wait_until
from piragua.errors import PiraguaError
from piragua.models import dashed
from tests.gluster.crash.promise import broken
from tests.storm.client import Balancer, Client
from tests.storm.faults import Faults
from tests.storm.told import GIB, Told
from tests.support.calls import go_client
from tests.support.core import Core, running_core, uncached_mount
from tests.support.instance import Instance
from tests.support.pool import GlusterVolume

_LONGER_THAN_ANY_RETENTION_SECONDS = 2 * 86400
_ROUNDS = 20


@dataclass
class Result:
    """What happened, and what was wrong at the end; `wrong` is empty when the promise held."""

    seed: int
    seconds: float
    told: Told
    faults: Counter[str]
    volumes_left: int = 0
    wrong: list[str] = field(default_factory=list)


def storm(
    volume: GlusterVolume,
    seed: int,
    seconds: float,
    clients: int = 32,
    bricks_per_node: int = 2,
    kind: type[Faults] = Faults,
) -> Result:
    """A storm of at most so many seconds on the Gluster volume, one instance on each of its nodes.

    kind: the faults; when those end by themselves, so does the storm. With the option that `piragua check` asks
    for: without it, what is removed while a brick is down is left to heal for ever (glusterfs 10.3).
    """
    volume.pool.nodes[0].gluster("volume", "set", volume.name, "cluster.use-anonymous-inode", "off")
    with_times = {"PIRAGUA_LOG_FORMAT": "json"}
    nodes = range(len(volume.pool.nodes))
    instances = [volume.start_instance(number, with_times, wait=False) for number in nodes]
    for instance in instances:
        instance.wait_until_healthy()
    folder = uncached_mount(volume)
    told, faults = _rage(volume, instances, folder, seed, seconds, clients, kind)
    result = Result(seed, seconds, told, faults.done)
    faults.mend()
    result.wrong += [f"an instance does not show {each}" for each in _not_shown(instances, told)]
    for instance in instances:
        instance.terminate()
    result.wrong += anyio.run(_what_is_wrong, volume, folder, bricks_per_node, result)
    return result


def _rage(
    volume: GlusterVolume,
    instances: list[Instance],
    folder: Path,
    seed: int,
    seconds: float,
    clients: int,
    kind: type[Faults],
) -> tuple[Told, Faults]:
    over = threading.Event()
    told, balancer = Told(), Balancer.over(*(instance.url for instance in instances))
    faults = kind(seed, volume, instances, folder, over.is_set)
    crowd = [Client(number, seed, balancer, told, over.is_set, folder) for number in range(clients)]
    with ThreadPoolExecutor(clients + 1) as threads:
        at_work = [threads.submit(work) for work in (faults.work, *(client.work for client in crowd))]
        _wait(seconds, lambda: any(each.done() for each in at_work))
        over.set()
        for each in at_work:
            each.result()
    return told, faults


def _wait(seconds: float, broke: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not broke():
        time.sleep(0.1)


def _not_shown(instances: list[Instance], told: Told) -> list[str]:
    """Volumes that were told as made, and that an instance does not list although all is well again."""
    missing: list[str] = []

    def none_is_missing() -> bool:
        listed = [set(go_client(instance).list()) for instance in instances]
        missing[:] = [each for each in told.standing() if not all(each in ids for ids in listed)]
        return not missing

    try:
        wait_until(none_is_missing, "all volumes listed by all instances", timeout_seconds=30)
    except Exception as late:
        print(late)
    return missing


async def _what_is_wrong(volume: GlusterVolume, folder: Path, bricks_per_node: int, result: Result) -> list[str]:
    """After the sweeps and purges that instances would do by and by, on each server."""
    for number in range(1, len(volume.pool.nodes)):
        async with running_core(volume, uncached_mount(volume, number), node=number, purges=False) as core:
            await core.sweep_twice()
    async with running_core(volume, folder, purges=False) as core:
        await _come_to_rest(core)
        wrong = await broken(core.mounted, folder, volume, bricks_per_node)
        all_observed = await core.mounted.observe_many(await core.mounted.ids_in_root())
        records = {each: observed.record for each, observed in all_observed.items() if observed.record is not None}
        sizes = {each: record.size_bytes // GIB for each, record in records.items()}
        names = {each: record.name for each, record in records.items()}
        result.volumes_left = len(all_observed)
        wrong += result.told.wrong_at_the_end(sizes, names)
        return wrong + await anyio.to_thread.run_sync(
            partial(_lost_markers, folder, result.told, set(all_observed))
        )


async def _come_to_rest(core: Core) -> None:
    """Sweeps, and purges all that is deleted; what cannot be purged yet is tried again."""
    await core.sweep_twice()
    core.clock.pass_by(_LONGER_THAN_ANY_RETENTION_SECONDS)
    for _ in range(_ROUNDS):
        put_off = False
        for volume_id in sorted(await core.mounted.ids_in_root()):
            try:
                await core.purger.purge(volume_id)
            except PiraguaError as error:
                print(f"{volume_id} cannot be purged yet: {error}")
                put_off = True
        if not put_off:
            return
        await anyio.sleep(1)


def _lost_markers(folder: Path, told: Told, there: set[str]) -> list[str]:
    """Volumes in which what a client wrote is not to be found."""
    lost = []
    for volume_id, known in told.volumes.items():
        if known.marker and volume_id in there:
            try:
                found = (folder / dashed(volume_id) / known.name / "marker").read_text()
            except OSError as error:
                found = str(error)
            if found != known.marker:
                lost.append(f"{volume_id} has lost what was written into it: {found}")
    return lost
