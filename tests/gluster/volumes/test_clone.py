"""Clones on a real Gluster: what is copied, when it is visible, and what happens when something goes wrong."""

import errno
import fcntl
import os
import re
import struct
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from lab.machine import wait_until
from lab.private_gluster import PrivateGluster
from lab.write_until_refused import write_until_refused
from piragua.errors import Conflict
from piragua.models import BYTES_PER_GIB, Done, Failed, OperationKind, Pending, dashed
from piragua.operations.ids import OperationId
from piragua.tree import layout
from piragua.tree.copying.copy import Copier
from piragua.tree.locking import locks
from piragua.tree.locking.async_locks import AsyncLock
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.record import Record, decode
from piragua.tree.states import State
from piragua.upkeep.throttle import Throttle
from piragua.volumes.jobs import clone as clone_module
from tests.support.behind import differing_gfids
from tests.support.by_hand import ByHand
from tests.support.calls import ask, go_client
from tests.support.core import Core, QuotaConfOf, running_core, uncached_mount
from tests.support.heketi_clients.strict_go import HeketiError
from tests.support.instance import Instance
from tests.support.lock_holder import lock_held
from tests.support.pool import GlusterVolume, gluster_volume
from tests.support.trees import described, plant
from tests.support.waiting import until

pytestmark = pytest.mark.anyio

MIB = 2**20
GID = 4711


@pytest.fixture(scope="module")
def folder(volume: GlusterVolume, instance: Instance) -> Path:
    """Where the Gluster volume is mounted; the instance has made Piragua's own files on it."""
    return uncached_mount(volume)


class Gate:
    """Copies take one step for each time that this is opened by one, or run on once it stands open."""

    def __init__(self) -> None:
        self._steps = threading.Semaphore(0)
        self._open = threading.Event()

    def let_go(self, steps: int) -> None:
        self._steps.release(steps)

    def stand_open(self) -> None:
        self._open.set()

    def pass_one(self) -> None:
        while not self._open.is_set() and not self._steps.acquire(timeout=0.01):
            pass


@contextmanager
def copies_in_steps() -> Iterator[Gate]:
    gate, work = Gate(), Copier.work

    def step(self: Copier, seconds: float) -> bool:
        gate.pass_one()
        return work(self, 0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Copier, "work", step)
        try:
            yield gate
        finally:
            gate.stand_open()


def with_files(hand: ByHand, files: int = 20, record: Record | None = None) -> str:
    """A volume that instances see at once."""
    return hand.tell(hand.volume_with(record, files=files))


async def outcome(core: Core, accepted: httpx.Response) -> httpx.Response:
    """The final answer about what was accepted."""
    assert accepted.status_code == 202, accepted.text
    with anyio.fail_after(60):
        while True:
            reply = await core.http.get(accepted.headers["location"], follow_redirects=False)
            if reply.headers.get("x-pending") != "true":
                return reply


def operation_of(accepted: httpx.Response) -> OperationId:
    assert accepted.status_code == 202, accepted.text
    return OperationId.parse(accepted.headers["location"].removeprefix("/queue/"))


@asynccontextmanager
async def half_copied(core: Core, source: str) -> AsyncIterator[tuple[OperationId, Gate, httpx.Response]]:
    """A clone of which a few entries are there."""
    with copies_in_steps() as gate:
        accepted = await core.http.post(f"/volumes/{source}/clone", json={})
        operation = operation_of(accepted)
        gate.let_go(5)
        inside = Path(core.mount.path) / dashed(operation.volume_id) / f"vol_{operation.volume_id}"
        await until(
            lambda: dashed(operation.volume_id) in os.listdir(core.mount.path) and bool(os.listdir(inside))
        )
        yield operation, gate, accepted


def lose(lock: AsyncLock) -> None:
    """Takes the lock away without telling whoever holds it, as a restart of the bricks does."""
    held = lock._held
    freed = struct.pack("hhqqi4x", fcntl.F_UNLCK, os.SEEK_SET, held._offset, 1, 0)
    fcntl.fcntl(held._fd, fcntl.F_OFD_SETLK, freed)


