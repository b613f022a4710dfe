"""Victims for a test: each an instance in a process of its own that dies where it is told."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from tests.gluster.crash.steps import Step
from tests.gluster.crash.victim import Order, as_line
from tests.support.instance import CHECKOUT
from tests.support.pool import GlusterVolume

KILLED = -9


@dataclass
class Told:
    """What a victim said before it died. status: its exit status, KILLED if it died as it was told."""

    died: Step | None = None
    operation: str = ""
    outcome: str = ""
    error: str = ""
    steps: list[Step] = field(default_factory=list)
    status: int = 0


class Victims:
    """Sends orders, one after the other, to one process that forks a victim for each."""

    def __init__(self, process: subprocess.Popen[str], log: IO[bytes]) -> None:
        self._process = process
        self._log = log

    def send(self, order: Order) -> Told:
        """Runs one victim to its end. AssertionError, with what it printed, when it neither died nor ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(as_line(order))
        self._process.stdin.flush()
        told = Told()
        for line in self._process.stdout:
            said: dict[str, Any] = json.loads(line)
            if "ended" in said:
                told.status = said["ended"]
                break
            for key, value in said.items():
                setattr(told, key, _from_json(key, value))
        self._log.seek(0)
        assert told.status in (0, KILLED), self._log.read().decode(errors="replace")
        return told


def _from_json(key: str, value: Any) -> Any:
    if key == "died":
        return Step(*value)
    return [Step(*each) for each in value] if key == "steps" else value


@contextmanager
def victims_on(volume: GlusterVolume, node: int = 0) -> Iterator[Victims]:
    """Victims on that Gluster volume, who ask that node's Gluster."""
    with tempfile.TemporaryFile() as log, tempfile.TemporaryDirectory() as folder:
        nodes = []
        for each in volume.pool.nodes[node:] + volume.pool.nodes[:node]:
            own = Path(folder) / each.hostname
            own.mkdir()
            nodes.append({"pid": each.pid, "folder": str(own)})
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.gluster.crash.victim",
                json.dumps({"volume": volume.name, "nodes": nodes}),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            bufsize=1,
            cwd=CHECKOUT,
        )
        try:
            yield Victims(process, log)
        finally:
            process.kill()
            process.communicate()
