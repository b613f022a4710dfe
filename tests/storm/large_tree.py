"""A directory of very many entries is purged beside other work: tests/storm/run --large-tree ENTRIES."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab.machine import wait_until
from lab.private_gluster import PrivateGluster
from tests.support.behind import directory, limits_bytes, recorded_gfids, volume_directories
from tests.support.calls import go_client
from tests.support.instance import Instance
from tests.support.pool import GlusterVolume, gluster_volume

_WRITERS = 8
_PURGED_SECONDS = 6 * 3600
_LONGEST_CREATE_SECONDS = 60
_BETWEEN_CREATES_SECONDS = 30
"""Seldom enough to leave the purge its time: it rests beside other work."""
_MOST_MEMORY_MIB = 1024


def purge_large_tree(entries: int) -> list[str]:
    """Makes and purges it; lines of a report. AssertionError or MachineError when something is not as promised."""
    with PrivateGluster() as pool, gluster_volume(pool) as volume:
        instance = volume.start_instance()
        client = go_client(instance)
        made = client.create({"size": 100})
        begun = time.monotonic()
        _fill(volume.deep_mount(made["name"]), entries)
        filled_seconds = time.monotonic() - begun
        print(f"{entries} entries in one directory after {filled_seconds:.0f} s", flush=True)
        begun = time.monotonic()
        client.delete(made["id"])
        slowest_seconds = _work_until_gone(volume, instance, directory(made["id"]))
        purged_seconds = time.monotonic() - begun
        node = pool.nodes[0]
        assert limits_bytes(node, volume.name).keys() == {f"/{directory(each)}" for each in client.list()}
        assert len(recorded_gfids(node, volume.name)) == len(client.list())
        return [
            f"{entries} entries in a directory: written in {filled_seconds:.0f} s, purged in {purged_seconds:.0f}",
            f"the slowest create meanwhile took {slowest_seconds:.1f} s; {_memory_mib(instance)} MiB of memory",
        ]


def _fill(folder: Path, entries: int) -> None:
    def write(first: int) -> None:
        for number in range(first, entries, _WRITERS):
            os.close(os.open(folder / f"{number}", os.O_CREAT | os.O_WRONLY))

    with ThreadPoolExecutor(_WRITERS) as threads:
        list(threads.map(write, range(_WRITERS)))


def _work_until_gone(volume: GlusterVolume, instance: Instance, doomed: str) -> float:
    """Creates and deletes other volumes until the large one is gone; how long the slowest create took."""
    client, slowest_seconds = go_client(instance), [0.0]

    def is_gone() -> bool:
        begun = time.monotonic()
        other = client.create({"size": 1})["id"]
        slowest_seconds[0] = max(slowest_seconds[0], time.monotonic() - begun)
        assert slowest_seconds[0] < _LONGEST_CREATE_SECONDS
        assert _memory_mib(instance) < _MOST_MEMORY_MIB
        client.delete(other)
        time.sleep(_BETWEEN_CREATES_SECONDS)
        return doomed not in volume_directories(volume.pool.nodes[0], volume.name)

    wait_until(is_gone, "the end of the purge", _PURGED_SECONDS)
    wait_until(lambda: not client.list(), "an empty list", 60)
    wait_until(lambda: not volume_directories(volume.pool.nodes[0], volume.name), "the end of all purges", 300)
    return slowest_seconds[0]


def _memory_mib(instance: Instance) -> int:
    status = Path(f"/proc/{instance.pid}/status").read_text()
    return next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmRSS"))
