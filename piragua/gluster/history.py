"""Whether somebody else's command was refused because one of ours ran, as glusterd's own history tells.

`cmd_history.log` gets a line for every command at its end, on the server where it was given, refused ones
included (glusterfs 10.3). Who repeats a refused command gets through once there is a gap; see `Backoff`.
"""

import asyncio
import logging
import os
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio

from piragua.gluster.child import NotStarted, Unanswered
from piragua.gluster.process import run

_log = logging.getLogger(__name__)
_OURS = re.compile(
    r" : volume quota \S+ (?:limit-usage|limit-objects|remove|remove-objects) /[0-9a-f]{8}-[0-9a-f-]{27}\b"
)
_REFUSED = " : FAILED : Another transaction is in progress"
_MOST_BYTES = 256 * 1024


class CommandHistory:
    """Reads what was added to the history since it was asked last. path: of `cmd_history.log`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode = 0
        self._offset_bytes: int | None = None

    def others(self) -> list[bool]:
        """Of each command of others that ended since the last call: whether it was refused. Blocks shortly.

        The first call only notes where the history ends; one that cannot be read is empty.
        """
        try:
            return [_REFUSED in line for line in self._new_lines() if not _OURS.search(line)]
        except OSError as error:
            _log.debug("%s: %s", self._path, error)
            return []

    def _new_lines(self) -> list[str]:
        with self._path.open("rb") as file:
            status = os.fstat(file.fileno())
            size_bytes, inode = status.st_size, self._inode
            before, self._offset_bytes, self._inode = self._offset_bytes, size_bytes, status.st_ino
            if before is None:
                return []
            goes_on = inode == status.st_ino and before <= size_bytes
            start = max(before if goes_on else 0, size_bytes - _MOST_BYTES)
            file.seek(start)
            data = file.read(size_bytes - start)
        end = data.rfind(b"\n") + 1
        self._offset_bytes = start + end
        return data[:end].decode(errors="replace").splitlines()


async def log_directory() -> Path | None:
    """Where Gluster's programs write their logs; None where the program does not say so in time."""
    try:
        output = await run(("gluster", "--print-logdir"), timeout_seconds=5, on_stuck=lambda child: None)
    except (NotStarted, Unanswered) as error:
        _log.debug("gluster --print-logdir: %s", error)
        return None
    text = output.stdout.decode(errors="replace").strip()
    return Path(text) if output.status == 0 and text.startswith("/") else None


class Backoff:
    """Lets other people's commands in between ours.

    glusterd refuses a command while another one runs on the same Gluster volume, and keeps no queue. So after
    one was refused nothing is asked of it until one of others' came to its end, for at most pause_seconds.
    look_seconds: how often the history is read at most. directory: gives the folder of the logs.
    """

    def __init__(
        self,
        directory: Callable[[], Awaitable[Path | None]] = log_directory,
        *,
        look_seconds: float = 0.5,
        pause_seconds: float = 2.5,
    ) -> None:
        self._directory = directory
        self._look_seconds = look_seconds
        self._pause_seconds = pause_seconds
        self._history: CommandHistory | None = None
        self._known = False
        self._looked_at = float("-inf")

    async def let_in(self) -> None:
        """Returns at once, unless a command of somebody else's was refused lately."""
        now = anyio.current_time()
        if now - self._looked_at < self._look_seconds:
            return
        self._looked_at = now
        if (await self._others())[-1:] == [True]:
            with anyio.move_on_after(self._pause_seconds):
                while False not in await self._others():  # noqa: ASYNC110 (another program ends)
                    await anyio.sleep(0.05)
            self._looked_at = anyio.current_time()

    async def _others(self) -> list[bool]:
        if not self._known:
            self._known = True
            directory = await self._directory()
            self._history = None if directory is None else CommandHistory(directory / "cmd_history.log")
        return [] if self._history is None else await asyncio.to_thread(self._history.others)
