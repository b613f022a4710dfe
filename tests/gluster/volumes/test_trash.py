"""The trash on a real Gluster: what comes back and how, what does not, and who decides when it goes for good."""

import asyncio
import errno
import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
import yaml  # type: ignore[import-untyped]
from click.testing import CliRunner, Result

from lab.machine import wait_until
from lab.write_until_refused import BYTES_PER_MIB
from piragua.cli.main import main
from piragua.errors import MountError, MountTimeout
from piragua.models import dashed
from piragua.tree import layout
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.record import NOT_DELETED, Deletion, Record
from piragua.tree.states import State
from piragua.upkeep.purging import data_purger
from piragua.upkeep.purging.reasons import Paused
from tests.support.by_hand import MAKERS, ByHand, record_of
from tests.support.calls import ask, go_client
from tests.support.core import Core, running_core, uncached_mount
from tests.support.instance import ADMIN_KEY, Instance
from tests.support.limits import write_counted
from tests.support.pool import GlusterVolume

pytestmark = pytest.mark.anyio

DAY_SECONDS = 86400
SMALL_MIB = 8
NONCE = "0123456789abcdef"

_WRITER = """
import os, sys
folder, number = sys.argv[1], 0
os.chdir(folder)
if sys.argv[2] == "nobody":
    os.setgid(4711)
    os.setuid(4711)
print("writing", flush=True)
while True:
    number += 1
    try:
        os.makedirs(f"directory{number % 7}", exist_ok=True)
        with open(f"directory{number % 7}/{number}", "w") as file:
            file.write("more")
    except OSError:
        pass
"""


class Died(BaseException):
    """Stands for the death of the process: nothing of its own is done after it."""


async def deleted(core: Core, volume_id: str) -> str:
    """The volume, deleted over the API."""
    answer = await core.http.delete(f"/volumes/{volume_id}")
    assert answer.status_code == 202
    assert (await core.ended(answer)).status_code == 204
    return volume_id


async def restored(core: Core, volume_id: str) -> dict[str, Any]:
    """The volume, restored over the API and shown."""
    answer = await core.http.post(f"/piragua/v1/trash/{volume_id}/restore")
    assert answer.status_code == 202, answer.text
    told = await core.ended(answer)
    assert (told.status_code, told.headers.get("location")) == (303, f"/volumes/{volume_id}"), told.text
    return await shown(core, volume_id)


async def shown(core: Core, volume_id: str) -> dict[str, Any]:
    """The volume as it is shown; devices are found out in the background."""
    answer: dict[str, Any] = (await core.http.get(f"/volumes/{volume_id}")).json()
    del answer["bricks"]
    return answer


async def trash(core: Core) -> dict[str, dict[str, Any]]:
    """What is in the trash, by id."""
    return {each["id"]: each for each in (await core.http.get("/piragua/v1/trash")).json()["trash"]}


async def purging(core: Core, state: str) -> None:
    """Sets whether anything is purged."""
    assert (await core.http.post("/piragua/v1/purge", json={"state": state})).status_code == 204


def small(hand: ByHand) -> str:
    """A volume whose limit is soon reached."""
    volume_id = hand.directory()
    hand.data(hand.record(volume_id, replace(record_of(volume_id), size_bytes=SMALL_MIB * BYTES_PER_MIB)))
    return hand.tell(hand.published(hand.limit(volume_id, SMALL_MIB * BYTES_PER_MIB)))


