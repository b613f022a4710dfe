"""A private, disposable Gluster: each node a pretend machine with Gluster's stock paths and ports.

Nothing of the caller's own Gluster, network or files is touched; it needs root. For example:

    with PrivateGluster(nodes=3) as pool:
        pool.create_volume("gv0")
        print(pool.nodes[0].gluster("volume", "info", "gv0"))
"""

import os
import random
import shutil
import socket
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.machine import Machine, MachineError, wait_until
from lab.switch import Switch

GLUSTERD_PORT = 24007
GLUSTERD_PID_FILE = "/run/glusterd.pid"
PRIVATE_FOLDERS = ("/run", "/var/lib/glusterd", "/var/log/glusterfs")
DISK_FOLDER = "/var/tmp"  # noqa: S108 (for mkdtemp; /tmp is often a tmpfs)
GEO_REPLICATION = ("/usr/lib/x86_64-linux-gnu/glusterfs/gsyncd", "/usr/libexec/glusterfs/gsyncd")
NO_GEO_REPLICATION = "#!/bin/sh\necho gsyncd\n"  # glusterd does not start with one that tells nothing
BUSY = ("Another transaction is in progress", "Locking failed on")

# Debian's file but for ping-timeout: whatever the administrator of this machine wrote there is not for us.
GLUSTERD_VOL = """volume management
    type mgmt/glusterd
    option working-directory /var/lib/glusterd
    option transport-type socket
    option transport.socket.keepalive-time 10
    option transport.socket.keepalive-interval 2
    option transport.socket.read-fail-log off
    option transport.socket.listen-port 24007
    option ping-timeout {ping_timeout_seconds}
    option event-threads 1
    option max-port 60999
end-volume
"""


class Node(Machine):
    """One Gluster server. address: how all others, the caller included, reach it. number: from 1."""

    def __init__(self, number: int, folder: Path, switch: Switch, private_files: Mapping[str, str]) -> None:
        folder.mkdir()
        super().__init__(f"node{number}", folder, PRIVATE_FOLDERS, private_files)
        self.number = number
        self._switch = switch
        try:
            self.address = switch.connect(self, number)
        except BaseException:
            self.stop()
            raise

    @property
    def socket(self) -> Path:
        """glusterd's socket, as a path for the caller (`gluster --glusterd-sock`)."""
        return self.root / "run/glusterd.socket"

    def gluster(self, *arguments: str, check: bool = True, timeout_seconds: float = 60) -> str:
        """Run a `gluster` command here and return what it printed.

        While another command is in progress it is tried again, until timeout_seconds have passed.
        Raises MachineError if check and it fails.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                return self.run(["gluster", "--mode=script", *arguments], check, timeout_seconds)
            except MachineError as refused:
                busy = any(words in str(refused) for words in BUSY)
                if not busy or time.monotonic() > deadline:
                    raise
            time.sleep(random.uniform(0.02, 0.2))  # noqa: S311 (jitter)

    def start_glusterd(self, timeout_seconds: float = 30) -> None:
        """Start the daemon and wait until it answers, to `gluster` and over the network."""
        self.run(["glusterd", "-p", GLUSTERD_PID_FILE])
        wait_until(self._answers, f"glusterd of {self.hostname} answering", timeout_seconds)

    def kill_glusterd(self) -> None:
        """kill -9 glusterd; bricks and other daemons live on."""
        self.kill(GLUSTERD_PID_FILE)

    def kill_bricks(self, volume: str) -> None:
        """kill -9 this node's bricks of the Gluster volume. Back: `volume start VOLUME force`."""
        folder = f"/run/gluster/vols/{volume}"
        pid_files = list(Path(f"{self.root}{folder}").glob("*.pid"))
        if not pid_files:
            raise MachineError(f"{self.hostname} has no bricks of {volume}")
        for pid_file in pid_files:
            self.kill(f"{folder}/{pid_file.name}")

    def kill_quotad(self) -> None:
        """kill -9 the daemon that adds up what is used. Back: `volume start VOLUME force`."""
        self.kill("/run/gluster/quotad/quotad.pid")

    def cable(self, up: bool) -> None:
        """Plug in, or pull, this node's network cable."""
        self._switch.cable(self.number, up)

    def brick(self, volume: str, number: int) -> Path:
        """The folder of that brick (counted from 0) of the Gluster volume, on this node."""
        return self.brick_device(volume, number) / "brick"

    def brick_device(self, volume: str, number: int) -> Path:
        """Where a brick's own disk is mounted, if it has one; its folder is inside."""
        assert self.folder is not None  # noqa: S101 (given in __init__)
        return self.folder / f"{volume}-{number}"

    def make_brick(self, volume: str, number: int, size_mib: int | None) -> str:
        """Make a brick and return it as `volume create` wants it; with a size it is a disk of its own."""
        device = self.brick_device(volume, number)
        device.mkdir()
        if size_mib is not None:
            image = str(device.with_suffix(".img"))
            # XFS as Gluster's documentation wants it; its tools call disks this small unsupported
            self.run(["mkfs.xfs", "-q", "--unsupported", "-d", f"name={image},file,size={size_mib}m"])
            self.run(["mount", "-o", "loop", image, str(device)])
        self.run(["mkdir", str(self.brick(volume, number))])
        return f"{self.address}:{self.brick(volume, number)}"

    def remove_bricks(self, volume: str) -> None:
        """Remove the folders and disks of this node's bricks of the Gluster volume."""
        assert self.folder is not None  # noqa: S101 (given in __init__)
        for device in self.folder.glob(f"{volume}-[0-9]*"):
            if device.is_dir():
                self.run(["umount", "--lazy", str(device)], check=False)
                shutil.rmtree(device)
            else:
                device.unlink()

    def last_log_lines(self, count: int = 20) -> str:
        """The end of glusterd's log, for error messages."""
        log = self.root / "var/log/glusterfs/glusterd.log"
        return "\n".join(log.read_text(errors="replace").splitlines()[-count:]) if log.exists() else ""

    def _answers(self) -> bool:
        try:
            socket.create_connection((self.address, GLUSTERD_PORT), timeout=1).close()
        except OSError:
            return False
        return "Hostname" in self.gluster("pool", "list", check=False)


