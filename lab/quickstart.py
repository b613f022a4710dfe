"""A first look at Piragua: lab/quickstart runs this once everything is installed.

A private Gluster of one node, Piragua on it, a volume made over HTTP, mounted, and filled to its limit.
"""

import argparse
import errno
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn

from lab.deep_mount import NotDeepMounted, deep_mounted, mount_points_below
from lab.heketi_client import HeketiClient
from lab.machine import MachineError, wait_until
from lab.one_server import (
    GLUSTER_VOLUME,
    HOST,
    CannotRunHere,
    check_machine,
    one_node_gluster,
    server_settings,
    start_piragua,
    stop_piragua,
)
from lab.private_gluster import DISK_FOLDER, PrivateGluster
from lab.stop_signals import Stopped, ignore_stop_signals, raise_on_stop_signals
from lab.write_until_refused import write_until_refused
from piragua.errors import PiraguaError
from piragua.remote.tokens import authorization

SIZE_GIB = 1
SLACK_MIB = 16
HEALTHY_SECONDS = 60
TOKEN_LIFETIME_SECONDS = 7 * 24 * 3600
FORESEEN = (CannotRunHere, MachineError, NotDeepMounted, PiraguaError, OSError, subprocess.SubprocessError)


class StepFailed(Exception):
    """A step did not do what it should; str() says why."""


class Quickstart:
    """The steps; each leaves with the stack what takes it down again."""

    def __init__(self, stack: ExitStack, port: int) -> None:
        self._stack = stack
        self._port = port
        self._url = f"http://{HOST}:{port}"
        self._key = secrets.token_urlsafe(32)
        self._client = HeketiClient(self._url, self._key)
        self.step = "2/6 Looking at this machine"

    def run(self) -> subprocess.Popen[bytes]:
        """Go through all steps and return the Piragua that serves the volume."""
        check_machine(self._port)
        self._folder = self._stack.enter_context(_private_folder())
        pool = self._start_gluster()
        piragua = self._start_piragua(pool)
        self._begin(f"4/6 Making a volume of {SIZE_GIB} GiB: POST {self._url}/volumes")
        volume = self._client.create_volume(SIZE_GIB)
        _say(f"the volume is {volume['name']}")
        mounted = self._mount(volume["mount"]["glusterfs"]["device"])
        self._begin("6/6 Writing into it until the limit stops it")
        _fill(mounted / "filler")
        self._print_what_next(volume["id"], mounted, pool)
        return piragua

    def _begin(self, step: str) -> None:
        self.step = step
        print(step, flush=True)

    def _start_gluster(self) -> PrivateGluster:
        self._begin("2/6 Starting a private Gluster of one node")
        pool = self._stack.enter_context(one_node_gluster(self._folder))
        _say(f"node {pool.nodes[0].address}, Gluster volume {GLUSTER_VOLUME}, quota on; files in {self._folder}")
        return pool

    def _start_piragua(self, pool: PrivateGluster) -> subprocess.Popen[bytes]:
        self._begin(f"3/6 Starting Piragua at {self._url}")
        log = self._folder / "piragua.log"
        with log.open("wb") as output:
            piragua = start_piragua(pool.nodes[0], server_settings(self._port, self._key), output)
        self._stack.callback(_stop, piragua, log)

        def healthy() -> bool:
            if piragua.poll() is not None:
                raise StepFailed(f"it ended with exit status {piragua.returncode}:\n{_tail(log)}")
            return self._client.is_healthy()

        try:
            wait_until(healthy, "GET /health answering 200", HEALTHY_SECONDS)
        except MachineError as late:
            raise StepFailed(f"{late}:\n{_tail(log)}") from late
        _say(f"it is healthy; its log is {log}")
        return piragua

    def _mount(self, device: str) -> Path:
        address, _, path = device.partition(":")
        mount_point = self._folder / "volume"
        mount_point.mkdir()
        self._begin(f"5/6 Mounting it: mount -t glusterfs {address}:/{path} {mount_point}")
        mount = deep_mounted(address, path, mount_point, self._folder / "client.log")
        return self._stack.enter_context(mount)

    def _print_what_next(self, volume_id: str, mounted: Path, pool: PrivateGluster) -> None:
        print(
            f"""
It works. To go on, in another shell (a token is good for its method and path, for a week):

  # all volumes, and this one
  {self._curl("GET", "/volumes")}
  {self._curl("GET", f"/volumes/{volume_id}")}

  # one more, of 2 GiB
  {self._curl("POST", "/volumes")} -d '{{"size": 2}}'

  # as root: the volume as a pod sees it, and the Gluster below
  df -h {mounted}
  nsenter --target {pool.nodes[0].pid} --all --root gluster volume info
""",
            flush=True,
        )

    def _curl(self, method: str, path: str) -> str:
        header = authorization(
            self._key.encode(), method, path, now_seconds=int(time.time()), life_seconds=TOKEN_LIFETIME_SECONDS
        )
        show_status = "-i " if method == "POST" else ""
        curl = "curl -sS --noproxy '*'"
        return f"{curl} {show_status}-X {method} -H 'Authorization: {header}' {self._url}{path}"


