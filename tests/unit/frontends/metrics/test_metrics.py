"""The exposition, as Prometheus reads it."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import anyio
import pytest

from piragua.errors import NotMounted, PiraguaError
from piragua.frontends.metrics import pool
from piragua.frontends.metrics.exposition import Sample, exposition
from piragua.frontends.metrics.pool import ListedVolumes, Pool
from piragua.frontends.metrics.scrape import Scrape
from piragua.frontends.metrics.volumes import VolumeSamples
from piragua.inventory.inventory import Inventory
from piragua.models import BYTES_PER_GIB, Device, DeviceBrick, OngoingOperation, OperationKind
from piragua.pool.topology import Topology
from piragua.status.counters import Counters
from piragua.tree.record import Deletion, Record
from piragua.tree.states import DataDirectory, Observed
from tests.support.heketi_clients.in_memory import (
    CLUSTER_ID,
    NODE_IDS,
    InMemoryDevices,
    InMemoryInFlight,
    InMemoryTopology,
)

pytestmark = pytest.mark.anyio

_LINE = re.compile(r'[a-zA-Z_]+(\{[a-z_]+="([^"\\\n]|\\.)*"(,[a-z_]+="([^"\\\n]|\\.)*")*\})? [0-9]+')
KIB = 1024

# The names that a recorded Heketi shows with volumes, block volumes and devices (docs/heketi-wire.md, 4.5).
HEKETIS = {
    "heketi_up",
    "heketi_cluster_count",
    "heketi_volumes_count",
    "heketi_block_volumes_count",
    "heketi_nodes_count",
    "heketi_device_count",
    *(f"heketi_device_{what}{unit}" for what in ("size", "free", "used") for unit in ("", "_bytes")),
    "heketi_device_brick_count",
    *(f"heketi_operations_{which}_count" for which in ("total", "new", "stale", "failed", "inFlight")),
}


class Seen:
    """An inventory that has seen these."""

    def __init__(
        self, all_observed: Mapping[str, Observed], failure: PiraguaError | None = None, wait_seconds: float = 0
    ) -> None:
        self._observe_many = all_observed
        self.failure = failure
        self._wait_seconds = wait_seconds

    async def observe_many(self) -> Mapping[str, Observed]:
        await anyio.sleep(self._wait_seconds)
        if self.failure:
            raise self.failure
        return self._observe_many


def volume(number: int, size_gib: int, deletion: Deletion | None = None) -> tuple[str, Observed]:
    volume_id = f"{number:032x}"
    record = Record(size_gib * BYTES_PER_GIB, "data")
    return volume_id, Observed(volume_id, record=record, published=True, deletion=deletion)


OTHER_CLUSTER_ID = "e" * 32


def metrics(seen: Seen, *, timeout_seconds: float = 5) -> Scrape:
    """Of `gv0` and `gv1` on the same servers; the first has a device of gv0, and one of both."""
    bricks = tuple(DeviceBrick(f"{n}" * 32, CLUSTER_ID, f"/brick{n}", 100 * KIB) for n in range(2))
    device = Device("d" * 32, NODE_IDS[0], '/dev/mapper/"odd"\\', 100 * KIB, 30 * KIB, True, bricks)
    of_both = Device(
        "b" * 32,
        NODE_IDS[0],
        "/dev/sdb",
        200 * KIB,
        0,
        True,
        tuple(DeviceBrick("c" * 32, each, "/both", 200 * KIB) for each in (CLUSTER_ID, OTHER_CLUSTER_ID)),
    )
    first = InMemoryTopology()
    topology = InMemoryTopology(
        known=(*first.known, replace(first.known[0], id=OTHER_CLUSTER_ID, name="gv1")),
        peers=(*first.peers, *(replace(node, gluster_volume_id=OTHER_CLUSTER_ID) for node in first.peers)),
    )
    operations = [
        OngoingOperation("01", OperationKind.CREATE, "a" * 32),
        OngoingOperation("02", OperationKind.EXPAND, "b" * 32, stale=True),
    ]
    gathered = Pool(
        cast(Mapping[str, Inventory], {"gv0": seen, "gv1": Seen({})}),
        cast(Topology, topology),
        InMemoryDevices((device, of_both)),
        InMemoryInFlight(operations),
        timeout_seconds=timeout_seconds,
    )
    return Scrape(gathered, Counters())


def values(text: bytes) -> dict[str, float]:
    lines = [line.rsplit(" ", 1) for line in text.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def heketis(found: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in found.items() if name.startswith("heketi_")}


async def test_all_of_heketis_names_are_there_in_a_text_that_prometheus_reads() -> None:
    text = (await metrics(Seen({})).text()).decode()
    assert text.endswith("\n")
    typed = re.findall(r"^# TYPE (\S+) gauge$", text, re.MULTILINE)
    assert set(typed) >= HEKETIS
    assert len(typed) == len(set(typed))
    for block in text.split("# HELP ")[1:]:
        helped, typed_line, *lines = block.splitlines()
        name = helped.split()[0]
        if not name.startswith("heketi_"):
            continue
        assert typed_line == f"# TYPE {name} gauge"
        assert all(_LINE.fullmatch(line) and re.split("[{ ]", line)[0] == name for line in lines), block


async def test_values_are_those_of_the_core() -> None:
    original = Observed(
        "f" * 32, entries=("x",), data=DataDirectory("x", 0, 0, 0o755, False), limit_bytes=BYTES_PER_GIB
    )
    trash = volume(3, 7, Deletion(datetime(2026, 5, 1, tzinfo=UTC), 60))
    all_observed = dict([volume(1, 2), volume(2, 3), trash, (original.volume_id, original)])
    found = values(await metrics(Seen(all_observed)).text())
    cluster = f'{{cluster="{CLUSTER_ID}"}}'
    assert found[f"heketi_volumes_count{cluster}"] == 3
    assert found[f"piragua_volumes_size_bytes{cluster}"] == 6 * BYTES_PER_GIB
    assert found[f"piragua_trash_volumes{cluster}"] == 1
    assert found[f"piragua_trash_size_bytes{cluster}"] == 7 * BYTES_PER_GIB
    labels = (
        f'{{cluster="{CLUSTER_ID}",hostname="node1.example.com",storage_hostname="10.0.0.1",id="{"d" * 32}",'
        r'device="/dev/mapper/\"odd\"\\",pv_uuid=""}'
    )
    sizes = [
        found[f"heketi_device_{what}{labels}"] for what in ("size", "free", "used", "used_bytes", "brick_count")
    ]
    assert sizes == [100, 30, 70, 70 * KIB, 2]
    counts = [
        found[f"heketi_operations_{which}_count"] for which in ("total", "new", "inFlight", "stale", "failed")
    ]
    assert counts == [2, 1, 1, 1, 0]


async def test_a_device_is_shown_under_the_clusters_that_have_a_brick_on_it() -> None:
    found = values(await metrics(Seen({})).text())
    host = 'hostname="node1.example.com",storage_hostname="10.0.0.1"'
    for gluster_volume_id, devices in ((CLUSTER_ID, ["d" * 32, "b" * 32]), (OTHER_CLUSTER_ID, ["b" * 32])):
        cluster = f'cluster="{gluster_volume_id}",{host}'
        assert found[f"heketi_device_count{{{cluster}}}"] == len(devices)
        shown = [name for name in found if name.startswith(f"heketi_device_brick_count{{{cluster}")]
        assert [name.split('id="')[1][:32] for name in shown] == devices
    assert (
        found[
            f'heketi_device_brick_count{{cluster="{OTHER_CLUSTER_ID}",{host},id="{"b" * 32}",'
            'device="/dev/sdb",pv_uuid=""}'
        ]
        == 1
    )


@pytest.mark.parametrize(
    "seen", [Seen({}, NotMounted("/mnt", 0, "away")), Seen({}, wait_seconds=60)], ids=["away", "slow"]
)
async def test_a_state_that_cannot_be_read_is_up_0_and_nothing_else_of_the_pool(seen: Seen) -> None:
    with anyio.fail_after(30):
        found = values(await metrics(seen, timeout_seconds=0.05).text())
    assert heketis(found) == {"heketi_up": 0}
    assert not any("cluster=" in name for name in found)


async def test_a_scrape_asks_nobody_once_something_was_gathered() -> None:
    seen = Seen({})
    scraped = metrics(seen)
    before = values(await scraped.text())
    seen.failure = NotMounted("/mnt", 0, "would be asked")
    assert heketis(values(await scraped.text())) == heketis(before)
    assert before["heketi_up"] == 1


async def test_it_is_not_well_while_health_says_why() -> None:
    problems = ["quota is off"]

    async def told() -> list[str]:
        return problems

    for well in (False, True):
        gathered = Pool(
            cast(Mapping[str, Inventory], {"gv0": Seen({})}),
            cast(Topology, InMemoryTopology()),
            InMemoryDevices(()),
            InMemoryInFlight([]),
            problems=told,
        )
        found = {sample.name: sample.value for sample in await gathered.samples()}
        assert (found["heketi_up"], found["piragua_healthy"]) == (1, well)
        problems.clear()


class Gathers:
    """Tries to gather the use of volumes, and has not succeeded so far."""

    gathered: datetime | None = None
    capacity = None

    def __init__(self, begun: datetime | None) -> None:
        self.begun = begun

    def of(self, volume_id: str) -> None:
        return None


def test_the_age_of_a_use_that_was_never_gathered_grows_unless_nobody_tries() -> None:
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    listed = [ListedVolumes(CLUSTER_ID, "gv0", dict([volume(1, 2)]))]
    for begun, ages in ((now.replace(hour=10), [7200]), (None, [])):
        of_volumes = VolumeSamples(lambda: listed, {"gv0": Gathers(begun)}, most_volumes=10, now=lambda: now)
        told = [sample for sample in of_volumes.samples() if sample.name == "piragua_usage_age_seconds"]
        assert [sample.value for sample in told] == ages


def test_labels_cannot_break_a_line() -> None:
    text = exposition([Sample("heketi_up", {"a": 'x"\\\n'}, 1)], pool.HELPS)
    assert text.splitlines()[-1] == r'heketi_up{a="x\"\\\n"} 1'
