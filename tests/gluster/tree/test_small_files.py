"""Names, tombstones and texts of failures as regular files: two servers at once leave one winner."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import anyio
import pytest

from piragua.errors import NameInUse
from piragua.tree import layout
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.record import Record
from tests.gluster.tree.conftest import TwoMounts
from tests.support.core import mounted_at, uncached_mount
from tests.support.pool import GlusterVolume

pytestmark = pytest.mark.anyio


async def test_a_name_has_one_holder_also_when_two_claim_it_at_once(two_mounts: TwoMounts) -> None:
    async with (
        mounted_at(two_mounts.volume, two_mounts.first) as first,
        mounted_at(two_mounts.volume, two_mounts.second) as second,
    ):
        for number in range(30):
            name, ids = f"name{number}", [uuid4().hex, uuid4().hex]
            for each in ids:
                await first.make(each, Record(2**30, name))
            refused: list[str] = []
            async with anyio.create_task_group() as group:
                group.start_soon(_publish, first, ids[0], name, refused)
                group.start_soon(_publish, second, ids[1], name, refused)
            assert len(refused) == 1
            assert {await first.holder_of(name), *refused} == set(ids)
            assert await second.holder_of(name) == await first.holder_of(name)


async def _publish(mounted: ProvenMount, volume_id: str, name: str, refused: list[str]) -> None:
    try:
        await mounted.publish(volume_id, name)
    except NameInUse:
        refused.append(volume_id)


async def test_a_name_is_freed_by_its_holder_only(two_mounts: TwoMounts) -> None:
    holder, other = uuid4().hex, uuid4().hex
    async with mounted_at(two_mounts.volume, two_mounts.first) as mounted:
        (two_mounts.first / layout.NAMES / "kept").write_text(holder)
        await mounted.release_name("kept", other)
        assert await mounted.holder_of("kept") == holder
        await mounted.release_name("kept", holder)
        assert await mounted.holder_of("kept") is None
        await mounted.release_name("kept", holder)


@pytest.mark.parametrize("text", [b"", b"half an id", b"../../etc/passwd", b"\xff" * 32])
async def test_a_names_file_without_an_id_names_nobody(text: bytes, two_mounts: TwoMounts) -> None:
    async with mounted_at(two_mounts.volume, two_mounts.first) as mounted:
        (two_mounts.first / layout.NAMES / "broken").write_bytes(text)
        assert await mounted.holder_of("broken") == ""


async def test_the_text_of_a_failure_reaches_the_other_server(two_mounts: TwoMounts) -> None:
    async with (
        mounted_at(two_mounts.volume, two_mounts.first) as first,
        mounted_at(two_mounts.volume, two_mounts.second) as second,
    ):
        nonce, text = uuid4().hex[:16], "the limit could not be set: é" + "x" * 5000
        assert await second.read_failure(nonce) is None
        await first.write_failure(nonce, text)
        kept = await second.read_failure(nonce)
        assert kept is not None
        assert text.startswith(kept)
        assert len(kept) > 4000


def test_three_servers_set_an_empty_gluster_volume_up_at_once(
    fresh_replicated_volume: GlusterVolume,
) -> None:
    folders = [uncached_mount(fresh_replicated_volume, node) for node in range(3)]

    async def set_up(folder: Path) -> list[str]:
        async with mounted_at(fresh_replicated_volume, folder) as mounted:
            await mounted.tell(uuid4().hex, "made")
            return sorted(mounted.handle.entries())

    with ThreadPoolExecutor() as threads:
        seen = list(threads.map(lambda folder: anyio.run(set_up, folder), folders))
    assert seen == [[".piragua", ".piragua.lock"]] * 3
    for folder in folders:
        assert set(layout.OWN_DIRECTORIES) <= {path.name for path in (folder / ".piragua").iterdir()}
        assert len((folder / layout.FEED).read_text().splitlines()) == 3
