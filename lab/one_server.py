"""Piragua on a private Gluster of one node, reached at 127.0.0.1: what quickstart and serve start."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from lab.machine import MachineError, inner_pid
from lab.private_gluster import DISK_FOLDER, Node, PrivateGluster

CHECKOUT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
GLUSTER_VOLUME = "gv0"
NEEDED_FREE_BYTES = 2 * 2**30
SHUTDOWN_SECONDS = 70
KILL_SECONDS = 5


class CannotRunHere(Exception):
    """This machine lacks something; str() says what."""


def check_machine(port: int) -> None:
    """Raises CannotRunHere if the port is taken, there is too little space, or FUSE is missing."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as taken:
            raise CannotRunHere(f"port {port} of {HOST} is taken: choose another with --port") from taken
    if shutil.disk_usage(DISK_FOLDER).free < NEEDED_FREE_BYTES:
        raise CannotRunHere(f"{DISK_FOLDER} needs {NEEDED_FREE_BYTES // 2**30} GiB of free space")
    if not os.path.exists("/dev/fuse"):
        with contextlib.suppress(OSError):
            subprocess.run(["modprobe", "fuse"], capture_output=True, check=False)
    if not os.path.exists("/dev/fuse"):
        raise CannotRunHere("there is no /dev/fuse, so Gluster volumes cannot be mounted here")


@contextmanager
def one_node_gluster(folder: Path | None = None) -> Iterator[PrivateGluster]:
    """A pool of one node with GLUSTER_VOLUME as Piragua wants it. folder: as PrivateGluster takes it."""
    with PrivateGluster(nodes=1, folder=folder) as pool:
        pool.create_volume(GLUSTER_VOLUME)
        # deletes while a brick is down leave heals that never end, otherwise (glusterfs 10.3 behaviour)
        pool.nodes[0].gluster("volume", "set", GLUSTER_VOLUME, "cluster.use-anonymous-inode", "off")
        yield pool


def server_settings(port: int, admin_key: str) -> dict[str, str]:
    """The environment that lets Piragua serve that Gluster volume at HOST and port."""
    return {
        "PIRAGUA_VOLUMES": GLUSTER_VOLUME,
        "PIRAGUA_HOST": HOST,
        "PIRAGUA_PORT": str(port),
        "PIRAGUA_ADMIN_KEY": admin_key,
    }


def start_piragua(node: Node, settings: Mapping[str, str], output: int | IO[bytes]) -> subprocess.Popen[bytes]:
    """Start this checkout's Piragua as on a Gluster server, but on the caller's network.

    It reaches the files of the node's Gluster. output: gets its log.
    """
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT), **settings}
    serve = [sys.executable, "-m", "piragua", "serve"]
    return node.popen(serve, environment, output=output, network_of_caller=True)


def stop_piragua(process: subprocess.Popen[bytes], timeout_seconds: float = SHUTDOWN_SECONDS) -> bool:
    """SIGTERM what start_piragua() returned and wait until it is gone. False: it had to be killed."""
    _send(process, signal.SIGTERM)
    try:
        process.wait(timeout_seconds)
    except subprocess.TimeoutExpired:
        _send(process, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):  # it hangs in the kernel, and ends with the node
            process.wait(KILL_SECONDS)
        return False
    return True


def _send(process: subprocess.Popen[bytes], signum: int) -> None:
    with contextlib.suppress(MachineError, ProcessLookupError):  # it ended by itself
        os.kill(inner_pid(process), signum)