def main(arguments: Sequence[str]) -> int:
    """Run the quickstart and take everything down at the end; returns the exit status."""
    parser = argparse.ArgumentParser(prog="lab/quickstart", description="Try Piragua on this machine.")
    parser.add_argument("--once", action="store_true", help="take everything down as soon as it is shown")
    parser.add_argument("--port", type=int, default=8080, help="of 127.0.0.1, where Piragua listens (8080)")
    options = parser.parse_args(arguments)
    finished = False
    raise_on_stop_signals()
    with ExitStack() as stack:
        quickstart = Quickstart(stack, options.port)
        try:
            piragua = quickstart.run()
            finished = True
            if not options.once:
                _serve_until_stopped(piragua)
        except Stopped:
            pass
        except (StepFailed, *FORESEEN) as why:
            finished = False
            _report(quickstart.step, why)
        finally:
            ignore_stop_signals()  # whoever is impatient gets what was promised: nothing left behind
            print("Taking everything down", flush=True)
    print("Nothing of it is left running or mounted", flush=True)
    return 0 if finished else 1


def _serve_until_stopped(piragua: subprocess.Popen[bytes]) -> NoReturn:
    print("Ctrl-C takes everything down.", flush=True)
    status = piragua.wait()
    raise StepFailed(f"Piragua ended by itself, with exit status {status}")


def _report(step: str, why: BaseException) -> None:
    notes = "\n".join(getattr(why, "__notes__", []))
    print(f"quickstart: failed at {step}\n{why}\n{notes}".rstrip(), file=sys.stderr, flush=True)


def _say(text: str) -> None:
    print(f"    {text}", flush=True)


@contextmanager
def _private_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="piragua-quickstart-", dir=DISK_FOLDER))
    try:
        yield folder
    finally:
        for mount_point in mount_points_below(folder):
            subprocess.run(["umount", "--lazy", mount_point], check=False)
        if not mount_points_below(folder):  # what is mounted is not ours to delete
            shutil.rmtree(folder, ignore_errors=True)


def _stop(piragua: subprocess.Popen[bytes], log: Path) -> None:
    if not stop_piragua(piragua):
        print(f"Piragua did not stop in time; the end of its log:\n{_tail(log)}", file=sys.stderr)


def _fill(file: Path) -> None:
    limit_mib = SIZE_GIB * 1024
    written_mib, refused = write_until_refused(file, limit_mib + 2 * SLACK_MIB, _say_now_and_then)
    file.unlink()
    if refused != errno.EDQUOT:
        words = os.strerror(refused) if refused else "no error"
        raise StepFailed(f"after {written_mib} MiB there was {words}, where the limit should have been")
    if abs(written_mib - limit_mib) > SLACK_MIB:
        raise StepFailed(f"the limit came after {written_mib} MiB, not after {limit_mib}")
    _say(f"{written_mib} MiB went in, then: {os.strerror(errno.EDQUOT)}. The limit holds; the file is removed.")


def _say_now_and_then(written_mib: int) -> None:
    if written_mib % 256 == 0:
        _say(f"{written_mib} MiB written")


def _tail(log: Path, line_count: int = 20) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-line_count:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
