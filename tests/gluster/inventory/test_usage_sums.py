"""What volumes hold, on a real Gluster: as `du` and `gluster volume quota V list` have it, also over the limit."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import anyio
import pytest

from lab.machine import wait_until
from lab.private_gluster import PrivateGluster
from piragua.models import dashed
from piragua.tree.record import Record
from tests.support.behind import recorded_gfids
from tests.support.by_hand import ByHand
from tests.support.calls import ask
from tests.support.core import Core, running_core
from tests.support.pool import GlusterVolume, gluster_volume

pytestmark = pytest.mark.anyio

KIB = 2**10
MIB = 2**20
GIB = 2**30
TIMEOUT_SECONDS = 30

Told = dict[str, Any]


@pytest.fixture(scope="module")
def volume(one_node: PrivateGluster) -> Iterator[GlusterVolume]:
    with gluster_volume(one_node, bricks_per_node=2) as volume:
        yield volume
    one_node.delete_volume(volume.name)


def fill(data: Path) -> None:
    """Files of several sizes, an empty one, a sparse one, and folders in folders."""
    for number, size_bytes in enumerate((0, 1, 300_000, MIB)):
        inside = data / "/".join(["folder"] * (number + 1))
        inside.mkdir()
        (inside / "file").write_bytes(os.urandom(size_bytes))
    with (data / "sparse").open("wb") as sparse:
        sparse.truncate(64 * MIB)
        sparse.seek(MIB)
        sparse.write(os.urandom(64 * KIB))


def du_bytes(folder: Path) -> int:
    """What `du` says of all files; quota counts no directories themselves."""
    files = "\0".join(str(each) for each in folder.rglob("*") if each.is_file())
    counted = subprocess.run(
        ["du", "--block-size=1", "--total", "--files0-from=-"],
        input=files,
        capture_output=True,
        text=True,
        check=True,
    )
    return int(counted.stdout.splitlines()[-1].split()[0])


def quota_list(volume: GlusterVolume, volume_id: str, verb: str = "list") -> dict[str, str]:
    """What `gluster volume quota V list` says of the volume, by the names of its elements."""
    answer = volume.pool.nodes[0].gluster("volume", "quota", volume.name, verb, f"/{dashed(volume_id)}", "--xml")
    limit = ElementTree.fromstring(answer).find("volQuota/limit")  # noqa: S314 (Gluster's own)
    assert limit is not None, answer
    return {each.tag: each.text or "" for each in limit}


async def shown(core: Core, volume_id: str) -> Told:
    told: Told = (await core.http.get(f"/piragua/v1/volumes/{volume_id}")).json()
    return told


async def gathered(core: Core, volume_id: str, wanted: Callable[[Told], bool]) -> Told:
    """Its use, gathered until it is as wanted: bricks add up in the background."""
    with anyio.fail_after(TIMEOUT_SECONDS):
        while True:
            await core.usage.gather()
            usage: Told = (await shown(core, volume_id)).get("usage", {})
            if usage and wanted(usage):
                return usage
            await anyio.sleep(0.1)


def agrees(usage: Told, quota: dict[str, str]) -> bool:
    """Whether every figure is that of `quota list`."""
    return (
        usage["used_bytes"] == int(quota["used_space"])
        and usage.get("limit_bytes") == int(quota["hard_limit"])
        and usage["soft_limit_exceeded"] == (quota["sl_exceeded"] == "Yes")
        and usage["hard_limit_exceeded"] == (quota["hl_exceeded"] == "Yes")
    )


async def test_the_use_of_a_volume_is_what_du_and_quota_list_say(
    volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    volume_id = hand.volume_with()
    fill(hand.data_path(volume_id))
    async with running_core(volume, folder) as core:
        wanted_bytes = du_bytes(hand.data_path(volume_id))
        assert wanted_bytes > MIB + 300_000
        usage = await gathered(core, volume_id, lambda usage: usage["used_bytes"] == wanted_bytes)
        assert agrees(usage, quota_list(volume, volume_id))
        assert (usage["files"], usage["directories"]) == (5, 6)  # `/<id>` and `/<id>/<name>` are two of them
        assert usage["fullness_percent"] == pytest.approx(100 * wanted_bytes / GIB, abs=0.001)
        assert usage["age_seconds"] in (0, 1)
        assert not usage["soft_limit_exceeded"]


@pytest.mark.parametrize(
    ("limit_bytes", "soft", "hard"), [(1_400_000, True, False), (MIB, True, True)], ids=["near", "over"]
)
async def test_the_use_is_not_clamped_at_the_limit_and_says_which_limit_is_exceeded(
    volume: GlusterVolume, folder: Path, hand: ByHand, limit_bytes: int, soft: bool, hard: bool
) -> None:
    volume_id = hand.volume_with()
    (hand.data_path(volume_id) / "file").write_bytes(os.urandom(1_200_000))
    used_bytes = du_bytes(hand.data_path(volume_id))
    hand.limit(volume_id, limit_bytes)
    async with running_core(volume, folder) as core:
        usage = await gathered(core, volume_id, lambda usage: usage["used_bytes"] == used_bytes)
        assert agrees(usage, quota_list(volume, volume_id))
        assert (usage["soft_limit_exceeded"], usage["hard_limit_exceeded"]) == (soft, hard)
        assert (usage["fullness_percent"] > 100) == hard


async def test_the_soft_limit_is_the_volumes_own_or_that_of_the_gluster_volume(
    volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    own, common = hand.volume_with(), hand.volume_with()
    for volume_id in (own, common):
        (hand.data_path(volume_id) / "file").write_bytes(os.urandom(50 * KIB))
        hand.limit(volume_id, 100 * KIB)
    hand.quota("limit-usage", f"/{dashed(own)}", str(100 * KIB), "90")
    hand.quota("default-soft-limit", "40")
    try:
        async with running_core(volume, folder) as core:
            for volume_id, exceeded in ((own, False), (common, True)):
                usage = await gathered(core, volume_id, lambda usage: usage["used_bytes"] >= 50 * KIB)
                assert usage["soft_limit_exceeded"] == exceeded
                assert agrees(usage, quota_list(volume, volume_id))
    finally:
        hand.quota("default-soft-limit", "80")


async def test_a_volume_has_no_figures_before_it_was_looked_at_and_none_of_a_limit_that_is_not_there(
    volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    volume_id = hand.published(hand.data(hand.record(hand.directory())))
    hand.tell(volume_id)
    async with running_core(volume, folder) as core:
        assert "usage" not in await shown(core, volume_id)
        assert "usage_gathered" not in (await core.http.get("/piragua/v1/volumes")).json()
        usage = await gathered(core, volume_id, lambda usage: True)
        assert "limit_bytes" not in usage
        assert "fullness_percent" not in usage
        assert not usage["hard_limit_exceeded"]
        assert "usage_gathered" in (await core.http.get("/piragua/v1/volumes")).json()


async def test_the_figures_of_a_volume_go_with_it(volume: GlusterVolume, folder: Path, hand: ByHand) -> None:
    volume_id = hand.volume_with()
    async with running_core(volume, folder, retention_seconds=3600) as core:
        await gathered(core, volume_id, lambda usage: True)
        told = await core.http.delete(f"/volumes/{volume_id}")
        assert (await core.ended(told)).status_code == 204
        await core.usage.gather()
        assert core.usage.of(volume_id) is None


async def test_the_sums_are_those_of_all_volumes(volume: GlusterVolume, folder: Path, hand: ByHand) -> None:
    full, empty = hand.volume_with(), hand.volume_with()
    (hand.data_path(full) / "file").write_bytes(os.urandom(500_000))
    used_bytes = du_bytes(hand.data_path(full))
    async with running_core(volume, folder) as core:
        before = (await core.http.get("/piragua/v1/usage")).json()
        assert "used_bytes" not in before
        await gathered(core, full, lambda usage: usage["used_bytes"] == used_bytes)
        sums = (await core.http.get("/piragua/v1/usage")).json()
        volumes = (await core.http.get("/piragua/v1/volumes")).json()["volumes"]
        [cluster] = sums.pop("clusters")
        assert cluster.pop("gluster_volume") == volume.name
        assert len(cluster.pop("cluster")) == 32
        assert cluster == sums
        assert {full, empty} <= {each["id"] for each in volumes}
        assert sums["volumes"] == len(volumes)
        assert sums["size_bytes"] == sum(each["size_bytes"] for each in volumes)
        assert sums["used_bytes"] == sum(each["usage"]["used_bytes"] for each in volumes)
        whole = os.statvfs(folder)
        assert sums["capacity_bytes"] == whole.f_blocks * whole.f_frsize
        assert 0 < sums["free_bytes"] < sums["capacity_bytes"]
        assert sums["age_seconds"] in (0, 1)


async def test_files_and_soft_limit_are_bounds_of_a_create_that_a_clone_takes_over(
    volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    async with running_core(volume, folder) as core:
        wish = {"size_gib": 1, "files_limit": 5, "soft_limit_percent": 60, "labels": {"team": "blue"}}
        volume_id = await made(core, await core.http.post("/piragua/v1/volumes", json=wish))
        clone_id = await made(core, await core.http.post(f"/volumes/{volume_id}/clone", json={}))
        for each in (volume_id, clone_id):
            assert quota_list(volume, each, "list-objects")["hard_limit"] == "5"
            assert quota_list(volume, each)["soft_limit_percent"] == "60%"
            told = await shown(core, each)
            assert (told["files_limit"], told["soft_limit_percent"]) == (5, 60)
        assert (await shown(core, clone_id))["labels"] == {}  # a copy belongs to whoever makes it
        for number in range(3):
            (hand.data_path(volume_id) / f"{number}").touch()
        with pytest.raises(OSError, match="Disk quota exceeded"):
            (hand.data_path(volume_id) / "one too many").touch()
        usage = await gathered(core, volume_id, lambda usage: usage["files"] == 3)
        assert usage["directories"] == 2
        heketis = (await core.http.get(f"/volumes/{volume_id}")).json()
        assert not {"files_limit", "labels", "soft_limit_percent"} & heketis.keys()


async def test_bounds_outlive_an_expand_come_back_with_a_lost_limit_and_go_with_the_volume(
    volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    async with running_core(volume, folder) as core:
        wish = {"size_gib": 1, "files_limit": 50, "soft_limit_percent": 60}
        volume_id = await made(core, await core.http.post("/piragua/v1/volumes", json=wish))
        await made(core, await core.http.post(f"/volumes/{volume_id}/expand", json={"expand_size": 1}))
        assert bounds(volume, volume_id) == (2 * GIB, "60%", "50")
        path, gfid = f"/{dashed(volume_id)}", bytes.fromhex(hand.gfid(volume_id))
        hand.quota("remove-objects", path)
        hand.quota("remove", path)
        assert gfid not in recorded_gfids(volume.pool.nodes[0], volume.name)
        await core.sweep.sweep()
        assert gfid in recorded_gfids(volume.pool.nodes[0], volume.name)
        assert bounds(volume, volume_id) == (2 * GIB, "60%", "50")
        assert (await core.http.delete(f"/volumes/{volume_id}")).status_code == 202
        await core.until_absent(volume_id)
        assert gfid not in recorded_gfids(volume.pool.nodes[0], volume.name)


def bounds(volume: GlusterVolume, volume_id: str) -> tuple[int, str, str]:
    """Limit, soft limit and limit of files, as Gluster has them."""
    size, files = quota_list(volume, volume_id), quota_list(volume, volume_id, "list-objects")
    return int(size["hard_limit"]), size["soft_limit_percent"], files["hard_limit"]


async def made(core: Core, answer: Any) -> str:
    """The id of a volume that was to be made."""
    assert answer.status_code == 202, answer.text
    told = await core.ended(answer)
    assert told.status_code == 303, told.text
    return str(told.headers["location"].rsplit("/", 1)[1])


def test_an_instance_gathers_by_itself_and_takes_its_mounts_away(volume: GlusterVolume, hand: ByHand) -> None:
    volume_id = hand.volume_with(Record(GIB, "theirs"), files=2)
    (hand.data_path(volume_id) / "file").write_bytes(os.urandom(200_000))
    instance = volume.start_instance(settings={"PIRAGUA_USAGE_INTERVAL": "1s"})

    def told() -> Told:
        usage: Told = ask(instance, "GET", f"/piragua/v1/volumes/{volume_id}").json().get("usage", {})
        return usage

    wait_until(lambda: told().get("files") == 3, "the use of a volume", TIMEOUT_SECONDS)
    (hand.data_path(volume_id) / "another").touch()
    wait_until(lambda: told().get("files") == 4, "the next round", TIMEOUT_SECONDS)
    assert ask(instance, "GET", "/piragua/v1/usage", user="user").status_code == 401
    assert any(path.endswith(".usage") for path in instance.mounts())
    assert instance.terminate() == 0  # which also looks whether something is mounted still