def limit_on(hand: ByHand, volume_id: str) -> int:
    """What a node that mounts it sees as its size."""
    status = os.statvfs(hand.path(volume_id))
    return status.f_blocks * status.f_frsize


@pytest.mark.parametrize("pool", ["one_node", "three_nodes"])
def test_a_clone_is_as_its_source(pool: str, request: pytest.FixtureRequest) -> None:
    """To the byte and the attribute, ACLs that only some mounts show and files with holes included."""
    gluster: PrivateGluster = request.getfixturevalue(pool)
    bricks_per_node = 2
    with gluster_volume(gluster, bricks_per_node=bricks_per_node) as volume:
        go = go_client(volume.start_instance())
        source = go.create({"size": 1, "gid": GID, "snapshot": {"enable": True, "factor": 2}})
        data = volume.deep_mount(source["name"], options="acl")
        plant(data)
        before = described(data)
        copy = go.clone(source["id"], "copy")
        assert copy["name"] == f"{volume.name}/{dashed(copy['id'])}/copy"
        same = ("size", "gid", "snapshot", "durability", "cluster")
        assert {key: copy[key] for key in same} == {key: source[key] for key in same}
        assert set(go.list()) == {source["id"], copy["id"]}
        copied = volume.deep_mount(copy["name"], options="acl")
        assert described(copied) == before
        assert described(data) == before
        (copied / "a" / "file").write_text("the copy's own")
        assert described(data) == before
        if pool == "three_nodes":
            assert differing_gfids(gluster, volume.name, bricks_per_node) == []
            told = gluster.nodes[0].gluster("volume", "heal", volume.name, "info")
            assert {line for line in told.splitlines() if line.startswith(("/", "<"))} == set()
        else:
            with (copied / "first").open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, 1000 * MIB)
            written_mib, refused = write_until_refused(copied / "more", most_mib=40)
            assert refused == errno.EDQUOT
            assert 10 <= written_mib <= 24
    gluster.delete_volume(volume.name)


def test_a_name_that_is_taken_is_refused(instance: Instance) -> None:
    go = go_client(instance)
    source = go.create({"size": 1, "name": "taken"})["id"]
    words = f"Failed clone volume {source}: Volume name 'taken' already in use"
    with pytest.raises(HeketiError, match=words):
        go.clone(source, "taken")
    copy = go.clone(source)
    assert copy["name"].endswith(f"/vol_{copy['id']}")
    go.delete(source)
    assert go.clone(copy["id"], "taken")["name"].endswith("/taken")


async def test_a_volume_of_the_original_is_cloned(volume: GlusterVolume, folder: Path, hand: ByHand) -> None:
    source = hand.tell(hand.limit(hand.data(hand.directory(), "whatever", files=3), 2 * BYTES_PER_GIB))
    async with running_core(volume, folder) as core:
        done = await outcome(core, await core.http.post(f"/volumes/{source}/clone", json={}))
        shown = (await core.http.get(done.headers["location"])).json()
        assert shown["size"] == 2
        assert sorted(os.listdir(hand.data_path(shown["id"]))) == ["file0", "file1", "file2"]
        assert (await core.mounted.observe(source)).state is State.ORIGINAL


async def test_a_source_over_its_limit_fits(volume: GlusterVolume, folder: Path, hand: ByHand) -> None:
    """Gluster can stop writers late; the copy is then as much over its limit as the source."""
    async with running_core(volume, folder) as core:
        size_bytes = 4 * MIB
        source = hand.record(hand.directory(), Record(size_bytes, "data"))
        hand.data(source, "data")
        (hand.data_path(source) / "large").write_bytes(os.urandom(6 * MIB))
        hand.tell(hand.published(hand.limit(source, size_bytes)))
        done = await outcome(core, await core.http.post(f"/volumes/{source}/clone", json={}))
        assert done.status_code == 303, done.text
        copy = done.headers["location"].removeprefix("/volumes/")
        inside = hand.data_path(copy) / "large"
        assert inside.read_bytes() == (hand.data_path(source) / "large").read_bytes()
        assert limit_on(hand, copy) == size_bytes
        with pytest.raises(OSError, match="quota"):
            (hand.data_path(copy) / "more").write_bytes(bytes(MIB))