class PrivateGluster:
    """A trusted pool of nodes, as a context manager: it is up when entered and gone when left.

    folder: where the bricks' temporary folder is made, not a tmpfs; None: $TMPDIR, else /var/tmp.
    ping_timeout_seconds: after how long a peer that went silent counts as gone; 0, as Debian ships
    it, means minutes.
    geo_replication: it is installed, as by Debian's package. Nothing here uses it, and every `gluster` process
    begins with a Python program that tells its version, which takes longer than most commands.
    """

    def __init__(
        self,
        nodes: int = 1,
        folder: Path | None = None,
        ping_timeout_seconds: int = 0,
        geo_replication: bool = False,
    ) -> None:
        self.nodes: list[Node] = []
        self.folder: Path | None = None
        self._size = nodes
        self._parent = folder or Path(os.environ.get("TMPDIR") or DISK_FOLDER)
        self._ping_timeout_seconds = ping_timeout_seconds
        self._geo_replication = geo_replication
        self._switch: Switch | None = None

    def __enter__(self) -> Self:
        try:
            self._boot()
        except BaseException as failure:
            for node in self.nodes:
                failure.add_note(f"the end of glusterd's log on {node.hostname}:\n{node.last_log_lines()}")
            self.stop()
            raise
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def create_volume(
        self,
        name: str,
        bricks_per_node: int = 1,
        replica: int | None = None,
        quota: bool = True,
        strict: bool = True,
        brick_size_mib: int | None = None,
        timeout_seconds: float = 60,
    ) -> None:
        """Create and start a Gluster volume, and wait until all its daemons are online.

        replica None: as many copies as there are nodes. strict: quota stops a writer at once
        (both timeouts 0), not after up to a minute. brick_size_mib: each brick a disk of its own.
        """
        copies = len(self.nodes) if replica is None else replica
        bricks = [
            node.make_brick(name, number, brick_size_mib)
            for number in range(bricks_per_node)
            for node in self.nodes
        ]
        gluster = self.nodes[0].gluster
        layout = ["replica", str(copies)] if copies > 1 else []
        gluster("volume", "create", name, *layout, *bricks, "force")
        gluster("volume", "start", name)
        if quota:
            gluster("volume", "quota", name, "enable")
        if quota and strict:
            for timeout in ("soft-timeout", "hard-timeout"):
                gluster("volume", "quota", name, timeout, "0")
        wait_until(lambda: self.is_online(name), f"all of volume {name} online", timeout_seconds)

    def is_online(self, volume: str) -> bool:
        """Whether every brick and daemon of the Gluster volume runs, by `volume status`."""
        answer = self.nodes[0].gluster("volume", "status", volume, "--xml", check=False)
        try:
            root = ElementTree.fromstring(answer)  # noqa: S314 (our own Gluster's words)
        except ElementTree.ParseError:
            return False
        states = [state.text for state in root.iterfind(".//volume/node/status")]
        return bool(states) and all(state == "1" for state in states)

    def delete_volume(self, name: str) -> None:
        """Stop the Gluster volume, even while it is mounted, and delete it with its bricks."""
        self.nodes[0].gluster("volume", "stop", name, "force")
        self.nodes[0].gluster("volume", "delete", name)
        for node in self.nodes:
            node.remove_bricks(name)

    def stop(self) -> None:
        """Kill every process of it and remove every file. Safe to call again."""
        with ThreadPoolExecutor() as threads:
            list(threads.map(lambda node: node.stop(), self.nodes))
        if self._switch:
            self._switch.stop()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _boot(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="piragua-gluster-", dir=self._parent))
        self._switch = switch = Switch()
        numbers = range(1, self._size + 1)
        names = "".join(f"{switch.address(number)} node{number}\n" for number in numbers)
        private_files = {
            "/etc/hosts": f"127.0.0.1 localhost\n{names}",
            "/etc/glusterfs/glusterd.vol": GLUSTERD_VOL.format(ping_timeout_seconds=self._ping_timeout_seconds),
        }
        if not self._geo_replication:
            private_files |= {path: NO_GEO_REPLICATION for path in GEO_REPLICATION if os.path.exists(path)}
        for number in numbers:
            self.nodes.append(Node(number, self.folder / f"node{number}", switch, private_files))
        with ThreadPoolExecutor() as threads:
            list(threads.map(lambda node: node.start_glusterd(), self.nodes))
        for node in self.nodes[1:]:
            self.nodes[0].gluster("peer", "probe", node.address)
        wait_until(self._all_joined, "all nodes in the trusted pool", timeout_seconds=30)

    def _all_joined(self) -> bool:
        answers = [node.gluster("peer", "status", check=False) for node in self.nodes]
        return all(answer.count("Peer in Cluster (Connected)") == self._size - 1 for answer in answers)
