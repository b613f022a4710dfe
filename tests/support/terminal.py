"""`piragua` as people and scripts run it: in a terminal, or in a pipe; on a machine with a URL and a key."""

import errno
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

CHECKOUT = Path(__file__).parent.parent.parent
PIRAGUA = [sys.executable, "-m", "piragua"]
_ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[a-zA-Z]|[=>])")


class NotShown(Exception):
    """What was waited for did not appear; with all that did."""


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Of a machine without settings of its own, and with these."""
    clean = {"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT), "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}
    return {**clean, "PYTHONDONTWRITEBYTECODE": "1", **settings}


def piped(*words: str, settings: Mapping[str, str], text: str = "") -> subprocess.CompletedProcess[str]:
    """Runs it to its end with nobody looking."""
    return subprocess.run(
        [*PIRAGUA, *words], env=environment(settings), input=text, capture_output=True, text=True, timeout=120
    )


def begun(*words: str, settings: Mapping[str, str]) -> subprocess.Popen[str]:
    """Starts it with nobody looking; what it says is read from its pipes."""
    return subprocess.Popen(
        [*PIRAGUA, *words],
        env=environment(settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class Terminal:
    """`piragua ...` in a terminal, as a context manager.

    size: lines and columns. shown: all that has appeared so far, without colours and movements of the cursor;
    raw: with them.
    """

    def __init__(self, *words: str, settings: Mapping[str, str], size: tuple[int, int] = (40, 140)) -> None:
        self._words = words
        self._settings = {"TERM": "xterm-256color", **settings}
        self._size = size
        self.raw = ""

    def __enter__(self) -> Self:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *self._size, 0, 0))
        self.modes = termios.tcgetattr(slave)
        # The terminal becomes the one whose Ctrl-C the program gets.
        argv = ["setsid", "--ctty", *PIRAGUA, *self._words]
        self._process = subprocess.Popen(
            argv, env=environment(self._settings), stdin=slave, stdout=slave, stderr=slave
        )
        self._slave = slave
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(30)
        os.close(self._slave)
        os.close(self._master)

    @property
    def shown(self) -> str:
        return _ESCAPES.sub("", self.raw).replace("\r\n", "\n")

    def until(self, text: str, timeout_seconds: float = 60) -> None:
        """Returns once the text has appeared. Raises NotShown."""
        deadline = time.monotonic() + timeout_seconds
        while text not in self.shown:
            if not self._read(deadline) and text not in self.shown:
                raise NotShown(f"{text!r} is not in: {self.shown}")

    def until_shown_again(self, text: str, times: int, timeout_seconds: float = 60) -> None:
        """Returns once the text has appeared that often. Raises NotShown."""
        deadline = time.monotonic() + timeout_seconds
        while self.shown.count(text) < times:
            if not self._read(deadline) and self.shown.count(text) < times:
                raise NotShown(f"{text!r} is not {times} times in: {self.shown}")

    def type(self, keys: str) -> None:
        """Presses keys; "\\x03" is Ctrl-C."""
        os.write(self._master, keys.encode())

    def send(self, signal_number: int) -> None:
        self._process.send_signal(signal_number)

    def end(self, timeout_seconds: float = 60) -> int:
        """The exit status; what was printed until then is in `shown`. Raises NotShown."""
        deadline = time.monotonic() + timeout_seconds
        while self._process.poll() is None:
            if time.monotonic() > deadline:
                raise NotShown(f"it goes on: {self.shown}")
            self._read(time.monotonic() + 0.1)
        while self._read(time.monotonic()):
            pass
        return self._process.returncode

    def is_as_before(self) -> bool:
        """Whether the terminal's modes are what they were at the start, and the cursor is to be seen."""
        hidden, back = self.raw.rfind("\x1b[?25l"), self.raw.rfind("\x1b[?25h")
        return termios.tcgetattr(self._slave) == self.modes and back >= hidden

    def _read(self, deadline: float) -> bool:
        """Whether something new came before that time."""
        ready, _, _ = select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return False
        try:
            new = os.read(self._master, 65536)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return False
        self.raw += new.decode(errors="replace")
        return bool(new)
