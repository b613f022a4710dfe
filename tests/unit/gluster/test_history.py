"""Other people's commands, as the history of glusterd shows them."""

from pathlib import Path

import anyio
import pytest

from piragua.gluster.history import Backoff, CommandHistory

pytestmark = pytest.mark.anyio

TIME = "[2026-11-20 10:00:00.000000 +0000]  : "
BUSY = "FAILED : Another transaction is in progress for gv0. Please try again after some time."
OURS = "volume quota gv0 limit-usage /11111111-2222-4333-8444-555555555555 1073741824"


class History:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "cmd_history.log"
        self.path.write_text("")

    def add(self, command: str, end: str) -> None:
        with self.path.open("a") as file:
            file.write(f"{TIME}{command} : {end}\n")


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path)


def test_only_what_is_new_and_others_counts(history: History) -> None:
    history.add("volume set gv0 user.x 1", BUSY)
    seen = CommandHistory(history.path)
    assert seen.others() == []
    history.add("volume set gv0 user.x 2", BUSY)
    history.add(OURS, BUSY)
    for word in ("limit-objects", "remove", "remove-objects"):
        history.add(OURS.replace("limit-usage", word), "SUCCESS")
    history.add("volume set gv0 user.x 3", "SUCCESS")
    history.add("volume set gv0 no.such 3", "FAILED : volume set: failed: option : no.such does not exist")
    assert seen.others() == [True, False, False]
    assert seen.others() == []


def test_an_administrators_own_limit_is_not_taken_for_ours(history: History) -> None:
    seen = CommandHistory(history.path)
    seen.others()
    history.add("volume quota gv0 limit-usage /projects 10GB", BUSY)
    assert seen.others() == [True]


def test_half_a_line_is_read_when_it_is_whole(history: History) -> None:
    seen = CommandHistory(history.path)
    seen.others()
    with history.path.open("a") as file:
        file.write(f"{TIME}volume set gv0 user.x 1 : FAI")
    assert seen.others() == []
    with history.path.open("a") as file:
        file.write(f"{BUSY.removeprefix('FAI')}\n")
    assert seen.others() == [True]


def test_a_rotated_history_is_read_from_its_start(history: History) -> None:
    history.add("volume set gv0 user.x 1", "SUCCESS")
    history.add("volume set gv0 user.x 1", "SUCCESS")
    seen = CommandHistory(history.path)
    seen.others()
    history.path.rename(history.path.with_suffix(".log.1"))
    history.add("volume set gv0 user.x 2", BUSY)
    assert seen.others() == [True]


def test_a_history_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    assert CommandHistory(tmp_path / "cmd_history.log").others() == []


async def test_who_was_refused_comes_first(history: History, tmp_path: Path) -> None:
    async def directory() -> Path:
        return tmp_path

    backoff = Backoff(directory, look_seconds=0, pause_seconds=60)
    with anyio.fail_after(20):
        await backoff.let_in()
        history.add("volume set gv0 user.x 1", BUSY)
        async with anyio.create_task_group() as group:
            waited = anyio.Event()

            async def ask() -> None:
                await backoff.let_in()
                waited.set()

            group.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            assert not waited.is_set()
            history.add(OURS, "SUCCESS")
            history.add("volume set gv0 user.x 1", "SUCCESS")
        await backoff.let_in()


async def test_who_does_not_come_again_is_not_waited_for_long(history: History, tmp_path: Path) -> None:
    async def directory() -> Path:
        return tmp_path

    backoff = Backoff(directory, look_seconds=0, pause_seconds=0.1)
    await backoff.let_in()
    history.add("volume set gv0 user.x 1", BUSY)
    with anyio.fail_after(20):
        await backoff.let_in()


async def test_without_logs_nobody_waits() -> None:
    async def nowhere() -> None:
        return None

    with anyio.fail_after(20):
        await Backoff(nowhere, look_seconds=0).let_in()