async def test_a_volume_comes_back_as_it_was_while_it_stays_mounted(
    volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    volume_id = small(hand)
    async with running_core(volume, folder, retention_seconds=DAY_SECONDS) as core:
        before = await shown(core, volume_id)
        mounted = volume.deep_mount(before["name"])
        with (mounted / "log").open("w") as log:
            log.write("before, ")
            log.flush()
            await deleted(core, volume_id)
            assert (await core.http.get(f"/volumes/{volume_id}")).status_code == 404
            log.write("in the trash, ")
            log.flush()
            assert await restored(core, volume_id) == before
            log.write("after")
        assert (hand.data_path(volume_id) / "log").read_text() == "before, in the trash, after"
        written_mib, refused = write_counted(mounted / "big", SMALL_MIB, most_mib=3 * SMALL_MIB)
        assert refused == errno.EDQUOT, "its limit was on all the time"
        assert written_mib <= SMALL_MIB
        assert volume_id not in await trash(core)
        assert volume_id in (await core.http.get("/volumes")).json()["volumes"]


async def test_the_trash_says_what_is_in_it_and_until_when(
    volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    volume_id = hand.volume_with()
    async with running_core(volume, folder, retention_seconds=3600) as core:
        cluster = (await core.http.get(f"/volumes/{volume_id}")).json()["cluster"]
        earliest = datetime.now(UTC).replace(microsecond=0)
        await deleted(core, volume_id)
        entry = (await trash(core))[volume_id]
        times = [datetime.fromisoformat(entry.pop(name)) for name in ("deleted", "purge_due")]
        assert earliest <= times[0] <= datetime.now(UTC)
        assert (times[1] - times[0]).total_seconds() == 3600
        assert entry == {
            "id": volume_id,
            "cluster": cluster,
            "gluster_volume": volume.name,
            "state": "restorable",
            "name": f"vol_{volume_id}",
            "size_bytes": 2**30,
        }


async def test_what_cannot_be_restored_is_refused_with_the_reason(
    volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    deletion = Deletion(datetime.now(UTC), DAY_SECONDS)
    failed = hand.deleted(hand.record(hand.directory()), deletion)
    clone = hand.deleted(
        hand.data(hand.record(hand.directory(), Record(2**30, "c", clone_source="a" * 32)), "c"), deletion
    )
    expected = {
        "f" * 32: (404, "Id not found"),
        "no-id": (404, "Invalid path or request"),
        hand.volume_with(): (409, "not in the trash"),
        hand.tell(MAKERS["purging"](hand)): (409, "being purged"),
        hand.tell(MAKERS["closed"](hand)): (409, "being purged"),
        hand.tell(MAKERS["returned"](hand)): (409, "being purged"),
        hand.tell(failed): (409, "never complete"),
        hand.tell(clone): (409, "never complete"),
        hand.tell(hand.deleted(MAKERS["record newer"](hand), deletion)): (503, "format 2"),
        hand.tell(MAKERS["gone unreadable"](hand)): (503, "unclear"),
    }
    async with running_core(volume, folder, purges=False) as core:
        for volume_id, (status, text) in expected.items():
            answer = await core.http.post(f"/piragua/v1/trash/{volume_id}/restore")
            assert (answer.status_code, text in answer.text) == (status, True), answer.text
        states = {volume_id: entry["state"] for volume_id, entry in (await trash(core)).items()}
        assert states[failed] == states[clone] == "never complete"


async def test_a_name_that_was_taken_meanwhile_is_a_conflict(
    volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    async with running_core(volume, folder, retention_seconds=DAY_SECONDS) as core:

        async def create() -> str:
            answer = await core.http.post("/volumes", json={"size": 1, "name": "wanted"})
            told = await core.ended(answer)
            return str(told.headers["location"].rpartition("/")[2])

        first = await deleted(core, await create())
        second = await create()
        refused = await core.http.post(f"/piragua/v1/trash/{first}/restore")
        assert (refused.status_code, refused.text) == (409, "Volume name 'wanted' already in use\n")
        assert (await trash(core))[first]["state"] == "restorable"
        await deleted(core, second)
        assert (await restored(core, first))["name"].endswith("/wanted")
        taken = await core.http.post("/volumes", json={"size": 1, "name": "wanted"})
        assert "already in use" in taken.text, "the name is its own again"
        assert (await core.http.post(f"/piragua/v1/trash/{second}/restore")).status_code == 409


@pytest.mark.parametrize("line", ["trash", "trash, closed"])
async def test_a_volume_whose_directory_was_closed_is_opened(
    line: str, volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    volume_id = hand.tell(MAKERS[line](hand))
    async with running_core(volume, folder, purges=False) as core:
        await restored(core, volume_id)
    assert hand.path(volume_id).stat().st_mode & 0o7777 == 0o755
    assert os.getxattr(hand.path(volume_id), layout.DELETION_XATTR) == NOT_DELETED
    assert (folder / layout.NAMES / f"vol_{volume_id}").read_text() == volume_id


async def test_a_limit_that_went_meanwhile_is_back_before_the_volume_is(
    volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    volume_id = hand.volume_with()
    async with running_core(volume, folder, retention_seconds=DAY_SECONDS) as core:
        await deleted(core, volume_id)
        hand.quota("remove", f"/{dashed(volume_id)}")
        await restored(core, volume_id)
        assert await core.mounted.limit(volume_id) == 2**30


async def test_a_volume_of_the_original_comes_back_as_it_stands(
    volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    volume_id = hand.tell(MAKERS["original"](hand))
    async with running_core(volume, folder, retention_seconds=DAY_SECONDS) as core:
        before = await shown(core, volume_id)
        await deleted(core, volume_id)
        assert (await trash(core))[volume_id]["name"] == f"vol_{volume_id}"
        assert await restored(core, volume_id) == before
        assert (await core.mounted.observe(volume_id)).state is State.ORIGINAL


async def test_a_restored_volume_outlives_its_retention_on_every_instance(
    volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    volume_id = hand.volume_with(files=1)
    async with (
        running_core(volume, folder, retention_seconds=3600) as here,
        running_core(volume, uncached_mount(volume)) as there,
    ):
        await deleted(here, volume_id)
        await there.sweep.sweep()
        answer = await here.http.post(f"/piragua/v1/trash/{volume_id}/restore")
        told = await there.http.get(answer.headers["location"])
        assert (told.status_code, told.headers["location"]) == (303, f"/volumes/{volume_id}"), "whoever is asked"
        assert volume_id in (await there.http.get("/volumes")).json()["volumes"]
        for core in (here, there):
            core.clock.pass_by(3601)
            await core.sweep.sweep()
            await core.purger.purge(volume_id)
        assert (hand.data_path(volume_id) / "file0").read_text() == "kept"


STEPS = ("claim_name", "tell", "write_record", "mark_published", "open_again", "unmark_deleted")
POINTS = [("before", "claim_name"), *(("after", step) for step in STEPS)]


async def test_a_death_at_any_step_leaves_it_in_the_trash_or_restored(
    volume: GlusterVolume, folder: Path, hand: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing in between: it can be restored again, or be purged, and its name is then free."""
    async with running_core(volume, folder, purges=False) as core:
        names = {point: [f"{point[0]}_{point[1]}_{number}" for number in range(2)] for point in POINTS}
        ids = {name: _needs_every_step(hand, name) for pair in names.values() for name in pair}
        for (when, step), pair in names.items():
            with monkeypatch.context() as patched:
                jobs = [await core.volumes.prepare_restore(ids[name]) for name in pair]
                _dies(patched, step, when)
                for job in jobs:
                    with pytest.raises(Died):
                        await job.run(NONCE)
            done = (when, step) == ("after", "unmark_deleted")
            for name in pair:
                assert (await core.mounted.observe(ids[name])).state is (State.VOLUME if done else State.TRASH)
                told = await core.http.get(f"/queue/04{jobs[0].gluster_volume_id}{ids[name]}{NONCE}")
                assert told.status_code == (303 if done else 500), "whoever polls is told what is so"
        await core.sweep_twice()
        for point, (again, left) in names.items():
            if point != ("after", "unmark_deleted"):
                await restored(core, ids[again])
                assert (await core.http.delete(f"/piragua/v1/trash/{ids[left]}")).status_code == 204
                await core.purger.purge(ids[left])
                assert not hand.path(ids[left]).exists()
                assert not (folder / layout.NAMES / left).exists()
            assert (hand.data_path(ids[again]) / "file0").read_text() == "kept"
            assert await core.mounted.limit(ids[again]) == 2**30


def _needs_every_step(hand: ByHand, name: str) -> str:
    """In the trash, without the mark of a volume and with the mode that says "deleted" as well."""
    volume_id = hand.directory()
    hand.record(volume_id, replace(record_of(""), name=name, operations=("f" * 16,)))
    hand.deleted(hand.limit(hand.data(volume_id, name, files=1)), Deletion(datetime.now(UTC), DAY_SECONDS))
    hand.path(volume_id).chmod(layout.CLOSED_MODE)
    return hand.tell(volume_id)


def _dies(patched: pytest.MonkeyPatch, step: str, when: str) -> None:
    real = getattr(ProvenMount, step)

    async def dying(*arguments: object) -> None:
        if when == "after":
            await real(*arguments)
        raise Died

    patched.setattr(ProvenMount, step, dying)


async def test_what_fails_is_told_and_leaves_the_name_free(
    volume: GlusterVolume, folder: Path, hand: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume_id = hand.volume_with(replace(record_of(""), name="unlucky"))
    async with running_core(volume, folder, retention_seconds=DAY_SECONDS) as core:
        await deleted(core, volume_id)
        with monkeypatch.context() as patched:

            async def refuse(self: ProvenMount, *arguments: object) -> None:
                raise MountError("/mnt", errno.EIO, os.strerror(errno.EIO))

            patched.setattr(ProvenMount, "unmark_deleted", refuse)
            answer = await core.http.post(f"/piragua/v1/trash/{volume_id}/restore")
            told = await core.ended(answer)
        assert (told.status_code, "Input/output error" in told.text) == (500, True)
        assert not (folder / layout.NAMES / "unlucky").exists()
        assert (await restored(core, volume_id))["name"].endswith("/unlucky")


@pytest.mark.parametrize("happens", [True, False])
async def test_a_last_step_whose_end_is_not_known_is_told_as_it_turns_out(
    volume: GlusterVolume, folder: Path, hand: ByHand, monkeypatch: pytest.MonkeyPatch, happens: bool
) -> None:
    """Of a restore and of a delete: the call did not return in time, and may have done its work."""
    volume_id = hand.volume_with(files=1)

    def hang_at(step: str, patched: pytest.MonkeyPatch) -> None:
        real = getattr(ProvenMount, step)

        async def hanging(*arguments: object) -> None:
            if happens:
                await real(*arguments)
            raise MountTimeout("/mnt", 0, "as the test wants it")

        patched.setattr(ProvenMount, step, hanging)

    async with running_core(volume, folder, retention_seconds=DAY_SECONDS, purges=False) as core:
        with monkeypatch.context() as patched:
            hang_at("mark_deleted", patched)
            answer = await core.http.delete(f"/volumes/{hand.tell(volume_id)}")
            told = await core.ended(answer)
        assert told.status_code == (204 if happens else 500)
        assert happens or "as the test wants it" in told.text
        if not happens:
            await deleted(core, volume_id)
        with monkeypatch.context() as patched:
            hang_at("unmark_deleted", patched)
            answer = await core.http.post(f"/piragua/v1/trash/{volume_id}/restore")
            told = await core.ended(answer)
        assert told.status_code == (303 if happens else 500)
        assert happens or "as the test wants it" in told.text
        assert (await core.mounted.observe(volume_id)).state is (State.VOLUME if happens else State.TRASH)


async def test_a_restore_and_a_create_of_one_name_leave_one_owner(
    volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    async with running_core(volume, folder, retention_seconds=DAY_SECONDS) as core:
        for number in range(6):
            name = f"raced{number}"
            volume_id = await deleted(core, hand.volume_with(replace(record_of(""), name=name)))
            calls: list[tuple[str, dict[str, Any]]] = [
                (f"/piragua/v1/trash/{volume_id}/restore", {}),
                ("/volumes", {"size": 1, "name": name}),
            ]
            replies = await asyncio.gather(
                *(core.http.post(path, json=body) for path, body in calls[:: 1 if number % 2 else -1])
            )
            assert sorted(reply.status_code for reply in replies) in ([202, 409], [202, 500])
            with anyio.fail_after(20):
                while core.operations.ongoing_count:
                    await anyio.sleep(0.01)
            ids = (await core.http.get("/volumes")).json()["volumes"]
            answers = [await core.http.get(f"/volumes/{each}") for each in ids]
            names = [answer.json()["name"] for answer in answers if answer.status_code == 200]
            assert len([each for each in names if each.endswith(f"/{name}")]) == 1


async def test_purging_now_ends_the_retention(volume: GlusterVolume, folder: Path, hand: ByHand) -> None:
    async with running_core(volume, folder, retention_seconds=DAY_SECONDS) as core:
        kept, doomed = await deleted(core, hand.volume_with()), await deleted(core, hand.volume_with(files=3))
        assert (await core.http.delete(f"/piragua/v1/trash/{doomed}")).status_code == 204
        assert (await core.http.post(f"/piragua/v1/trash/{doomed}/restore")).status_code in (404, 409)
        await core.until_absent(doomed)
        assert (await core.http.delete(f"/piragua/v1/trash/{doomed}")).status_code in (204, 404)
        assert kept in await trash(core)
        living = hand.volume_with(files=1)
        assert (await core.http.delete(f"/piragua/v1/trash/{living}")).status_code == 409
        assert (await core.http.delete(f"/piragua/v1/trash/{'f' * 32}")).status_code == 404
        assert (hand.data_path(living) / "file0").exists()


async def test_purging_now_waits_for_a_clone_that_reads_it(
    volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    async with running_core(volume, folder, retention_seconds=DAY_SECONDS) as core:
        volume_id = await deleted(core, hand.volume_with(files=1))
        reading = await core.mounted.take_reading(volume_id, timeout_seconds=0)
        assert (await core.http.delete(f"/piragua/v1/trash/{volume_id}")).status_code == 204
        assert (await core.mounted.observe(volume_id)).state is State.TRASH, "what is read is not called purged"
        assert (hand.data_path(volume_id) / "file0").exists()
        await reading.release()
        await core.until_absent(volume_id)


async def test_a_pause_holds_for_all_instances_and_survives_their_restart(
    volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    waiting = hand.volume_with(files=1)
    elsewhere = uncached_mount(volume)
    async with running_core(volume, folder) as here, running_core(volume, elsewhere) as there:
        await purging(here, "paused")
        await deleted(there, waiting)
        for core in (here, there):
            told = (await core.http.get("/piragua/v1/purge")).json()
            assert (told["state"], told["clusters"][0]["workers"]) == ("paused", 2)
            assert told["clusters"][0]["waiting"] >= 1
            with pytest.raises(Paused):
                await core.purger.purge(waiting)
    async with running_core(volume, folder) as here, running_core(volume, elsewhere) as there:
        await here.sweep.sweep()
        with pytest.raises(Paused):
            await here.purger.purge(waiting)
        assert (hand.data_path(waiting) / "file0").exists()
        await purging(there, "running")
        await here.until_absent(waiting)


async def test_a_pause_stops_what_is_being_emptied_and_it_says_what_is_left(
    volume: GlusterVolume, folder: Path, hand: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_purger, "_ENTRIES_AT_A_TIME", 10)
    volume_id = hand.volume_with()
    data = hand.data_path(volume_id)
    (data / "big").write_bytes(os.urandom(2 * BYTES_PER_MIB))
    for number in range(250):
        (data / f"{number}").touch()
    async with running_core(volume, folder) as core:
        await deleted(core, volume_id)
        with anyio.fail_after(20):
            while (await trash(core))[volume_id].get("entries_removed", 0) < 10:
                await anyio.sleep(0.01)
        await purging(core, "paused")
        with anyio.fail_after(20):
            while core.purger.progress(volume_id).working:  # type: ignore[union-attr]
                await anyio.sleep(0.01)
        entry = (await trash(core))[volume_id]
        assert entry["state"] == "purging"
        left = len(os.listdir(data))
        assert 0 < left == 251 - entry["entries_removed"]
        assert "bytes_left" in entry
        assert data.stat().st_mode & 0o7777 == 0, "only root can make anything new in it"
        await purging(core, "running")
        await core.until_absent(volume_id)


async def test_a_pause_that_cannot_be_read_counts_as_one(
    volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    async with running_core(volume, folder) as core:
        assert (await core.http.post("/piragua/v1/purge", json={"state": "perhaps"})).status_code == 422
        await core.mounted.set("purge", b"{half")
        volume_id = await deleted(core, hand.volume_with(files=1))
        with pytest.raises(Paused):
            await core.purger.purge(volume_id)
        await purging(core, "running")
        await core.until_absent(volume_id)


@pytest.mark.parametrize("user", ["root", "nobody"])
async def test_a_writer_that_never_stops_keeps_no_volume(
    user: str, volume: GlusterVolume, folder: Path, hand: ByHand
) -> None:
    """It writes from before the delete until the volume is gone."""
    volume_id = hand.volume_with()
    hand.data_path(volume_id).chmod(0o777)
    deep = volume.deep_mount(f"{volume.name}/{dashed(volume_id)}/vol_{volume_id}")
    argv = [sys.executable, "-c", _WRITER, str(deep), user]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as writer:
        try:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"writing\n"
            async with running_core(volume, folder) as core:
                await deleted(core, volume_id)
                await core.until_absent(volume_id, timeout_seconds=60)
                assert writer.poll() is None, "it writes still"
        finally:
            writer.kill()


async def test_the_extensions_describe_themselves(volume: GlusterVolume, folder: Path) -> None:
    async with running_core(volume, folder, purges=False) as core:
        paths = (await core.http.get("/piragua/v1/openapi.json")).json()["paths"]
    assert {(path, method) for path, methods in paths.items() for method in methods} == {
        ("/piragua/v1/trash", "get"),
        ("/piragua/v1/trash/{volume_id}", "delete"),
        ("/piragua/v1/trash/{volume_id}/restore", "post"),
        ("/piragua/v1/purge", "get"),
        ("/piragua/v1/purge", "post"),
        ("/piragua/v1/volumes", "get"),
        ("/piragua/v1/volumes", "post"),
        ("/piragua/v1/volumes/{volume_id}", "get"),
        ("/piragua/v1/volumes/{volume_id}/labels", "put"),
        ("/piragua/v1/volumes/{volume_id}/labels", "patch"),
        ("/piragua/v1/volumes/{volume_id}/shrink", "post"),
        ("/piragua/v1/usage", "get"),
        ("/piragua/v1/status", "get"),
        ("/piragua/v1/operations", "get"),
        ("/piragua/v1/openapi.json", "get"),
    }
    assert "409" in paths["/piragua/v1/trash/{volume_id}/restore"]["post"]["responses"]


def piragua_trash(instance: Instance, *words: str, key: str = ADMIN_KEY, text: str | None = None) -> Result:
    """`piragua trash ...`, run on a machine that only has the server's URL and the key."""
    environment = {"PIRAGUA_SERVER": instance.url, "PIRAGUA_ADMIN_KEY": key}
    return CliRunner().invoke(main, ["trash", *words], env=environment, input=text)


def test_the_command_line_lists_restores_and_purges(volume: GlusterVolume) -> None:
    instance = volume.start_instance(settings={"PIRAGUA_TRASH_RETENTION": "24h"})
    client = go_client(instance)
    kept, named, doomed = client.create({"size": 1, "gid": 2000}), *(client.create({"size": 1}) for _ in range(2))
    for each in (kept, named, doomed):
        client.delete(each["id"])

    listed = piragua_trash(instance, "list")
    assert listed.exit_code == 0
    row = next(line for line in listed.stdout.splitlines() if line.startswith(kept["id"]))
    assert f"vol_{kept['id']}  {volume.name}" in row
    assert row.endswith("restorable")
    in_json = json.loads(piragua_trash(instance, "list", "--json").stdout)["trash"]
    assert {each["id"] for each in in_json} >= {kept["id"], named["id"], doomed["id"]}

    restored = piragua_trash(instance, "restore", kept["id"][:12], "--persistent-volume", "--claim", "data")
    assert (restored.exit_code, restored.stderr) == (0, f"restored {kept['id']}: {kept['name']}, 1 GiB\n")
    endpoints, service, persistent = yaml.safe_load_all(restored.stdout)
    hosts = kept["mount"]["glusterfs"]["hosts"]
    assert endpoints["subsets"] == [
        {"addresses": [{"ip": host} for host in hosts], "ports": [{"port": 1, "protocol": "TCP"}]}
    ]
    names = {(each["metadata"]["name"], each["metadata"]["namespace"]) for each in (endpoints, service)}
    assert persistent["kind"] == "PersistentVolume"
    assert persistent["metadata"]["annotations"]["gluster.kubernetes.io/heketi-volume-id"] == kept["id"]
    assert persistent["metadata"]["annotations"]["pv.beta.kubernetes.io/gid"] == "2000"
    assert persistent["spec"]["capacity"] == {"storage": "1Gi"}
    assert persistent["spec"]["claimRef"] == {"namespace": "default", "name": "data"}
    source = persistent["spec"]["glusterfs"]
    assert source["path"] == kept["name"] == f"{volume.name}/{dashed(kept['id'])}/vol_{kept['id']}"
    assert {(source["endpoints"], source["endpointsNamespace"])} == names
    assert client.info(kept["id"])["id"] == kept["id"]
    (volume.deep_mount(source["path"]) / "file").write_text("bound again")

    assert piragua_trash(instance, "restore", f"vol_{named['id']}").exit_code == 0
    again = piragua_trash(instance, "restore", named["id"])
    assert (again.exit_code, again.stderr) == (
        4,
        f"piragua: no volume in the trash has the id or the name '{named['id']}'\n",
    )

    unsure = piragua_trash(instance, "purge", doomed["id"], text="n\n")
    assert (unsure.exit_code, f"vol_{doomed['id']}" in unsure.stderr) == (2, True), "nobody can be asked"
    assert any(
        each["id"] == doomed["id"]
        for each in json.loads(piragua_trash(instance, "list", "--json").stdout)["trash"]
    )
    assert piragua_trash(instance, "pause").exit_code == 0
    assert "is paused" in piragua_trash(instance, "list").stderr
    assert piragua_trash(instance, "purge", doomed["id"], "--yes").exit_code == 0
    refused = piragua_trash(instance, "restore", doomed["id"])
    assert (refused.exit_code, "being purged and cannot be restored" in refused.stderr) == (1, True)
    assert piragua_trash(instance, "resume").exit_code == 0
    wait_until(lambda: doomed["id"] not in piragua_trash(instance, "list").stdout, "the purge", 30)

    assert "signature is invalid" in piragua_trash(instance, "list", key="another key").stderr
    assert ask(instance, "GET", "/piragua/v1/trash", user="user").status_code == 401


@pytest.mark.parametrize("deleted_after", ["it was asked", "it was prepared"])
async def test_a_second_delete_does_not_wait_for_the_purge(
    volume: GlusterVolume, folder: Path, hand: ByHand, deleted_after: str
) -> None:
    async with running_core(volume, folder, retention_seconds=DAY_SECONDS) as core:
        volume_id = hand.volume_with(files=1)
        early = await core.volumes.prepare_delete(volume_id)
        await deleted(core, volume_id)
        purge = await core.mounted.take_id(volume_id, timeout_seconds=5)
        try:
            second = await core.volumes.prepare_delete(volume_id) if deleted_after == "it was asked" else early
            with anyio.fail_after(20):
                await second.run("nonce")
        finally:
            await purge.release()
        assert volume_id in await trash(core)
