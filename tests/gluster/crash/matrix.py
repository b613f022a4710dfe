"""The crash matrix: each operation dies once before each of its steps, and another instance finds what is left."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import anyio.to_thread

from piragua.errors import GlusterError, NameInUse, NotFound
from piragua.models import Done, Failed, Outcome, VolumeSpec, dashed
from piragua.mounting import glusterfs
from piragua.tree.states import LISTED, State
from tests.gluster.crash.promise import broken
from tests.gluster.crash.steps import Step
from tests.gluster.crash.victim import Order
from tests.gluster.crash.victims import KILLED, Told, Victims, victims_on
from tests.support.core import Core, running_core, uncached_mount
from tests.support.pool import GlusterVolume, mounted

BRICKS = 2
"""On each server."""
GIB = 2**30
GID = 2000
KEPT = "kept"
LONGER_THAN_ANY_RETENTION_SECONDS = 2 * 86400

Arguments = dict[str, Any]


@dataclass
class Matrix:
    """What a case works with. core: the instance that survives, on a mount of its own at `folder`."""

    volume: GlusterVolume
    bricks_per_node: int
    core: Core
    folder: Path
    victims: Victims
    victims_folder: str
    victims_node: int
    complaints: list[str] = field(default_factory=list)
    remains: list[tuple[str, bool]] = field(default_factory=list)

    async def made(self, name: str = "", size_bytes: int = GIB) -> str:
        """A volume with a file in it."""
        spec = VolumeSpec(size_bytes=size_bytes, name=name or fresh_name(), gid=GID)
        job = await self.core.volumes.prepare_create(spec)
        await job.run("00" * 8)
        data = self.folder / dashed(job.volume_id) / str(spec.name)
        await anyio.to_thread.run_sync(partial(_fill, data))
        return job.volume_id

    async def deleted(self) -> str:
        """A volume in the trash, purged by nobody yet."""
        volume_id = await self.made()
        await (await self.core.volumes.prepare_delete(volume_id)).run("00" * 8)
        return volume_id

    async def size_bytes(self, volume_id: str) -> int:
        """The recorded size; 0 when the volume is not there."""
        try:
            return (await self.core.volumes.get(volume_id)).size_bytes
        except NotFound:
            return 0

    def data(self, volume_id: str) -> Path:
        """The only directory in `/<id>`."""
        [inside] = (self.folder / dashed(volume_id)).iterdir()
        return inside

    def expect(self, whether: bool, text: str) -> None:
        if not whether:
            self.complaints.append(text)

    async def come_to_rest(self) -> None:
        """What a live instance does by and by: sweeps, and purges whose time has come."""
        await self.listed_anew()
        await self.core.sweep_twice()
        self.core.clock.pass_by(LONGER_THAN_ANY_RETENTION_SECONDS)
        for volume_id in sorted(await self.core.mounted.ids_in_root()):
            await self._purged(volume_id)

    async def _purged(self, volume_id: str) -> None:
        """As often as a purger would: Gluster can refuse for a moment."""
        with anyio.fail_after(30):
            while True:
                try:
                    return await self.core.purger.purge(volume_id)
                except GlusterError:
                    await anyio.sleep(0.2)

    async def listed_anew(self) -> None:
        """What has no line in the feed is only known after the next listing of the root."""
        with anyio.fail_after(20):
            while not all(map(self.core.inventory.knows, await self.core.mounted.ids_in_root())):
                await anyio.sleep(0.05)

    async def broken(self) -> list[str]:
        return await broken(self.core.mounted, self.folder, self.volume, self.bricks_per_node)


@asynccontextmanager
async def matrix_on(volume: GlusterVolume, bricks_per_node: int, victims_node: int = 0) -> AsyncIterator[Matrix]:
    """A survivor and victims, each on a mount of its own."""
    folder, other = uncached_mount(volume), uncached_mount(volume, victims_node)
    with victims_on(volume, victims_node) as victims:
        # The first sets up Piragua's own files.
        async with running_core(volume, folder, purges=False, relist_seconds=1, hold_seconds=10) as core:
            yield Matrix(volume, bricks_per_node, core, folder, victims, str(other), victims_node)


def fresh_name() -> str:
    return f"name-{uuid4().hex}"


def _fill(data: Path) -> None:
    (data / "folder").mkdir()
    (data / "folder" / "file").write_text(KEPT)
    (data / "link").symlink_to("folder/file")


def kept_in(data: Path) -> bool:
    """Whether what was written before the crash is there."""
    return (data / "folder" / "file").read_text() == KEPT and (data / "link").is_symlink()


Check = Callable[[], Awaitable[None]]
Choose = Callable[[Sequence[Step]], Sequence[Step]]


def one_of_a_kind(steps: Sequence[Step]) -> Sequence[Step]:
    """The first of all that differ only in the path."""
    first: dict[str, Step] = {}
    for step in steps:
        words = step.name.split()
        first.setdefault(words[0] + (words[-1] if words[-1].startswith("user.") else ""), step)
    return list(first.values())


@dataclass(frozen=True)
class Case:
    """An operation that dies. prepare: what it works on. look: what another instance sees at once, and the check
    for when all has come to rest."""

    name: str
    operation: str
    prepare: Callable[[Matrix], Awaitable[Arguments]]
    observed: Callable[[Matrix, Arguments, Told, str], Awaitable[Check]]
    choose: Choose = list


async def outcome_of(matrix: Matrix, told: Told) -> Outcome | None:
    """What another instance tells about the operation, in bounded time; None when it had no id yet."""
    if not told.operation:
        return None
    with anyio.fail_after(20):
        return await matrix.core.operations.poll(told.operation)


async def run(matrix: Matrix, case: Case, *, fuse_clients: bool = False, choose: Choose | None = None) -> int:
    """All victims of one case; how many there were. What is wrong is in `complaints`.

    fuse_clients: these are killed instead, before every other step and while the others are under way, and the
    instance lives on. choose: the steps to be tried, if not those of the case.
    """
    recorded = await _send(matrix, case, None, await case.prepare(matrix))
    assert recorded.status == 0, recorded
    assert not recorded.error, recorded
    steps = (choose or case.choose)(recorded.steps)
    assert steps, f"{case.name} has no steps: {recorded}"
    checks = list[Check]()
    for number, step in enumerate(steps):
        arguments = await case.prepare(matrix)
        where = (
            f"{case.name}, {'while' if fuse_clients and number % 2 else 'before'} {step.name} ({step.before + 1})"
        )
        if fuse_clients:
            told = await _lose_mount(matrix, case, step, arguments, meanwhile=bool(number % 2))
        else:
            told = await _send(matrix, case, step, arguments)
            assert told.status == KILLED, f"{where}: {told}"
        assert told.died == step, f"{where}: {told}"
        await nothing_half_made(matrix, where)
        checks.append(await case.observed(matrix, arguments, told, where))
    await matrix.come_to_rest()
    for check in checks:
        await check()
    matrix.complaints += [f"after {case.name}: {line}" for line in await matrix.broken()]
    return len(steps)


def those_that_count(steps: Sequence[Step]) -> Sequence[Step]:
    """Those that make, mark or remove directories, and quota's commands."""
    wanted = ("mkdir", "setxattr", "rmdir", "limit-usage", "quota remove", "open")
    return [step for step in steps if step.name.startswith(wanted)]


