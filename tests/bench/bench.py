"""Runs the benchmark and prints its table; started by tests/bench/run."""

import argparse
import json
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from lab.machine import wait_until
from lab.private_gluster import PrivateGluster
from tests.bench.client import Client, Refused
from tests.bench.figures import show, spread
from tests.bench.work import machine_seconds_used, per_create
from tests.support.instance import ADMIN_KEY, Instance
from tests.support.pool import GlusterVolume, gluster_volume

_QUICK = "fewer repetitions and 100 volumes; on three nodes no large volume and no growth"
_TURNS = 5
_IDLE_SECONDS = 6
_IDLE_PROCESSORS = 0.2


def main() -> None:
    """Parses the command line, measures, prints and writes."""
    parser = argparse.ArgumentParser(description="Measure Piragua against Gluster's own floor.")
    parser.add_argument("--nodes", type=int, choices=(1, 3), default=1)
    parser.add_argument("--volumes", type=int, default=2000, help="how far the growth goes")
    parser.add_argument("--quick", action="store_true", help=_QUICK)
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    parser.add_argument("--relative-to", type=Path, default=Path.cwd(), help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.quick:
        wanted.volumes = min(wanted.volumes, 100)
    with PrivateGluster(nodes=wanted.nodes, geo_replication=True) as pool:  # what it costs is in the floor
        with empty_volume(pool) as volume:
            bench = Bench(volume, quick=wanted.quick)
            found = bench.run()
        if not bench.is_short:
            with empty_volume(pool) as volume:
                found["growth"] = step("growth", lambda: Bench(volume, quick=wanted.quick).growth(wanted.volumes))
    print()
    show(found)
    if wanted.json:
        (wanted.relative_to / wanted.json).write_text(json.dumps(found, indent=2) + "\n")


@contextmanager
def empty_volume(pool: PrivateGluster) -> Iterator[GlusterVolume]:
    """A Gluster volume, deleted in the end."""
    with gluster_volume(pool) as volume:
        pool.nodes[0].gluster("volume", "set", volume.name, "cluster.use-anonymous-inode", "off")
        yield volume
    pool.delete_volume(volume.name)


class Bench:
    """The measurements on one Gluster volume; `quick` does fewer of each.

    is_short: the large volume and the growth are left out.
    """

    def __init__(self, volume: GlusterVolume, *, quick: bool) -> None:
        self._volume = volume
        self.is_short = quick and len(volume.pool.nodes) > 1
        self._node = volume.pool.nodes[0]
        self._count = 10 if quick else 40
        self._burst = 96 if quick else 500
        self._files = 2_000 if quick else 100_000

    def run(self) -> dict[str, Any]:
        """All figures but those of the growth, in the order of the table."""
        found: dict[str, Any] = {"machine": machine(len(self._volume.pool.nodes), self._count)}
        with self._instance() as instance, closing(Client(instance.url, ADMIN_KEY)) as client:
            client.create()
            found |= step("the floor and one client, in turns", lambda: self._in_turns(client))
            found["calls"] = step("other calls", lambda: self._calls(client))
            for clients in (8, 32):
                burst = partial(self._between_bare_ones, [instance.url], clients)
                found[f"{clients} clients"] = step(f"{clients} clients", burst)
            meanwhile = partial(self._calls_meanwhile, instance, client)
            found["calls while 32 clients make volumes"] = step("calls beside creates", meanwhile)
            found["work"] = step("what a create costs", lambda: self._work(instance))
            found["administrator"] = step("an administrator's commands", lambda: self._administrator(instance))
        if len(self._volume.pool.nodes) > 1:
            found["three instances"] = step("three instances", self._three)
        if not self.is_short:
            with self._instance() as instance, closing(Client(instance.url, ADMIN_KEY)) as client:
                name = f"a volume of {self._files} files"
                found[name] = step(name, lambda: self._large(client))
        return found

    @contextmanager
    def _instance(self, node: int = 0) -> Iterator[Instance]:
        quiet = {"PIRAGUA_LOG_LEVEL": "warning", "PIRAGUA_USAGE_INTERVAL": "1m"}  # as it is by default
        with Instance(self._volume.pool.nodes[node], self._volume.name, quiet) as instance:
            instance.wait_until_healthy()
            yield instance

    def _work(self, instance: Instance) -> dict[str, Any]:
        """Of a create from 8 clients, and of the bare script's from 8 threads."""
        count = 8 * self._count
        bare = partial(self._floor, count, "create-only")
        burst = partial(self._burst_of, [instance.url], 8, count)
        return {
            "bare script": per_create(self._volume, count, bare),
            "Piragua": per_create(self._volume, count, burst),
        }

    def _in_turns(self, client: Client) -> dict[str, Any]:
        """A part of the floor, then as many creates, and again: machines have slower and faster minutes."""
        seconds: dict[str, list[float]] = {}
        for _ in range(_TURNS):
            for name, values in self._floor(self._count // _TURNS).items():
                seconds.setdefault(name, []).extend(values)
            for _ in range(2 * self._count // _TURNS):
                client.create()
        floor = {name: round(median(values), 5) for name, values in seconds.items()}
        create = spread(client.waits.seconds[-2 * self._count :])
        one_client = {"create": create, "polls that had to sleep": client.waits.sleeps}
        return {"floor": floor, "one client": one_client | self._ratios(create["median_ms"] / 1000, floor)}

    def _floor(self, count: int, *how: str) -> dict[str, list[float]]:
        mount_point = "/run/bench-floor"
        argv = [sys.executable, "-m", "tests.bench.floor", self._volume.name, mount_point, str(count), *how]
        environment = [f"PYTHONPATH={os.environ['PYTHONPATH']}", f"PATH={os.environ['PATH']}"]
        answer = self._node.run(["env", *environment, *argv], timeout_seconds=600)
        [line] = [
            line for line in answer.splitlines() if line.startswith("{")
        ]  # gluster's prompt says things, too
        seconds: dict[str, list[float]] = json.loads(line)
        return seconds

    def _bare_rate(self) -> float:
        """Creates of the bare script per second, from 8 threads."""
        return self._floor(4 * self._count, "create-only")["bare_create_rate_8_threads"][0]

    @staticmethod
    def _ratios(seconds: float, floor: dict[str, float]) -> dict[str, float]:
        return {
            "create / fresh limit-usage process": round(seconds / floor["fresh_limit_seconds"], 2),
            "create / bare script": round(seconds / floor["bare_create_seconds"], 2),
            "bare script / fresh limit-usage process": round(
                floor["bare_create_seconds"] / floor["fresh_limit_seconds"], 2
            ),
        }

    def _calls(self, client: Client) -> dict[str, Any]:
        volume = client.create()
        path = f"/volumes/{volume['id']}"
        cluster = f"/clusters/{volume['cluster']}"
        found: dict[str, Any] = {
            "hello": self._timed(lambda: client.ask("GET", "/hello")),
            "volume info": self._timed(lambda: client.get(path)),
            "volume list": self._timed(lambda: client.get("/volumes")),
            "cluster info": self._timed(lambda: client.get(cluster)),
            "expand": self._timed(lambda: client.work("POST", f"{path}/expand", {"expand_size": 1})),
        }
        empty = [client.create() for _ in range(self._count)]
        found["delete an empty volume"] = spread([seconds_of(partial(delete, client, each)) for each in empty])
        bare = self._floor(self._count, "delete-only")["bare_delete_seconds"]
        found["bare file work of a delete"] = spread(bare)
        return found

    def _calls_meanwhile(self, instance: Instance, client: Client) -> dict[str, Any]:
        """The same calls while 32 clients make volumes."""
        volume = client.create()
        calls = [f"/volumes/{volume['id']}", "/volumes", f"/clusters/{volume['cluster']}"]
        seconds: dict[str, list[float]] = {path: [] for path in calls}
        with ThreadPoolExecutor(1) as pool:
            burst = pool.submit(self._burst_of, [instance.url], 32)
            while not burst.done():
                for path in calls:
                    seconds[path].append(seconds_of(partial(client.get, path)))
                time.sleep(0.05)
        burst.result()
        names = ("volume info", "volume list", "cluster info")
        return {name: spread(seconds[path]) for name, path in zip(names, calls, strict=True)}

    def _large(self, client: Client) -> dict[str, Any]:
        """Its delete, and creates before that and while it is purged. The purge ends with the Gluster volume."""
        full = client.create()
        self._fill(full)
        before = self._creates(client)
        taken = spread([seconds_of(lambda: delete(client, full))])
        meanwhile = self._creates(client)
        left = [each for each in client.get("/piragua/v1/trash")["trash"] if each["id"] == full["id"]]
        return {
            "delete": taken,
            "create before": before,
            "create while it is purged": meanwhile,
            "while it is purged / before": round(meanwhile["median_ms"] / before["median_ms"], 2),
            "entries removed meanwhile": left[0].get("entries_removed", 0) if left else self._files,
        }

    def _creates(self, client: Client) -> dict[str, float]:
        client.waits.seconds.clear()
        for _ in range(2 * self._count):
            client.create()
        return spread(client.waits.seconds)

    def _fill(self, volume: dict[str, Any]) -> None:
        """Makes files straight on the mounted tree of the node, through its own mount of the volume."""
        script = (
            "import os,sys\nroot,count=sys.argv[1],int(sys.argv[2])\n"
            "for d in range(0,count,1000):\n"
            "  os.mkdir(f'{root}/{d}')\n"
            "  for f in range(min(1000,count-d)): os.close(os.open(f'{root}/{d}/{f}',os.O_CREAT|os.O_WRONLY))\n"
        )
        mount_point = "/run/bench-fill"
        self._node.run(["mkdir", "-p", mount_point])
        self._node.run(["mount", "-t", "glusterfs", f"localhost:/{volume['name']}", mount_point])
        try:
            argv = [sys.executable, "-c", script, mount_point, str(self._files)]
            self._node.run(argv, timeout_seconds=1200)
        finally:
            self._node.run(["umount", "--lazy", mount_point])

    def _timed(self, call: Callable[[], object]) -> dict[str, float]:
        return spread([seconds_of(call) for _ in range(self._count)])

    def _between_bare_ones(self, urls: list[str], clients: int) -> dict[str, Any]:
        """A burst, and the rate of the bare script right before and right after it."""
        before = self._bare_rate()
        burst = self._burst_of(urls, clients)
        bare = (before + self._bare_rate()) / 2
        ratio = {
            "bare script's from 8 threads": round(bare, 1),
            "of the bare script's rate from 8 threads": round(burst["creates per second"] / bare, 2),
        }
        return ratio | burst

    def _burst_of(self, urls: list[str], clients: int, count: int | None = None) -> dict[str, Any]:
        """That many clients make volumes as fast as they are served."""
        everyone = [Client(urls[number % len(urls)], ADMIN_KEY) for number in range(clients)]
        errors: list[str] = []

        def work(client: Client, count: int) -> None:
            for _ in range(count):
                try:
                    client.create()
                except (Refused, OSError) as error:
                    errors.append(str(error))

        each = max(1, (count or self._burst) // clients)
        start, used_seconds = time.perf_counter(), machine_seconds_used()
        with ThreadPoolExecutor(clients) as pool:
            list(pool.map(work, everyone, [each] * clients))
        took_seconds = time.perf_counter() - start
        used_seconds = machine_seconds_used() - used_seconds
        seconds = [one for client in everyone for one in client.waits.seconds]
        rate = len(seconds) / took_seconds
        for client in everyone:
            client.close()
        backend = clients / rate
        return {
            "creates": clients * each,
            "creates per second": round(rate, 1),
            "wait": spread(seconds),
            "processors in use, %": round(100 * used_seconds / took_seconds / (os.cpu_count() or 1)),
            "processor time of all per create, ms": round(1000 * used_seconds / len(seconds), 1),
            "mean_ms": round(1000 * sum(seconds) / len(seconds), 1),
            "worst_ms": round(1000 * max(seconds), 1),
            "worst / mean": round(max(seconds) * len(seconds) / sum(seconds), 2),
            "p99 / (place / rate)": round(spread(seconds)["p99_ms"] / 1000 / backend, 2),
            "errors": len(errors),
            "first error": errors[0] if errors else "",
            "answers 429": sum(client.waits.too_many for client in everyone),
            "polls that had to sleep": sum(client.waits.sleeps for client in everyone),
            "most slept by one client, s": round(max(client.waits.slept_seconds for client in everyone), 1),
        }

    def _administrator(self, instance: Instance) -> dict[str, Any]:
        """A command that is repeated every second until it gets through, and anew, in a stream of creates."""
        over = threading.Event()
        waits: list[float] = []
        cut_off: list[float] = []
        tries: list[int] = []

        def command() -> None:
            while not over.is_set():
                start, count = time.perf_counter(), 0
                while not over.is_set():
                    count += 1
                    argv = [
                        "gluster",
                        "--mode=script",
                        "volume",
                        "set",
                        self._volume.name,
                        "user.bench",
                        f"{start}",
                    ]
                    if "success" in self._node.run(argv, check=False):
                        waits.append(time.perf_counter() - start)
                        tries.append(count)
                        break
                    over.wait(1)
                else:  # the creates were over first: it waited for at least so long
                    cut_off.append(time.perf_counter() - start)
                    tries.append(count)

        with ThreadPoolExecutor(1) as pool:
            administrator = pool.submit(command)
            burst = self._burst_of([instance.url], 32)
            over.set()
            administrator.result()
        return {
            "commands that got through": len(waits),
            "most tries for one": max(tries, default=0),
            "longest, s": round(max(waits + cut_off, default=0), 2),
            "creates per second meanwhile": burst["creates per second"],
            "errors meanwhile": burst["errors"],
        }

    def growth(self, volumes: int) -> dict[str, Any]:
        """What becomes slower or larger with the number of volumes; on a Gluster volume without any."""
        with self._instance() as instance, closing(Client(instance.url, ADMIN_KEY)) as client:
            return self._growth(instance, client, volumes)

    def _growth(self, instance: Instance, client: Client, volumes: int) -> dict[str, Any]:
        found: dict[str, Any] = {"resident memory at 0 volumes, MiB": resident_mib(instance.pid)}
        for goal in sorted({0, min(1000, volumes), volumes}):
            self._grow(instance, client, goal)
            count = len(client.get("/volumes")["volumes"])
            found[f"at {count} volumes"] = step(f"at {count} volumes", lambda: self._at(instance, client))
        one = client.create()["id"]
        instance.terminate()
        return found | self._started(instance, one)

    def _started(self, instance: Instance, volume_id: str) -> dict[str, float]:
        """Seconds from the start of the process."""
        start = time.perf_counter()
        instance.start()
        ask = partial(answered, instance.url)
        found = {}
        for name, path in (
            ("start to a single volume, s", f"/volumes/{volume_id}"),
            ("start to healthy, s", "/health"),
            ("start to a complete list, s", "/volumes"),
        ):
            wait_until(partial(ask, path), name, 120)
            found[name] = round(time.perf_counter() - start, 2)
        return found

    def _grow(self, instance: Instance, client: Client, goal: int) -> None:
        missing = goal - len(client.get("/volumes")["volumes"])
        everyone = [Client(instance.url, ADMIN_KEY) for _ in range(16)]

        def work(number: int) -> None:
            for _ in range(number, missing, len(everyone)):
                everyone[number].create()

        with ThreadPoolExecutor(len(everyone)) as pool:
            list(pool.map(work, range(len(everyone))))
        for one in everyone:
            one.close()

    def _at(self, instance: Instance, client: Client) -> dict[str, Any]:
        client.waits.seconds.clear()
        for _ in range(self._count):
            client.create()
        create = spread(client.waits.seconds)
        volume = client.create()
        cluster = f"/clusters/{volume['cluster']}"

        def list_after_change(maker: Client) -> float:
            maker.create()
            return seconds_of(lambda: client.get("/volumes"))

        found = {
            "create": create,
            "bare script, ms": round(1000 * median(self._floor(self._count)["bare_create_seconds"]), 2),
            "volume info": self._timed(lambda: client.get(f"/volumes/{volume['id']}")),
            "volume list": self._timed(lambda: client.get("/volumes")),
            "volume list after a change": spread([list_after_change(client) for _ in range(self._count)]),
            "cluster info": self._timed(lambda: client.get(cluster)),
            "resident memory, MiB": resident_mib(instance.pid),
        }
        with self._instance() as other, closing(Client(other.url, ADMIN_KEY)) as maker:
            maker.get("/volumes")  # it has listed everything
            seconds = [list_after_change(maker) for _ in range(self._count)]
        return found | {"volume list after another instance's change": spread(seconds)}

    def _three(self) -> dict[str, Any]:
        """One instance alone, three at once, and one alone again, with the same number of clients.

        Once those that have just started are done with their look at all volumes.
        """
        with self._instance() as first:
            settled = [wait_until_idle()]
            alone = [self._burst_of([first.url], 24)]
            with ExitStack() as stack:
                others = [stack.enter_context(self._instance(node)) for node in (1, 2)]
                settled.append(wait_until_idle())
                three = self._burst_of([instance.url for instance in (first, *others)], 24)
            settled.append(wait_until_idle())
            alone.append(self._burst_of([first.url], 24))
        rates = [burst["creates per second"] for burst in alone]
        return {
            "one alone, before and after": ", ".join(map(str, rates)),
            "all were at rest before each": all(settled),
            "all three": three,
            "three / one": round(three["creates per second"] / (sum(rates) / len(rates)), 2),
        }


def wait_until_idle(timeout_seconds: float = 60) -> bool:
    """Returns once next to nothing was done for a while; False if that does not come to be."""
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        used_seconds = machine_seconds_used()
        time.sleep(_IDLE_SECONDS)
        if machine_seconds_used() - used_seconds < _IDLE_PROCESSORS * _IDLE_SECONDS:
            return True
    return False


def delete(client: Client, volume: dict[str, Any]) -> None:
    """Deletes it and waits for the final answer."""
    client.work("DELETE", f"/volumes/{volume['id']}")


def answered(url: str, path: str) -> bool:
    """Whether that path is answered with 200 now; a client that nobody listens to tries again."""
    client = Client(url, ADMIN_KEY)
    try:
        return client.ask("GET", path)[0] == 200
    except OSError:
        return False
    finally:
        client.close()


def seconds_of(call: Callable[[], object]) -> float:
    """How long the call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def step(name: str, call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Says what is measured, and measures it."""
    print(f"measuring: {name}", flush=True)
    return call()


def resident_mib(pid: int) -> float:
    """The resident memory of a process, by its id on this machine."""
    status = Path(f"/proc/{pid}/status").read_text()
    kib = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return round(kib / 1024, 1)


def machine(nodes: int, count: int) -> dict[str, Any]:
    """What it ran on."""
    version = subprocess.run(["gluster", "--version"], capture_output=True, text=True, check=True).stdout
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "nodes": nodes,
        "processors": os.cpu_count(),
        "memory, GiB": round(memory_gib, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "gluster": version.split()[1],
        "repetitions": count,
    }


if __name__ == "__main__":
    main()