async def test_nothing_is_visible_until_all_is_there(volume: GlusterVolume, folder: Path, hand: ByHand) -> None:
    source = with_files(hand)
    async with running_core(volume, folder) as core, running_core(volume, folder) as other:
        async with half_copied(core, source) as (operation, gate, accepted):
            copy = operation.volume_id
            for each in (core, other):
                assert source in (await each.http.get("/volumes")).json()["volumes"]
                assert copy not in (await each.http.get("/volumes")).json()["volumes"]
                assert (await each.http.get(f"/volumes/{copy}")).status_code == 503
                assert (await each.http.delete(f"/volumes/{copy}")).status_code == 500
            assert isinstance(await other.operations.poll(operation.text), Pending)
            (shown,) = (await core.http.get("/operations/pending")).json()["pendingoperations"]
            (change,) = (await core.http.get(f"/operations/pending/{shown['id']}")).json()["changes"]
            assert change["description"].startswith("Clone volume (")
            assert "entries" in change["description"]
            # the limit stays out of the copy's way until the data is there
            assert limit_on(hand, copy) > BYTES_PER_GIB
            gate.stand_open()
            done = await outcome(core, accepted)
        assert done.headers["location"] == f"/volumes/{copy}"
        assert limit_on(hand, copy) == BYTES_PER_GIB
        assert copy in (await other.http.get("/volumes")).json()["volumes"]
        assert await other.operations.poll(operation.text) == Done(copy)
        record = decode(os.getxattr(hand.path(copy), layout.RECORD_XATTR))
        assert (record.clone_source, record.operations) == (None, (operation.nonce,))