async def instances_killed(volume: GlusterVolume, case: Case) -> None:
    """An instance is killed before each of the steps; another one finishes or undoes what is left."""
    async with matrix_on(volume, BRICKS) as matrix:
        tried = await run(matrix, case)
        print(f"{case.name}: an instance killed at {tried} steps")
        assert not matrix.complaints, "\n".join(matrix.complaints)


async def fuse_clients_killed(volume: GlusterVolume, case: Case) -> None:
    """A FUSE client is killed before and while each of the steps that count; every server has a copy."""
    async with matrix_on(volume, BRICKS, victims_node=1) as matrix:
        tried = await run(matrix, case, fuse_clients=True, choose=those_that_count)
        print(f"{case.name}, 2 x 3 bricks: a FUSE client killed at {tried} steps")
        assert not matrix.complaints, "\n".join(matrix.complaints)


async def _send(matrix: Matrix, case: Case, step: Step | None, arguments: Arguments) -> Told:
    where = None if step is None else (step.name, step.before)
    order = Order(case.operation, arguments, matrix.victims_folder, where)
    return await anyio.to_thread.run_sync(matrix.victims.send, order)


async def _lose_mount(matrix: Matrix, case: Case, step: Step, arguments: Arguments, *, meanwhile: bool) -> Told:
    """The same with a mount of its own, whose process dies."""

    def send() -> Told:
        with mounted(
            matrix.volume.pool.nodes[matrix.victims_node], matrix.volume.name, glusterfs.OPTIONS
        ) as folder:
            where, client = (step.name, step.before), _fuse_client(folder)
            return matrix.victims.send(Order(case.operation, arguments, str(folder), where, client, meanwhile))

    return await anyio.to_thread.run_sync(send)


