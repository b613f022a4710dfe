"""The change feed and lists, between two instances on a real Gluster."""

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import anyio
import httpx
import pytest

from lab.private_gluster import PrivateGluster
from piragua.tree import layout
from piragua.tree.handle import Handle
from piragua.tree.own_files import feed
from piragua.tree.own_files.feed import NOWHERE, Position
from piragua.tree.record import Deletion
from piragua.tree.states import State
from tests.support.by_hand import ByHand, by_hand
from tests.support.core import Core, mounted_at, running_core, uncached_mount
from tests.support.pool import GlusterVolume, gluster_volume

pytestmark = pytest.mark.anyio


class Two(NamedTuple):
    """A Gluster volume, mounted by two instances."""

    volume: GlusterVolume
    first: Path
    second: Path


@pytest.fixture(scope="module")
def two(one_node: PrivateGluster) -> Iterator[Two]:
    with gluster_volume(one_node) as volume:
        both = Two(volume, uncached_mount(volume), uncached_mount(volume))

        async def set_up() -> None:
            async with mounted_at(volume, both.first):
                pass

        anyio.run(set_up)
        yield both
    one_node.delete_volume(volume.name)


@pytest.fixture
def hand(two: Two) -> Iterator[ByHand]:
    with by_hand(two.volume, two.first) as hand:
        yield hand


def handle_at(folder: Path) -> Handle:
    return Handle("gv", str(folder), os.open(folder, os.O_RDONLY | os.O_DIRECTORY))


async def ids(core: Core) -> list[str]:
    reply = await core.http.get("/volumes")
    assert reply.status_code == 200, reply.text
    listed: list[str] = reply.json()["volumes"]
    return listed


async def end_of(core: Core, accepted: httpx.Response) -> httpx.Response:
    assert accepted.status_code == 202, accepted.text
    while True:
        reply = await core.http.get(accepted.headers["location"], follow_redirects=True)
        if reply.headers.get("x-pending") != "true":
            return reply


def test_no_line_is_lost_when_two_servers_append_at_once(two: Two) -> None:
    written = {uuid4().hex for _ in range(100)}
    handles = [handle_at(two.first), handle_at(two.second)]
    begin = feed.position(handles[0])
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda item: feed.append(handles[item[0] % 2], item[1], "made"), enumerate(written)))
    for handle in handles:
        read = feed.told_since(handle, begin, feed.position(handle))
        assert read is not None
        assert read[0].keys() >= written


def test_a_reader_gets_only_what_is_new_to_it_and_whole_lines(two: Two) -> None:
    writer, reader = handle_at(two.first), handle_at(two.second)
    first, second = uuid4().hex, uuid4().hex
    begin = feed.position(reader)
    feed.append(writer, first, "made")
    read = feed.told_since(reader, begin, feed.position(reader))
    assert read is not None
    assert read[0] == {first: {"made"}}
    with (two.first / layout.FEED).open("ab") as file:
        file.write(b"no id at all\n" + second.encode()[:10])
    half = feed.told_since(reader, read[1], feed.position(reader))
    assert half is not None
    assert half[0] == {}
    with (two.first / layout.FEED).open("ab") as file:
        file.write(second.encode()[10:] + b" made\n")
    whole = feed.told_since(reader, half[1], feed.position(reader))
    assert whole is not None
    assert whole[0] == {second: {"made"}}


def test_a_feed_that_is_another_file_by_now_says_so(two: Two) -> None:
    writer, reader = handle_at(two.first), handle_at(two.second)
    feed.append(writer, uuid4().hex, "made")
    begin = feed.position(reader)
    (two.first / layout.FEED).unlink()
    assert feed.position(reader) == NOWHERE
    assert feed.told_since(reader, begin, feed.position(reader)) is None
    feed.append(writer, uuid4().hex, "made")
    end = feed.position(reader)
    assert end.inode not in (0, begin.inode)
    assert feed.told_since(reader, begin, end) is None


