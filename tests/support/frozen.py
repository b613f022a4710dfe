"""Processes of a node that a test stops for a while, or kills: FUSE clients and daemons."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.machine import wait_until
from lab.private_gluster import GLUSTERD_PID_FILE, Node


def fuse_clients(node: Node, mount_point: str) -> list[int]:
    """Pids, inside of the node, of the FUSE clients that serve that mount point of it."""
    return [pid for pid, argv in _processes(node) if argv[0].endswith("glusterfs") and argv[-1] == mount_point]


def bricks(node: Node, gluster_volume: str) -> list[int]:
    """Pids, inside of the node, of its bricks of the Gluster volume."""
    folder = node.root / f"run/gluster/vols/{gluster_volume}"
    return [int(file.read_text()) for file in folder.glob("*.pid")]


def environments(node: Node) -> dict[int, bytes]:
    """What every process of the node has in its environment, by its pid inside."""
    found = {}
    for pid, _ in _processes(node):
        try:
            found[pid] = (node.root / f"proc/{pid}/environ").read_bytes()
        except OSError:
            continue  # it has ended
    return found


def send(node: Node, pids: list[int], signum: signal.Signals) -> None:
    """Sends the signal to processes of the node."""
    assert pids, "there is nobody to send a signal to"
    node.run(["sh", "-c", f"kill -{int(signum)} {' '.join(map(str, pids))}"])


@contextmanager
def frozen(node: Node, pids: list[int]) -> Iterator[None]:
    """They are stopped inside of the with statement, and go on afterwards if they still live."""
    send(node, pids, signal.SIGSTOP)
    try:
        until_stopped(node.root / "proc", pids)
        yield
    finally:
        alive = [pid for pid in pids if os.path.exists(node.root / f"proc/{pid}")]
        if alive:
            send(node, alive, signal.SIGCONT)


def until_stopped(proc: Path, pids: list[int]) -> None:
    """Waits for every thread to stand still: a call made right after the signal can be answered yet."""
    assert pids, "there is nobody to wait for"
    wait_until(lambda: all(_stands_still(proc / str(pid)) for pid in pids), f"{pids} stopped", timeout_seconds=30)


def _stands_still(process: Path) -> bool:
    try:
        stats = [(thread / "stat").read_text() for thread in (process / "task").iterdir()]
    except OSError:
        return False  # a thread has ended meanwhile
    return all(stat.rpartition(")")[2].split()[0] == "T" for stat in stats)


@contextmanager
def without_glusterd(node: Node) -> Iterator[None]:
    """Its glusterd is dead inside of the with statement; bricks and mounts live on."""
    node.kill_glusterd()
    try:
        yield
    finally:
        node.start_glusterd()


def glusterd(node: Node) -> list[int]:
    """The pid of the node's glusterd."""
    return [int(Path(f"{node.root}{GLUSTERD_PID_FILE}").read_text())]


def _processes(node: Node) -> Iterator[tuple[int, list[str]]]:
    for name in filter(str.isdigit, os.listdir(node.root / "proc")):
        try:
            argv = (node.root / f"proc/{name}/cmdline").read_text().rstrip("\0").split("\0")
        except OSError:
            continue  # it has ended
        yield int(name), argv
