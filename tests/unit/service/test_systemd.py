"""What is said to systemd, over a socket as it makes one."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from piragua.service import systemd
from piragua.service.systemd import LEVEL_SIGNALS, Supervisor, ask_to_reload


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[socket.socket]:
    """Where systemd would listen."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(10)
        yield listening


def supervisor(heard: socket.socket, **more: str) -> Supervisor:
    return Supervisor.from_environment({"NOTIFY_SOCKET": heard.getsockname(), **more}, own_pid=42)


def test_states_are_told_one_message_each(heard: socket.socket) -> None:
    told = supervisor(heard)
    told.ready("listening on ::1 port 8080")
    assert heard.recv(4096) == b"READY=1\nSTATUS=listening on ::1 port 8080"
    told.reloading()
    assert heard.recv(4096).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
    told.stopping()
    assert heard.recv(4096).startswith(b"STOPPING=1\n")


def test_an_abstract_address_is_reached() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0piragua-test-{os.getpid()}")
        listening.settimeout(10)
        Supervisor(f"@piragua-test-{os.getpid()}").ready("here")
        assert listening.recv(4096).startswith(b"READY=1")


def test_without_systemd_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[object] = []
    monkeypatch.setattr(socket.socket, "sendto", lambda *message: sent.append(message))
    alone = Supervisor.from_environment({}, own_pid=42)
    alone.ready("nobody hears it")

    async def watchdog_goes_on() -> bool:
        with anyio.move_on_after(10) as patience:
            await alone.keep_watchdog()
        return patience.cancelled_caught

    assert not anyio.run(watchdog_goes_on)
    assert sent == []


def test_a_systemd_that_is_gone_is_noted_and_harms_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG", systemd.__name__):
        Supervisor(str(tmp_path / "nowhere")).ready("nobody hears it")
    assert [record.levelname for record in caplog.records] == ["DEBUG"]
    assert "systemd could not be told READY=1" in caplog.text


def test_signs_of_life_come_more_often_than_asked_and_only_from_the_loop(heard: socket.socket) -> None:
    told = supervisor(heard, WATCHDOG_USEC="200000", WATCHDOG_PID="42")

    async def for_a_while() -> None:
        with anyio.move_on_after(0.5):
            await told.keep_watchdog()

    anyio.run(for_a_while)
    # At least two: one at the beginning, and one in the 0.2 s that it is asked for.
    assert [heard.recv(4096) for _ in range(2)] == [b"WATCHDOG=1"] * 2


@pytest.mark.parametrize("other", [{"WATCHDOG_PID": "43"}, {"WATCHDOG_USEC": ""}, {"WATCHDOG_USEC": "soon"}])
def test_a_watchdog_that_is_not_for_this_process_is_left_alone(
    heard: socket.socket, other: dict[str, str]
) -> None:
    told = supervisor(heard, **{"WATCHDOG_USEC": "200000", **other})
    anyio.run(told.keep_watchdog)
    heard.setblocking(False)
    with pytest.raises(BlockingIOError):
        heard.recv(4096)


def test_a_reload_is_asked_for_with_the_level_and_heard() -> None:
    asked: list[str | None] = []

    async def hear() -> None:
        systemd.on_reload(asked.append)
        for number in (*LEVEL_SIGNALS.values(), signal.SIGHUP):
            os.kill(os.getpid(), number)
        with anyio.fail_after(10):
            while len(asked) < 5:
                await anyio.sleep(0.01)

    anyio.run(hear)
    assert sorted(map(str, asked)) == ["None", "debug", "error", "info", "warning"]


def test_only_a_piragua_is_sent_such_a_signal() -> None:
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as other:
        with pytest.raises(ProcessLookupError):
            ask_to_reload(other.pid, "info")
        assert other.poll() is None
        other.communicate(timeout=10)
    with pytest.raises(OSError, match="No such file"):
        ask_to_reload(2**22 + 1, "info")