def _fuse_client(folder: Path) -> int:
    """The process that serves that mount."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            argv = Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
            if argv[0].endswith("glusterfs") and argv[-1] == str(folder):
                return int(pid)
    raise AssertionError(f"nobody serves {folder}")


async def nothing_half_made(matrix: Matrix, where: str) -> None:
    """Whatever another instance shows as a volume has its limit and its data directory."""
    listed = await matrix.core.volumes.ids()
    all_observed = await matrix.core.mounted.observe_many(await matrix.core.mounted.ids_in_root())
    for volume_id, observed in all_observed.items():
        if observed.state is State.VOLUME and observed.record is not None:
            limit_bytes = await matrix.core.mounted.limit(volume_id)
            matrix.expect(limit_bytes is not None, f"{where}: {volume_id} is shown without a limit")
            matrix.expect(matrix.data(volume_id).name == observed.record.name, f"{where}: {volume_id} has no data")
            matrix.expect(volume_id in listed, f"{where}: {volume_id} is not listed")
        elif observed.state not in LISTED:
            matrix.expect(volume_id not in listed, f"{where}: {volume_id}, {observed.state.value}, is listed")


async def _is_there(matrix: Matrix, volume_id: str) -> bool:
    return (await matrix.core.mounted.observe(volume_id)).state is State.VOLUME


# Create


async def _new_name(_: Matrix) -> Arguments:
    return {"name": fresh_name()}


async def _after_create(matrix: Matrix, arguments: Arguments, told: Told, where: str, *, ask: bool) -> Check:
    outcome = await outcome_of(matrix, told) if ask else None
    matrix.expect(outcome is None or isinstance(outcome, Done | Failed), f"{where}: told {outcome}")
    volume_id = told.operation[34:66]
    if isinstance(outcome, Done):
        matrix.expect(await _is_there(matrix, volume_id), f"{where}: told as made, and is not there")

    async def check() -> None:
        there = bool(volume_id) and await _is_there(matrix, volume_id)
        if outcome is not None:
            matrix.expect(there == isinstance(outcome, Done), f"{where}: told {outcome}; there: {there}")
        await _name_is_taken(matrix, arguments["name"], there, where)

    return check


async def _name_is_taken(matrix: Matrix, name: str, taken: bool, where: str) -> None:
    """A second volume of that name can be made if, and only if, there is none."""
    try:
        second = await matrix.made(name)
    except NameInUse:
        matrix.expect(taken, f"{where}: the name of what is not there is taken")
    else:
        matrix.expect(not taken, f"{where}: the name of a volume was given away")
        await (await matrix.core.volumes.prepare_delete(second)).run("00" * 8)
        await matrix.core.purger.purge(second)


# Expand


async def _a_volume(matrix: Matrix) -> Arguments:
    return {"volume_id": await matrix.made()}


async def _a_large_volume(matrix: Matrix) -> Arguments:
    return {"volume_id": await matrix.made(size_bytes=3 * GIB)}


async def _after_expand(
    matrix: Matrix, arguments: Arguments, told: Told, where: str, *, end_bytes: int = 3 * GIB
) -> Check:
    outcome = await outcome_of(matrix, told)
    volume_id = arguments["volume_id"]
    matrix.expect(outcome is None or isinstance(outcome, Done | Failed), f"{where}: told {outcome}")
    matrix.expect(await matrix.size_bytes(volume_id) in (GIB, 3 * GIB), f"{where}: has an odd size")

    async def check() -> None:
        size_bytes = await matrix.size_bytes(volume_id)
        limit_bytes = await matrix.core.mounted.limit(volume_id)
        matrix.expect(size_bytes == limit_bytes, f"{where}: recorded {size_bytes}, limit {limit_bytes}")
        wanted = (end_bytes,) if isinstance(outcome, Done) else (GIB, 3 * GIB)
        matrix.expect(size_bytes in wanted, f"{where}: told {outcome}, and it has {size_bytes} bytes")
        matrix.expect(kept_in(matrix.data(volume_id)), f"{where}: data was lost")

    return check


# Labels


async def _after_labels(matrix: Matrix, arguments: Arguments, _: Told, where: str) -> Check:
    volume_id = arguments["volume_id"]
    seen = (await matrix.core.volumes.get(volume_id)).labels
    matrix.expect(seen in ({}, {"team": "red"}), f"{where}: odd labels: {seen}")
    listed = (await matrix.core.inventory.observe_many())[volume_id].record
    matrix.expect(listed is not None and listed.labels == seen, f"{where}: a list has others than {seen}")

    async def check() -> None:
        labels = (await matrix.core.volumes.get(volume_id)).labels
        matrix.expect(labels == seen, f"{where}: {seen}, and later {labels}")
        matrix.expect(kept_in(matrix.data(volume_id)), f"{where}: data was lost")

    return check


# Delete and purge


async def _after_delete(matrix: Matrix, arguments: Arguments, told: Told, where: str) -> Check:
    outcome = await outcome_of(matrix, told)
    volume_id = arguments["volume_id"]
    matrix.expect(outcome is None or isinstance(outcome, Done | Failed), f"{where}: told {outcome}")
    deleted = await matrix.size_bytes(volume_id) == 0
    matrix.expect(deleted == isinstance(outcome, Done), f"{where}: told {outcome}, and gone: {deleted}")

    async def check() -> None:
        there = await _is_there(matrix, volume_id)
        matrix.expect(there == (not deleted), f"{where}: gone: {deleted}, and later there: {there}")
        if there:
            matrix.expect(kept_in(matrix.data(volume_id)), f"{where}: data was lost")

    return check


async def _a_deleted_one(matrix: Matrix) -> Arguments:
    return {"volume_id": await matrix.deleted()}


async def _after_purge(matrix: Matrix, arguments: Arguments, told: Told, where: str) -> Check:
    volume_id = arguments["volume_id"]
    matrix.expect(await matrix.size_bytes(volume_id) == 0, f"{where}: what was deleted is shown")

    async def check() -> None:
        matrix.expect(volume_id not in await matrix.core.mounted.ids_in_root(), f"{where}: it is still there")

    return check


async def _after_restore(matrix: Matrix, arguments: Arguments, told: Told, where: str) -> Check:
    outcome = await outcome_of(matrix, told)
    volume_id = arguments["volume_id"]
    matrix.expect(outcome is None or isinstance(outcome, Done | Failed), f"{where}: told {outcome}")
    restored = await matrix.size_bytes(volume_id) > 0
    if outcome is not None:
        matrix.expect(restored == isinstance(outcome, Done), f"{where}: told {outcome}; restored: {restored}")

    async def check() -> None:
        there = await _is_there(matrix, volume_id)
        matrix.expect(there == restored, f"{where}: restored: {restored}, and later there: {there}")
        if there:
            matrix.expect(kept_in(matrix.data(volume_id)), f"{where}: data was lost")

    return check


# Clone


async def _a_source(matrix: Matrix) -> Arguments:
    return {"volume_id": await matrix.made(), "name": fresh_name()}


async def _after_clone(matrix: Matrix, arguments: Arguments, told: Told, where: str, *, ask: bool) -> Check:
    outcome = await outcome_of(matrix, told) if ask else None
    matrix.expect(outcome is None or isinstance(outcome, Done | Failed), f"{where}: told {outcome}")
    clone_id, source_id = told.operation[34:66], arguments["volume_id"]

    async def check() -> None:
        there = bool(clone_id) and await _is_there(matrix, clone_id)
        if outcome is not None:
            matrix.expect(there == isinstance(outcome, Done), f"{where}: told {outcome}; there: {there}")
        if there:
            matrix.expect(kept_in(matrix.data(clone_id)), f"{where}: the clone lacks data")
        matrix.expect(kept_in(matrix.data(source_id)), f"{where}: the source lost data")
        await _name_is_taken(matrix, arguments["name"], there, where)

    return check


# A sweep, and the answer about a dead instance's create: both end what others left


async def _a_complete_create(matrix: Matrix) -> Arguments:
    return {"operation_id": await _orphan(matrix, Step("open /.piragua/names/name-ID", 0))}


async def _a_create_given_up(matrix: Matrix) -> Arguments:
    return {"operation_id": await _orphan(matrix, Step("limit-usage", 0))}


async def _orphan(matrix: Matrix, step: Step) -> str:
    """The operation of a create that died before that step."""
    order = Order("create", {"name": fresh_name()}, matrix.victims_folder, (step.name, step.before))
    told = await anyio.to_thread.run_sync(matrix.victims.send, order)
    assert told.died == step, told
    return told.operation


async def _after_settling(matrix: Matrix, arguments: Arguments, _: Told, where: str, *, made: bool) -> Check:
    operation_id = arguments["operation_id"]
    with anyio.fail_after(20):
        outcome = await matrix.core.operations.poll(operation_id)
    matrix.expect(isinstance(outcome, Done if made else Failed), f"{where}: told {outcome}")

    async def check() -> None:
        there = await _is_there(matrix, operation_id[34:66])
        matrix.expect(there == made, f"{where}: told {outcome}; there: {there}")

    return check


async def _remains(matrix: Matrix) -> Arguments:
    """What creates left that died at their beginning, in the middle and at their end."""
    steps = ("setxattr /ID user.piragua.volume", "limit-usage", "open /.piragua/names/name-ID")
    died = [await _orphan(matrix, Step(name, 0)) for name in steps]
    await matrix.listed_anew()
    matrix.remains += [(operation[34:66], number == 2) for number, operation in enumerate(died)]
    return {}


async def _after_sweep(matrix: Matrix, _: Arguments, __: Told, where: str) -> Check:
    async def check() -> None:
        for volume_id, made in matrix.remains:
            there = await _is_there(matrix, volume_id)
            matrix.expect(there == made, f"{where}: {volume_id} is there: {there}")

    return check


CREATE = Case("create, asked for", "create", _new_name, partial(_after_create, ask=True))
PURGE = Case("purge", "purge", _a_deleted_one, _after_purge)
CREATES = (
    CREATE,
    Case("create, swept", "create", _new_name, partial(_after_create, ask=False)),
    Case("answer about a complete create", "settle", _a_complete_create, partial(_after_settling, made=True)),
    Case("answer about an early create", "settle", _a_create_given_up, partial(_after_settling, made=False)),
)
CHANGES = (
    Case("expand", "expand", _a_volume, _after_expand),
    Case("shrink", "shrink", _a_large_volume, partial(_after_expand, end_bytes=GIB)),
    Case("labels", "label", _a_volume, _after_labels),
    Case("delete", "delete", _a_volume, _after_delete),
    Case("restore", "restore", _a_deleted_one, _after_restore),
)
CLONES = (
    Case("clone, asked for", "clone", _a_source, partial(_after_clone, ask=True)),
    Case("clone, swept", "clone", _a_source, partial(_after_clone, ask=False), one_of_a_kind),
)
REMOVALS = (
    PURGE,
    Case("sweep", "sweep", _remains, _after_sweep, one_of_a_kind),
)
CASES = (*CREATES, *CHANGES, *CLONES, *REMOVALS)
"""Everything that changes the tree. Each part is a file of its own, so that several workers try them at once."""
