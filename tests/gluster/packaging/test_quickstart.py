"""lab/quickstart, on a machine whose own glusterd runs."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from lab.machine import inner_pid, wait_until
from lab.private_gluster import Node, PrivateGluster
from tests.support.instance import CHECKOUT

QUICKSTART = ["env", f"PYTHONPATH={CHECKOUT}", sys.executable, "-m", "lab.quickstart"]
WHOLE_RUN_SECONDS = 150

pytestmark = pytest.mark.timeout(2 * WHOLE_RUN_SECONDS)


@pytest.fixture
def server(new_pool: Callable[..., PrivateGluster]) -> Node:
    """A Gluster server with a volume of its own, glusterd on 0.0.0.0:24007 as a distribution starts it."""
    pool = new_pool()
    pool.create_volume("precious")
    return pool.nodes[0]


def state(node: Node) -> dict[str, object]:
    """What the quickstart must leave as it was: processes, mounts, network, the server's own Gluster."""
    processes = (path for path in (node.root / "proc").glob("[0-9]*") if path.name != "self")
    configuration = (node.root / "var/lib/glusterd").rglob("*")
    return {
        "processes": sorted(
            (path / "cmdline").read_text() for path in processes if os.path.exists(path / "cmdline")
        ),
        "mounts": Path(f"/proc/{node.pid}/mountinfo").read_text(),
        "network": node.run(["ip", "-br", "address"]),
        "configuration": {str(path): path.stat().st_mtime_ns for path in configuration if path.is_file()},
        "volumes": node.gluster("volume", "info"),
        "logs": sorted(os.listdir(node.root / "var/log/glusterfs")),
    }


@contextmanager
def nothing_is_left(node: Node) -> Iterator[list[str]]:
    """What happens inside leaves the node as it was; the list takes what was printed."""
    before = state(node)
    printed: list[str] = []
    yield printed
    wait_until(lambda: state(node)["processes"] == before["processes"], "end of all it started", 10)
    assert state(node) == before
    folders = re.findall(r"/var/tmp/piragua-quickstart-\w+", "".join(printed))
    assert not [folder for folder in folders if os.path.exists(folder)]


@contextmanager
def started(node: Node, argv: list[str]) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """Run argv on the node; what still runs at the end is told to stop."""
    with node.popen(argv, output=subprocess.PIPE) as process:
        assert process.stdout
        try:
            yield process, process.stdout
        finally:
            if process.poll() is None:
                os.kill(inner_pid(process), signal.SIGTERM)


def test_once_shows_that_the_limit_holds_and_leaves_nothing(server: Node) -> None:
    with nothing_is_left(server) as printed:
        printed.append(server.run([*QUICKSTART, "--once"], timeout_seconds=WHOLE_RUN_SECONDS))
    assert "1024 MiB went in, then: Disk quota exceeded" in printed[0]


def test_it_serves_until_ctrl_c_and_the_printed_commands_work(server: Node) -> None:
    with (
        nothing_is_left(server) as printed,
        started(server, [*QUICKSTART, "--port", "8181"]) as (process, output),
    ):
        for line in output:
            printed.append(line.decode())
            if line.startswith(b"Ctrl-C"):
                break
        else:
            pytest.fail(f"it ended by itself:\n{''.join(printed)}")
        commands = [line.strip() for line in printed if line.startswith(("  curl", "  df", "  nsenter"))]
        answers = [server.run(["sh", "-c", command]) for command in commands]
        os.kill(inner_pid(process), signal.SIGINT)
        printed.append(output.read().decode())
        assert process.wait() == 0, "".join(printed)
    name = re.search(r"the volume is gv0/(\S+)", "".join(printed))
    assert name
    volumes, volume, made, space, gluster = answers
    volume_id = name[1].split("/")[0].replace("-", "")
    assert volume_id in volumes
    assert name[1] in volume
    assert "202 Accepted" in made
    assert "1.0G" in space
    assert "Volume Name: gv0" in gluster


def test_a_port_that_is_taken_is_said_and_nothing_is_started(server: Node) -> None:
    listener = (
        "import socket, time; s = socket.create_server(('127.0.0.1', 8080)); print(1, flush=True); time.sleep(600)"
    )
    with started(server, [sys.executable, "-c", listener]) as (_, output):
        assert output.readline()
        with nothing_is_left(server) as printed:
            printed.append(server.run(["sh", "-c", f"{' '.join(QUICKSTART)}; echo status $?"]))
    assert "port 8080 of 127.0.0.1 is taken: choose another with --port" in printed[0]
    assert "status 1" in printed[0]