def test_a_feed_that_grew_too_large_begins_anew(two: Two) -> None:
    writer = handle_at(two.first)
    feed.append(writer, uuid4().hex, "made")
    begin = feed.position(writer)
    os.truncate(two.first / layout.FEED, feed.LARGEST_BYTES + 1)
    volume_id = uuid4().hex
    feed.append(writer, volume_id, "made")
    end = feed.position(handle_at(two.second))
    assert end.inode != begin.inode
    assert end.offset_bytes < 100
    assert feed.told_since(writer, Position(end.inode, 0), end) == ({volume_id: {"made"}}, end)


async def test_what_one_instance_changes_the_other_shows_at_once(two: Two) -> None:
    async with running_core(two.volume, two.first) as one, running_core(two.volume, two.second) as other:
        before = set(await ids(other))
        assert set(await ids(one)) == before
        for _ in range(5):
            made = (await end_of(one, await one.http.post("/volumes", json={"size": 1}))).json()["id"]
            assert set(await ids(other)) == before | {made}
            grown = await end_of(other, await other.http.post(f"/volumes/{made}/expand", json={"expand_size": 2}))
            assert grown.json()["size"] == 3
            assert (await one.http.get(f"/volumes/{made}")).json()["size"] == 3
            assert (await end_of(one, await one.http.delete(f"/volumes/{made}"))).status_code == 204
            assert set(await ids(other)) == before, "never listed after its delete was answered"
            assert (await other.http.get(f"/volumes/{made}")).status_code == 404


async def test_a_deleted_volume_is_never_listed_again(two: Two, hand: ByHand) -> None:
    async with running_core(two.volume, two.first) as one:
        async with running_core(two.volume, two.second, relist_seconds=0.05) as other:
            victims = [hand.tell(hand.volume_with()) for _ in range(10)]
            assert set(victims) <= set(await ids(other))
            deleted = set[str]()
            wrong = list[set[str]]()

            async def observe() -> None:
                while len(deleted) < len(victims):
                    answered = set(deleted)
                    wrong.extend(filter(None, [answered & set(await ids(other))]))

            async with anyio.create_task_group() as group:
                group.start_soon(observe)
                for volume_id in victims:
                    await end_of(one, await one.http.delete(f"/volumes/{volume_id}"))
                    deleted.add(volume_id)
            assert wrong == []
            assert not deleted & set(await ids(other))


async def test_a_server_whose_clock_is_behind_is_seen_at_once(two: Two, hand: ByHand) -> None:
    """Modification times that do not move must not matter: here they are set back after every change."""
    root, changes = two.first, two.first / layout.FEED
    async with running_core(two.volume, two.second) as other:
        before = set(await ids(other))
        stamps = [(path, path.stat().st_atime_ns, path.stat().st_mtime_ns) for path in (root, changes)]
        volume_id = hand.tell(hand.volume_with())
        for path, accessed, modified in stamps:
            os.utime(path, ns=(accessed, modified))
            assert path.stat().st_mtime_ns == modified
        assert set(await ids(other)) == before | {volume_id}
        hand.deleted(volume_id, Deletion(datetime.now(UTC), 3600))
        hand.tell(volume_id)
        for path, accessed, modified in stamps:
            os.utime(path, ns=(accessed, modified))
        assert set(await ids(other)) == before


async def test_what_is_made_and_removed_by_hand_shows_soon(two: Two, hand: ByHand) -> None:
    async with running_core(two.volume, two.second, relist_seconds=0.2) as core:
        await ids(core)
        original = hand.data(hand.directory(), "vol_by_hand")
        with anyio.fail_after(10):
            while original not in await ids(core):
                await anyio.sleep(0.05)
        assert (await core.mounted.observe(original)).state is State.ORIGINAL
        shutil.rmtree(hand.path(original))
        assert (await core.http.get(f"/volumes/{original}")).status_code == 404
        with anyio.fail_after(10):
            while original in await ids(core):
                await anyio.sleep(0.05)


async def test_a_list_is_whole_after_the_feed_was_lost(two: Two, hand: ByHand) -> None:
    async with running_core(two.volume, two.second) as core:
        before = set(await ids(core))
        (two.first / layout.FEED).unlink()
        volume_id = hand.volume_with()
        assert set(await ids(core)) == before | {volume_id}
        later = (await end_of(core, await core.http.post("/volumes", json={"size": 1}))).json()["id"]
        assert set(await ids(core)) == before | {volume_id, later}