async def test_a_copy_rests_while_another_volume_is_made(
    volume: GlusterVolume, folder: Path, hand: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    flowed: list[bool] = []

    class Noted(Throttle):
        async def rest(self, mounted: ProvenMount, seconds: float) -> None:
            flowed.append(await self.is_needed(mounted))

    monkeypatch.setattr(clone_module, "Throttle", Noted)
    source = with_files(hand)
    async with running_core(volume, folder) as core, half_copied(core, source) as (_, gate, accepted):
        await until(lambda: len(flowed) > 1)
        assert not any(flowed), "nothing else is done"
        await outcome(core, await core.http.post("/volumes", json={"size": 1}))
        gate.stand_open()
        await outcome(core, accepted)
    assert any(flowed)


async def test_the_source_can_be_expanded_and_deleted_meanwhile(
    volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    """Its data is purged only when the copy is complete."""
    source = with_files(hand)
    async with running_core(volume, folder) as core:
        async with half_copied(core, source) as (operation, gate, accepted):
            expanded = await core.http.post(f"/volumes/{source}/expand", json={"expand_size": 1})
            assert (await outcome(core, expanded)).status_code == 303
            assert (await outcome(core, await core.http.delete(f"/volumes/{source}"))).status_code == 204
            assert (await core.http.get(f"/volumes/{source}")).status_code == 404
            with pytest.raises(Conflict):
                await core.purger.purge(source)
            assert (await core.mounted.observe(source)).state is State.TRASH
            gate.stand_open()
            done = await outcome(core, accepted)
            assert done.status_code == 303, done.text
        assert len(os.listdir(hand.data_path(operation.volume_id))) == 20
        assert (await core.http.get(f"/volumes/{operation.volume_id}")).json()["size"] == 1
        await core.until_absent(source)


async def test_what_another_instance_reads_is_not_purged(
    volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    source = with_files(hand)
    async with running_core(volume, folder) as core:
        with lock_held(folder, locks.reading_offset(source)):
            assert (await outcome(core, await core.http.delete(f"/volumes/{source}"))).status_code == 204
            with pytest.raises(Conflict):
                await core.purger.purge(source)
            assert len(os.listdir(hand.data_path(source))) == 20
        await core.until_absent(source)


async def test_a_source_that_is_deleted_before_the_copy_begins(
    volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    source = with_files(hand)
    async with running_core(volume, folder) as core:
        job = await core.volumes.prepare_clone(source, "never")
        assert (await outcome(core, await core.http.delete(f"/volumes/{source}"))).status_code == 204
        with pytest.raises(Conflict, match="deleted"):
            await job.run("0" * 16)
        await core.until_absent(source, job.volume_id)
        assert await core.mounted.holder_of("never") is None
        assert (await core.http.post(f"/volumes/{source}/clone", json={})).text == "Id not found\n"


async def test_more_clones_of_one_source_than_run_at_once(
    volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    source = with_files(hand, files=5)
    async with running_core(volume, folder) as core:
        ends = list[int]()

        async def clone() -> None:
            ends.append(
                (await outcome(core, await core.http.post(f"/volumes/{source}/clone", json={}))).status_code
            )

        async with anyio.create_task_group() as group:
            for _ in range(clone_module.COPIES_AT_ONCE + 2):
                group.start_soon(clone)
        assert ends == [303] * (clone_module.COPIES_AT_ONCE + 2)


async def test_a_clone_that_fails_leaves_nothing(
    volume: GlusterVolume, folder: Path, hand: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clone_module, "_enough_bytes", lambda held_bytes: 2 * MIB)
    source = with_files(hand)
    (hand.data_path(source) / "large").write_bytes(os.urandom(6 * MIB))
    before = described(hand.data_path(source))
    limits = QuotaConfOf(volume.pool.nodes[0])
    limited = await limits.limited_gfids(volume.name)
    async with running_core(volume, folder) as core:
        accepted = await core.http.post(f"/volumes/{source}/clone", json={"name": "once"})
        failed = await outcome(core, accepted)
        assert failed.status_code == 500
        assert re.search(r"copying '(large|file\d+)': Disk quota exceeded", failed.text), failed.text
        copy = operation_of(accepted).volume_id
        await core.until_absent(copy)
        assert await limits.limited_gfids(volume.name) == limited
        assert await core.mounted.holder_of("once") is None
        assert described(hand.data_path(source)) == before
        monkeypatch.undo()
        again = await outcome(core, await core.http.post(f"/volumes/{source}/clone", json={"name": "once"}))
        assert again.status_code == 303


async def test_what_would_not_fit_is_refused_before_anything_is_copied(
    volume: GlusterVolume, folder: Path, hand: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = with_files(hand)
    (hand.data_path(source) / "large").write_bytes(os.urandom(3 * MIB))
    free_bytes = 2 * MIB

    async def free(self: ProvenMount) -> int:
        return free_bytes

    monkeypatch.setattr(ProvenMount, "free_bytes", free)
    async with running_core(volume, folder) as core:
        refused = await core.http.post(f"/volumes/{source}/clone", json={"name": "large"})
        assert (refused.status_code, refused.text) == (500, f"Failed clone volume {source}: No space\n")
        assert await core.mounted.holder_of("large") is None
        free_bytes = 4 * MIB
        done = await outcome(core, await core.http.post(f"/volumes/{source}/clone", json={"name": "large"}))
        assert done.status_code == 303, done.text


async def test_while_a_brick_is_away_no_clone_is_made_that_could_miss_files(three_nodes: PrivateGluster) -> None:
    with gluster_volume(three_nodes) as volume:
        folder = uncached_mount(volume)
        async with running_core(volume, folder) as core:
            made = await outcome(core, await core.http.post("/volumes", json={"size": 1, "name": "source"}))
            source = made.headers["location"].removeprefix("/volumes/")
            for number in range(20):
                (folder / dashed(source) / "source" / f"file{number}").write_text("kept")
            async with half_copied(core, source) as (operation, gate, accepted):
                three_nodes.nodes[2].kill_bricks(volume.name)
                with anyio.fail_after(60):
                    while not await core.mounted.disconnected_bricks():
                        await anyio.sleep(0.05)
                gate.stand_open()
                begun_before = await outcome(core, accepted)
            begun_after = await outcome(core, await core.http.post(f"/volumes/{source}/clone", json={}))
            for each in (begun_before, begun_after):
                assert each.status_code == 500
                assert "not every brick can be reached: a clone could miss files" in each.text
            assert (await core.http.get("/volumes")).json()["volumes"] == [source]
            assert (await core.http.get(f"/volumes/{operation.volume_id}")).status_code == 404
    three_nodes.delete_volume(volume.name)


async def test_a_clone_whose_owner_lost_its_locks_fails_for_good(
    volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    """No lock outlives a rolling restart of all bricks: then another instance may give the clone up."""
    source = with_files(hand)
    async with running_core(volume, folder) as core, running_core(volume, folder, purges=False) as other:
        job = await core.volumes.prepare_clone(source)
        with copies_in_steps() as gate:
            ended = list[Any]()

            async def run() -> None:
                try:
                    await job.run("1" * 16)
                except Exception as error:
                    ended.append(error)

            async with anyio.create_task_group() as group:
                group.start_soon(run)
                gate.let_go(5)
                await until(lambda: job.progress().startswith(("1 ", "2 ", "3 ", "4 ")))
                lose(job._id_lock)
                told = await other.volumes.verdict(
                    OperationKind.CLONE, job.gluster_volume_id, job.volume_id, "1" * 16
                )
                assert isinstance(told, Failed)
                gate.stand_open()
        assert len(ended) == 1
        assert job.volume_id not in (await core.http.get("/volumes")).json()["volumes"]
        assert (await core.mounted.observe(job.volume_id)).state is not State.VOLUME


async def test_a_clone_that_died_at_its_end_is_there(volume: GlusterVolume, folder: Path, hand: ByHand) -> None:
    """The record is whole, and only the mark is missing: whoever is asked publishes it."""
    source = with_files(hand)
    hand.data_path(source).chmod(0o1777)
    async with running_core(volume, folder) as core:
        accepted = await core.http.post(f"/volumes/{source}/clone", json={})
        assert (await outcome(core, accepted)).status_code == 303
        operation = operation_of(accepted)
        copy = operation.volume_id
        os.removexattr(hand.path(copy), layout.PUBLISHED_XATTR)
        (folder / layout.NAMES / f"vol_{copy}").unlink()
        hand.tell(copy)
        assert (await core.mounted.observe(copy)).state is State.COMPLETE
        async with running_core(volume, folder) as other:
            assert await other.operations.poll(operation.text) == Done(copy)
            assert (await other.http.get(f"/volumes/{copy}")).status_code == 200


def test_a_killed_instance_leaves_a_clone_that_nobody_sees(
    volume: GlusterVolume, folder: Path, hand: ByHand, instance: Instance
) -> None:
    source = with_files(hand, files=1500)
    doomed = volume.start_instance()
    accepted = ask(doomed, "POST", f"/volumes/{source}/clone", {"name": "killed"})
    operation = operation_of(accepted)
    copy = operation.volume_id
    inside = hand.path(copy) / "killed"
    wait_until(lambda: dashed(copy) in os.listdir(folder) and len(os.listdir(inside)) > 20, "files", 30)
    doomed.kill9()
    doomed.unmount()
    assert copy not in go_client(instance).list()
    assert source in go_client(instance).list()
    assert ask(instance, "GET", f"/volumes/{copy}").status_code == 503

    async def sweep() -> None:
        async with running_core(volume, folder) as core:
            assert (await core.mounted.observe(copy)).state is State.CLONE_GIVEN_UP
            await core.sweep_twice()
            await core.until_absent(copy)

    anyio.run(sweep)
    assert ask(instance, "GET", f"/volumes/{copy}").status_code == 404
    answer = ask(instance, "GET", accepted.headers["location"])
    assert (answer.status_code, "went away" in answer.text) == (500, True)
    assert go_client(instance).clone(with_files(hand, files=1), "killed")["name"].endswith("/killed")
    assert len(os.listdir(hand.data_path(source))) == 1500
