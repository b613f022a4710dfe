"""lab/serve, on a copy of the sources that is edited while it runs."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest

from lab.machine import Machine, inner_pid, wait_until
from tests.support.instance import CHECKOUT

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def machine() -> Iterator[Machine]:
    """A machine with a network of its own, so that port 8080 is free."""
    machine = Machine("developer")
    try:
        yield machine
    finally:
        machine.stop()


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of what is served and of what serves it."""
    copy = tmp_path / "sources"
    for name in ("lab", "piragua"):
        shutil.copytree(CHECKOUT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """Where the private Gluster has its bricks."""
    folder = tmp_path / "disk"
    folder.mkdir()
    return folder


class Started:
    """lab/serve of those sources on that machine. printed: all that it has said so far."""

    def __init__(self, machine: Machine, sources: Path, disk: Path, *options: str) -> None:
        settings = [f"PYTHONPATH={sources}", f"TMPDIR={disk}"]
        argv = ["env", *settings, sys.executable, "-m", "lab.serve", *options]
        self.process = machine.popen(argv, output=subprocess.PIPE)
        assert self.process.stdout is not None
        self._output: IO[bytes] = self.process.stdout
        self.printed = ""

    def read_until(self, words: str) -> str:
        """What it says up to the line with those words."""
        said = ""
        for line in self._output:
            said += line.decode()
            self.printed += line.decode()
            if words in said:
                return said
        pytest.fail(f"it ended and did not say {words!r}:\n{self.printed}")

    def end(self, signum: int) -> int:
        """Send it that signal, and return its exit status."""
        os.kill(inner_pid(self.process), signum)
        self.printed += self._output.read().decode()
        return self.process.wait()


@pytest.fixture
def start(machine: Machine, sources: Path, disk: Path) -> Iterator[Callable[..., Started]]:
    """Starts it; whatever a failed test left of it ends with the machine."""
    started: list[Started] = []

    def start(*options: str) -> Started:
        started.append(Started(machine, sources, disk, *options))
        return started[-1]

    yield start
    machine.stop()
    for each in started:
        each.process.communicate()


def state(machine: Machine, disk: Path) -> dict[str, object]:
    """What it must leave as it was."""
    return {
        "processes": sorted(path.name for path in (machine.root / "proc").glob("[0-9]*")),
        "mounts": Path(f"/proc/{machine.pid}/mountinfo").read_text(),
        "network": machine.run(["ip", "-br", "address"]),
        "files": sorted(disk.iterdir()),
    }


def change(file: Path, old: str, new: str) -> None:
    """Put new words in the place of the old ones, at once as editors do."""
    text = file.read_text()
    assert old in text
    written = file.with_name(f".{file.name}.new")
    written.write_text(text.replace(old, new))
    written.rename(file)


def test_changed_code_answers_and_ctrl_c_leaves_nothing(
    machine: Machine, sources: Path, disk: Path, start: Callable[..., Started]
) -> None:
    def hello() -> str:
        return machine.run(["curl", "-sS", "--noproxy", "*", "http://127.0.0.1:8080/hello"])

    before = state(machine, disk)
    server = start()
    explained = server.read_until("Ctrl-C takes everything down.")
    commands = [line.strip() for line in explained.splitlines() if line.startswith("  ") and "# " not in line]
    export, create, show, gluster = commands
    assert hello() == "Hello from Heketi"
    machine.run(["sh", "-c", f"{export}; {create}"])
    [volume_id] = re.findall(r'\{"volumes":\["(\w+)"\]\}', machine.run(["sh", "-c", f"{export}; {show}"]))
    assert "Volume Name: gv0" in machine.run(["sh", "-c", gluster])

    module = sources / "piragua/frontends/heketi/router.py"
    change(module, "Hello from Heketi", "Hello from changed code")
    assert "Changed: piragua/frontends/heketi/router.py." in server.read_until("Piragua answers again")
    assert hello() == "Hello from changed code"
    assert volume_id in machine.run(["sh", "-c", f"{export}; {show}"])

    change(module, "import", "import import")
    assert "SyntaxError" in server.read_until("Piragua ended with exit status 1. The next change starts it again.")
    change(module, "import import", "import")
    server.read_until("Piragua answers again")
    assert hello() == "Hello from changed code"

    assert server.end(signal.SIGINT) == 0, server.printed
    assert "Nothing of it is left running or mounted." in server.printed
    wait_until(lambda: state(machine, disk) == before, "end of all it started", 10)


def test_code_that_is_broken_from_the_start_is_waited_for(
    machine: Machine, sources: Path, disk: Path, start: Callable[..., Started]
) -> None:
    before = state(machine, disk)
    module = sources / "piragua/core.py"
    module.write_text(f"no python\n{module.read_text()}")
    server = start("--port", "8181")
    assert "SyntaxError" in server.read_until("The next change starts it again.")
    change(module, "no python\n", "")
    assert "at http://127.0.0.1:8181." in server.read_until("Ctrl-C takes everything down.")
    assert server.end(signal.SIGTERM) == 0, server.printed
    wait_until(lambda: state(machine, disk) == before, "end of all it started", 10)
