"""What systemd is told, and how it asks for a reload: sd_notify(3), sd_watchdog_enabled(3), in a few lines.

Without systemd ($NOTIFY_SOCKET is not set) nobody is told and nothing else changes.
"""

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Self

import anyio

_log = logging.getLogger(__name__)

# An environment cannot be changed from outside, so `piragua reload` says the level by the signal's number.
LEVEL_SIGNALS: Mapping[str, int] = MappingProxyType(
    {level: signal.SIGRTMIN + at for at, level in enumerate(("debug", "info", "warning", "error"))}
)
"""The real-time signals that mean: reload, and log at that level from now on. SIGHUP leaves the level."""


class Supervisor:
    """systemd, or nobody.

    address: its socket; None: there is none. watchdog_seconds: how often it wants a sign of life; 0: never.
    """

    def __init__(self, address: str | None = None, watchdog_seconds: float = 0) -> None:
        self._address = address
        self._watchdog_seconds = watchdog_seconds

    @classmethod
    def from_environment(cls, env: Mapping[str, str], own_pid: int) -> Self:
        """As systemd says it to the processes that it starts; what is said to another process is left alone."""
        meant = env.get("WATCHDOG_PID", str(own_pid)) == str(own_pid)
        text = env.get("WATCHDOG_USEC", "")
        watchdog_seconds = int(text) / 1e6 if meant and text.isdecimal() else 0
        return cls(env.get("NOTIFY_SOCKET") or None, watchdog_seconds)

    def ready(self, status: str) -> None:
        """It serves, for the first time or after `reloading`. status: one line for `systemctl status`."""
        self._tell("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """It reads things again, until `ready`."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """It ends; that can take as long as the work that runs."""
        self._tell("STOPPING=1", "STATUS=finishing what was begun")

    async def keep_watchdog(self) -> None:
        """Signs of life for as long as it runs. They come from the event loop: one that hangs sends none."""
        while self._watchdog_seconds:
            self._tell("WATCHDOG=1")
            await anyio.sleep(self._watchdog_seconds / 4)

    def _tell(self, *lines: str) -> None:
        if self._address is None:
            return
        # A leading @ stands for the NUL of an abstract address.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as speaker:
                speaker.sendto("\n".join(lines).encode(), address)
        except OSError as error:
            _log.debug("systemd could not be told %s: %s", lines[0], error)


def ask_to_reload(pid: int, level: str) -> None:
    """Has that process, which is one that serves, reload and log at that level. OSError when it is none."""
    # Such a signal kills what does not expect it.
    if b"piragua" not in Path(f"/proc/{pid}/cmdline").read_bytes():
        raise ProcessLookupError(0, f"process {pid} is not Piragua")
    os.kill(pid, LEVEL_SIGNALS[level])


def on_reload(reload: Callable[[str | None], None]) -> None:
    """From now on calls reload, in the event loop, with the new level of the log; None: as it is."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, reload, None)
    for level, number in LEVEL_SIGNALS.items():
        loop.add_signal_handler(number, reload, level)
