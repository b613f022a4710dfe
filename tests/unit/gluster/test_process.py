"""One run of a program, against programs that behave badly."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from piragua.gluster.child import Child, NotStarted, Output, Unanswered
from piragua.gluster.process import run
from tests.support.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.anyio

LATE_SECONDS = 0.3


def never_stuck(child: Child) -> None:
    raise AssertionError("a process outlived its kill")


async def sh(script: str, *, timeout_seconds: float = PATIENCE_SECONDS, **limits: float) -> Output:
    return await run(
        ("sh", "-c", script),
        timeout_seconds=timeout_seconds,
        on_stuck=never_stuck,
        drain_seconds=limits.get("drain_seconds", PATIENCE_SECONDS),
        output_limit_bytes=int(limits.get("output_limit_bytes", 2**20)),
    )


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def until_dead(pid: int) -> None:
    await until(lambda: not is_alive(pid))


def is_written(file: Path) -> bool:
    """Whether a script has written its whole line there."""
    return file.exists() and file.read_text().endswith("\n")


async def pid_in(file: Path) -> int:
    await until(lambda: is_written(file))
    return int(file.read_bytes())


async def test_output_errors_and_status_come_back() -> None:
    output = await sh("echo out; echo err >&2; exit 3")

    assert output == Output(b"out\n", b"err\n", 3)


async def test_arguments_get_there_as_they_are() -> None:
    odd = ("a b", "$(id)", "new\nline", "'", '"', ";", "")
    code = "import sys; print(sys.argv[1:])"
    output = await run((sys.executable, "-c", code, *odd), timeout_seconds=PATIENCE_SECONDS, on_stuck=never_stuck)

    assert output.stdout.decode().strip() == str(list(odd))


async def test_the_locale_is_fixed_and_secrets_of_the_service_stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("PIRAGUA_ADMIN_KEY", "secret")

    printed = (await sh("env")).stdout.decode()

    assert "LC_ALL=C\n" in printed
    assert "secret" not in printed


async def test_a_program_that_is_not_there_was_not_run() -> None:
    with pytest.raises(NotStarted, match="No such file"):
        await run(("/nowhere/gluster",), timeout_seconds=PATIENCE_SECONDS, on_stuck=never_stuck)


async def test_it_reads_nothing_from_the_terminal() -> None:
    assert (await sh("cat; echo end")).stdout == b"end\n"


async def test_a_late_program_is_killed_though_it_ignores_sigterm(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"

    with pytest.raises(Unanswered, match="no answer within") as late:
        await sh(
            f"trap '' TERM INT HUP; echo $$ > {pid_file}; while :; do sleep 1; done", timeout_seconds=LATE_SECONDS
        )

    assert not late.value.died
    await until_dead(await pid_in(pid_file))


async def test_a_grandchild_dies_with_its_late_parent(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"

    with pytest.raises(Unanswered):
        await sh(f"sleep 1000 & echo $! > {pid_file}; wait", timeout_seconds=LATE_SECONDS)

    await until_dead(await pid_in(pid_file))


async def test_a_grandchild_that_holds_the_pipe_holds_nobody_up(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"

    async with asyncio.timeout(PATIENCE_SECONDS):
        output = await sh(f"echo done; sleep 1000 & echo $! > {pid_file}", drain_seconds=LATE_SECONDS)

    assert (output.stdout, output.status) == (b"done\n", 0)
    await until_dead(await pid_in(pid_file))


async def test_a_grandchild_in_a_session_of_its_own_holds_nobody_up(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            with pytest.raises(Unanswered):
                await sh(
                    f"setsid sh -c 'echo $$ > {pid_file}; exec sleep 1000' & wait", timeout_seconds=LATE_SECONDS
                )
    finally:
        os.kill(await pid_in(pid_file), signal.SIGKILL)


async def test_endless_output_is_stopped() -> None:
    with pytest.raises(Unanswered, match="1000 bytes"):
        await sh("yes", output_limit_bytes=1000)


async def test_output_is_complete_when_it_is_larger_than_a_pipe() -> None:
    assert len((await sh("head -c 500000 /dev/zero")).stdout) == 500000


async def test_a_cancelled_run_leaves_no_process(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    task = asyncio.create_task(sh(f"echo $$ > {pid_file}; sleep 1000"))
    pid = await pid_in(pid_file)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await until_dead(pid)


@pytest.mark.parametrize("steps", range(8))
async def test_a_run_that_is_cancelled_in_its_start_ends_and_leaves_nothing(
    steps: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid_file = tmp_path / "pid"
    started: list[Child] = []
    begin = Child.connection_made

    def noted(child: Child, transport: asyncio.BaseTransport) -> None:
        started.append(child)
        begin(child, transport)

    monkeypatch.setattr(Child, "connection_made", noted)
    others = asyncio.all_tasks()
    task = asyncio.create_task(sh(f"sleep 1000 & echo $! > {pid_file}; wait"))
    for _ in range(steps):
        await asyncio.sleep(0)

    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=PATIENCE_SECONDS)

    assert task in done
    assert task.cancelled()
    # Either it was never started, or it is dead, and so is its grandchild if it came to start one.
    await until(lambda: asyncio.all_tasks() == others and all(child.exited for child in started))
    if is_written(pid_file):
        await until_dead(await pid_in(pid_file))


async def test_a_process_that_survives_the_kill_is_counted_not_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    """An uninterruptible process can't be made at will: one is left that no signal was sent to."""
    stuck: list[Child] = []
    monkeypatch.setattr(os, "killpg", lambda group, signum: None)
    started = time.monotonic()

    with pytest.raises(Unanswered):
        await run(
            ("sleep", "1000"), timeout_seconds=LATE_SECONDS, kill_seconds=LATE_SECONDS, on_stuck=stuck.append
        )

    assert time.monotonic() - started < PATIENCE_SECONDS
    assert len(stuck) == 1
    # Letting go of the pipes has asyncio kill the program itself: it is not left behind by this test.
    async with asyncio.timeout(PATIENCE_SECONDS):
        await stuck[0].until(lambda: stuck[0].exited)
