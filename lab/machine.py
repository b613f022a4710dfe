"""A pretend machine: namespaces of its own for network, mounts, processes and host name.

It shares the caller's files, except for folders and files that are named private. Its first process
lives as long as the caller: the caller's end, even by SIGKILL, closes a pipe, and then every process
in the machine is killed, its mounts go with it, and its folder is removed.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

POLL_SECONDS = 0.02


class Setup(NamedTuple):
    """What the first process is told, as JSON."""

    hostname: str
    folder: str
    private_folders: list[str]
    private_files: dict[str, str]


class MachineError(Exception):
    """A pretend machine, or something that was run on it, did not do what it was told."""


def wait_until(condition: Callable[[], bool], what: str, timeout_seconds: float) -> None:
    """Return once condition() is true. Raises MachineError, naming what, after timeout_seconds."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            raise MachineError(f"{what}: not within {timeout_seconds:g} s")
        time.sleep(POLL_SECONDS)


class Machine:
    """A running pretend machine; stop() or the end of the calling process ends it.

    hostname: its name. folder: belongs to it and is removed with it. private_folders: empty at first,
    in memory. private_files: files that have another content here; they must exist for the caller.
    Raises MachineError if the machine can't be made.
    """

    def __init__(
        self,
        hostname: str,
        folder: Path | None = None,
        private_folders: Sequence[str] = (),
        private_files: Mapping[str, str] | None = None,
        timeout_seconds: float = 10,
    ) -> None:
        self.hostname = hostname
        self.folder = folder
        namespaces = ["--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child"]
        first_process = [sys.executable, "-I", os.path.abspath(__file__)]
        setup = Setup(hostname, str(folder or ""), list(private_folders), dict(private_files or {}))
        self._holder = subprocess.Popen(
            ["unshare", *namespaces, *first_process, json.dumps(setup)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C is for the caller, who takes things down in order
            cwd="/",
        )
        try:
            self.pid = self._await_pid(timeout_seconds)
        except BaseException:
            self.stop()
            raise

    def _await_pid(self, timeout_seconds: float) -> int:
        output = self._holder.stdout
        assert output is not None  # noqa: S101 (a pipe was asked for)
        ready, _, _ = select.select([output], [], [], timeout_seconds)
        said = output.readline().decode() if ready else f"nothing came within {timeout_seconds:g} s"
        if said.strip().isdigit():
            return int(said)
        with contextlib.suppress(subprocess.TimeoutExpired):  # it is about to end, and says why
            self._holder.wait(timeout_seconds)
            said += output.read().decode(errors="replace")
        raise MachineError(f"cannot make a machine of its own for {self.hostname}: {said.strip()}")

    @property
    def root(self) -> Path:
        """The machine's `/`, as a path for the caller."""
        return Path(f"/proc/{self.pid}/root")

    def popen(
        self,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        cwd: str = "/",
        output: int | IO[bytes] = subprocess.DEVNULL,
        network_of_caller: bool = False,
    ) -> subprocess.Popen[bytes]:
        """Start argv in the machine. What is returned stands for it; for signals use inner_pid().

        network_of_caller: it listens and calls from the caller's network, and sees all else of the machine.
        """
        namespaces = ["--mount", "--uts", "--ipc", "--pid", *([] if network_of_caller else ["--net"])]
        return subprocess.Popen(
            ["nsenter", f"--target={self.pid}", *namespaces, "--root", f"--wd={self.root}{cwd}", "--", *argv],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def run(self, argv: Sequence[str], check: bool = True, timeout_seconds: float = 60) -> str:
        """Run argv in the machine and return what it printed, errors included.

        Raises MachineError when it takes too long, and if check when it fails.
        """
        process = self.popen(argv, output=subprocess.PIPE)
        try:
            printed = process.communicate(timeout=timeout_seconds)[0].decode(errors="replace")
        except subprocess.TimeoutExpired as late:
            os.kill(inner_pid(process), signal.SIGKILL)
            process.communicate(timeout=timeout_seconds)
            raise MachineError(f"{' '.join(argv)}: no end within {timeout_seconds:g} s") from late
        if check and process.returncode:
            raise MachineError(f"{self.hostname}: {' '.join(argv)}: {printed.strip()}")
        return printed

    def kill(self, pid_file: str, signum: int = signal.SIGKILL, timeout_seconds: float = 10) -> None:
        """Send a signal to the daemon whose pid file (a path in the machine) this is.

        After SIGKILL it waits until the daemon is gone. Raises MachineError if it does not run.
        """
        file = Path(f"{self.root}{pid_file}")
        inside = file.read_text().strip() if file.exists() else ""
        process = Path(f"{self.root}/proc/{inside}")
        if not inside or not process.exists():
            raise MachineError(f"{self.hostname}: {pid_file}: there is no such daemon to send a signal to")
        self.run(["sh", "-c", f"kill -{int(signum)} {int(inside)}"])
        if signum == signal.SIGKILL:
            wait_until(lambda: not process.exists(), f"end of process {inside}", timeout_seconds)

    def stop(self, timeout_seconds: float = 10) -> None:
        """Kill everything in the machine and remove its folder. Safe to call again."""
        holder = self._holder
        if holder.stdin and not holder.stdin.closed:
            holder.stdin.close()
        try:
            holder.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            holder.kill()  # takes the first process, and so all the others, with it
            holder.wait(timeout_seconds)
        if holder.stdout:
            holder.stdout.close()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


def inner_pid(process: subprocess.Popen[bytes], timeout_seconds: float = 5) -> int:
    """The pid, for the caller, of what Machine.popen() started: nsenter's only child."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    found: list[str] = []

    def has_child() -> bool:
        if process.poll() is not None:
            raise MachineError(f"{process.args!r} ended at once, with exit status {process.returncode}")
        found[:] = children.read_text().split()
        return bool(found)

    wait_until(has_child, f"start of {process.args!r}", timeout_seconds)
    return int(found[0])


# What follows runs as the first process of the machine.


def _hold(setup: Setup) -> None:
    pid_for_caller = os.readlink("/proc/self")  # /proc is still the caller's
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)
    socket.sethostname(setup.hostname)
    _command("ip", "link", "set", "lo", "up")
    _command("mount", "-t", "proc", "proc", "/proc")
    for path in setup.private_folders:
        os.makedirs(path, exist_ok=True)
        _command("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", path)
    for number, (path, content) in enumerate(setup.private_files.items()):
        own = Path(f"{setup.private_folders[0]}/.private-{number}")
        own.write_text(content)
        shutil.copymode(path, own)
        _command("mount", "--bind", str(own), path)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # orphans end up here: the kernel buries them
    os.write(1, f"{pid_for_caller}\n".encode())
    sys.stdin.buffer.read()
    _end(setup.folder)


def _end(folder: str) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)  # everybody in this pid namespace but us
    wait_until(lambda: not any(_others()), "end of all processes", timeout_seconds=5)
    if folder:
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        for mount_point in reversed([line.split()[4] for line in mounts]):
            if mount_point.startswith(f"{folder}/"):
                subprocess.run(["umount", "--lazy", mount_point], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _others() -> Iterator[str]:
    return (name for name in os.listdir("/proc") if name.isdigit() and name != "1")


def _command(*argv: str) -> None:
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(argv)}: {done.stdout.decode(errors='replace').strip()}")


if __name__ == "__main__":
    _hold(Setup(*json.loads(sys.argv[1])))
