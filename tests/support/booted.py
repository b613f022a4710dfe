"""A whole Debian that is booted, with systemd in it, to install packages into."""

import os
import shutil
import signal
import subprocess
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.machine import MachineError, wait_until

HOSTNAME = "booted1"
ADDRESS = "198.18.7.1"
PACKAGES = "systemd,systemd-sysv,dbus,python3,glusterfs-server,iproute2,curl,openssl,procps"


BASE = Path(f"/var/cache/piragua-tests/debian-12-{zlib.crc32(PACKAGES.encode()):08x}")
"""A minimal Debian 12 with a Gluster server; packaging/install_dependencies makes it once."""


def make_base() -> None:
    """Makes it unless it is there; it takes Debian's packages from the network. MachineError."""
    if BASE.exists():
        return
    print("  making a Debian to install packages into")
    shutil.rmtree(BASE.parent, ignore_errors=True)
    new = BASE.with_suffix(".new")
    new.parent.mkdir()
    argv = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(new)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=900)
    if done.returncode != 0:
        raise MachineError(f"debootstrap failed:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    shutil.rmtree(new / "var/cache/apt/archives")
    (new / "etc/hostname").write_text(f"{HOSTNAME}\n")
    (new / "etc/hosts").write_text(f"127.0.0.1 localhost\n{ADDRESS} {HOSTNAME}\n")
    (new / "etc/resolv.conf").write_text("")
    new.rename(BASE)


class Booted:
    """A copy of the base that runs while entered. It has the caller's network, and nothing of its files.

    files: the folder of its root, for the caller. Raises MachineError when it does not come up.
    """

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="piragua-booted-"))
        for name in ("upper", "work", "root"):
            (self._folder / name).mkdir()
        self.files = self._folder / "root"
        self._leader = ""
        self._layers = f"lowerdir={BASE},upperdir={self._folder}/upper,workdir={self._folder}/work"

    def __enter__(self) -> Self:
        subprocess.run(["mount", "-t", "overlay", "-o", self._layers, "overlay", str(self.files)], check=True)
        # glusterd and Piragua listen in the caller's network, which for the tests leads nowhere.
        subprocess.run(["ip", "address", "replace", f"{ADDRESS}/32", "dev", "lo"], check=True)
        options = ["--boot", "--register=no", "--keep-unit", "--bind=/dev/fuse", "--capability=all", "--quiet"]
        with (self._folder / "console").open("wb") as console:
            self._nspawn = subprocess.Popen(
                ["systemd-nspawn", f"--directory={self.files}", "--console=pipe", "--link-journal=no", *options],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            wait_until(self._has_booted, "the booted Debian", 60)
        except BaseException:
            self.stop()
            raise
        return self

    def _has_booted(self) -> bool:
        if self._nspawn.poll() is not None:
            raise MachineError(f"systemd-nspawn ended: {(self._folder / 'console').read_text(errors='replace')}")
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split()
        if not children:
            return False
        self._leader = children[0]
        answer = self.ask("systemctl is-system-running")
        return answer.stdout.strip() in ("running", "degraded")

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        print(self.ask("journalctl --no-pager --lines=40; tail -n 20 /var/log/glusterfs/glusterd.log").stdout)
        self.stop()

    def stop(self) -> None:
        """Ends it, and removes its files."""
        if self._leader:
            os.kill(int(self._leader), signal.SIGKILL)  # and with it all others; it ends last
        else:
            self._nspawn.kill()
        self._nspawn.wait(30)
        subprocess.run(["umount", "--lazy", str(self.files)], check=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def ask(self, script: str, timeout_seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """What a shell in it says to that; standard error is part of stdout."""
        entering = ["nsenter", f"--target={self._leader}", "--mount", "--uts", "--ipc", "--pid", "--root", "--wd"]
        return subprocess.run(
            [*entering, "--", "/bin/sh", "-c", script],
            env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=timeout_seconds,
        )

    def run(self, script: str, timeout_seconds: float = 120) -> str:
        """The same, for what must succeed; MachineError with what it said."""
        done = self.ask(script, timeout_seconds)
        if done.returncode != 0:
            raise MachineError(f"{script}: exit status {done.returncode}\n{done.stdout}")
        return done.stdout

    def put(self, files: Sequence[Path]) -> list[str]:
        """Copies files into its /root; where they are in it."""
        for file in files:
            shutil.copy(file, self.files / "root" / file.name)
        return [os.path.join("/root", file.name) for file in files]

    def journal(self, unit: str = "piragua") -> str:
        """What the unit has said, without times."""
        return self.run(f"journalctl --no-pager --output=cat --unit={unit}")


if __name__ == "__main__":
    make_base()
