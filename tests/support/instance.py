"""A Piragua instance as users run it: a process of its own on a Gluster server."""

import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.deep_mount import mount_points_below
from lab.machine import inner_pid, wait_until
from lab.private_gluster import Node
from piragua.remote.errors import ServerError
from piragua.remote.server import Server
from tests.support.frozen import fuse_clients, send

CHECKOUT = Path(__file__).parent.parent.parent
ADMIN_KEY = "key of the administrator, longer than the 32 bytes that some clients want"
USER_KEY = "key of the user, also longer than the 32 bytes that some clients want"

_ports = itertools.count(8080)


class InstanceFailed(Exception):
    """The instance ended when it should not have, or left something behind; with its log."""


class Instance:
    """`piragua serve` on a node, as a context manager: runs when entered, is ended when left.

    volumes: as in PIRAGUA_VOLUMES. settings: further environment; None takes a variable away.
    url: reachable from the test. log: the file that gets all it prints. pid: its process.
    """

    def __init__(self, node: Node, volumes: str, settings: Mapping[str, str | None] | None = None) -> None:
        self.node = node
        port = next(_ports)
        environment: dict[str, str | None] = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(CHECKOUT),
            "PYTHONUNBUFFERED": "1",
            "PIRAGUA_VOLUMES": volumes,
            "PIRAGUA_HOST": "0.0.0.0",  # noqa: S104 (the test calls from another machine)
            "PIRAGUA_PORT": str(port),
            "PIRAGUA_MOUNT_ROOT": f"/run/piragua-{port}",
            "PIRAGUA_ADMIN_KEY": ADMIN_KEY,
            "PIRAGUA_USER_KEY": USER_KEY,
            "PIRAGUA_USAGE_INTERVAL": "0",  # a second mount for each, which few tests need
            **(settings or {}),
        }
        self.environment = {name: value for name, value in environment.items() if value is not None}
        self.mount_root = self.environment.get("PIRAGUA_MOUNT_ROOT", "/run/piragua")
        port_of_the_original = self.environment.get("ROCKET_PORT", "8080")
        self.url = f"http://{node.address}:{self.environment.get('PIRAGUA_PORT', port_of_the_original)}"
        self._asked = Server(self.url, None, timeout_seconds=5, through_proxy=False)
        self._folder = Path(tempfile.mkdtemp(prefix="piragua-instance-"))
        self.log = self._folder / "log"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if self.is_running():
                self.terminate()
        finally:
            print(f"--- log of {self.url} ---\n{self.log.read_text(errors='replace')}")
            self.unmount()
            shutil.rmtree(self._folder)

    def start(self) -> None:
        """Start it (again) with the same settings; the log goes on."""
        with self.log.open("ab") as log:
            self._process = self.node.popen(
                [sys.executable, "-m", "piragua", "serve"], self.environment, output=log
            )
        self.pid = inner_pid(self._process)

    def is_running(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def health(self) -> int:
        """The status of GET /health; 0 while nobody answers."""
        try:
            self._asked.text("/health")
        except ServerError as error:
            return error.status
        return 200

    def wait_until_healthy(self, timeout_seconds: float = 30) -> None:
        """Return once GET /health says 200. Raises InstanceFailed, with the log, if it doesn't."""

        def healthy() -> bool:
            if not self.is_running():
                raise self._failure(f"ended with exit status {self._process.returncode}")
            return self.health() == 200

        try:
            wait_until(healthy, f"{self.url}/health", timeout_seconds)
        except Exception as late:
            raise self._failure(str(late)) from late

    def wait_until_ended(self, timeout_seconds: float = 60) -> int:
        """The exit status, negative if a signal ended it. Raises InstanceFailed if it goes on."""
        try:
            return self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired as late:
            self.kill9()
            raise self._failure(f"still runs after {timeout_seconds:g} s") from late

    def kill9(self) -> None:
        """SIGKILL; its FUSE client and its mounts live on.

        Unless it died in the middle of two lock calls: its FUSE client hangs of that (glusterfs 10.3), and must go
        for the process to end.
        """
        os.kill(self.pid, signal.SIGKILL)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            for mount_point in self.mounts():
                clients = fuse_clients(self.node, mount_point)
                if clients:
                    send(self.node, clients, signal.SIGKILL)
            self._process.wait(30)

    def terminate(self, timeout_seconds: float = 60) -> int:
        """SIGTERM; returns the exit status. Raises InstanceFailed if it goes on or left a mount."""
        os.kill(self.pid, signal.SIGTERM)
        status = self.wait_until_ended(timeout_seconds)
        if self.mounts():
            raise self._failure(f"left mounted: {', '.join(self.mounts())}")
        return status

    def mounts(self) -> list[str]:
        """Where, below its mount root, something is mounted on the node."""
        return mount_points_below(self.mount_root, f"/proc/{self.node.pid}/mountinfo")

    def unmount(self) -> None:
        """Take away the mounts that a killed instance left."""
        for mount_point in self.mounts():
            self.node.run(["umount", "--lazy", mount_point])

    def _failure(self, what: str) -> InstanceFailed:
        return InstanceFailed(f"{self.url} {what}; its log:\n{self.log.read_text(errors='replace')}")
