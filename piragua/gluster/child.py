"""A program that runs: its output as it comes, and its end, by force if need be."""

import asyncio
import errno
import os
import shutil
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

_SETSID = "/usr/bin/setsid"
OUTPUT_LIMIT_BYTES = 64 * 2**20
_IN_PASSING = "start or end of a program"
_ABANDONED_SECONDS = 5.0


class NotStarted(Exception):
    """The program could not be run at all, so nothing happened; `str()` says why."""


class Unanswered(Exception):
    """The program was told and then killed, or died: what it was told may have happened, or may still.

    died: it ended by itself instead of being late.
    """

    def __init__(self, reason: str, *, died: bool = False) -> None:
        super().__init__(reason)
        self.died = died


@dataclass(frozen=True)
class Output:
    """What a program said. status is its exit status, None while it goes on running."""

    stdout: bytes
    stderr: bytes
    status: int | None = None


class Child(asyncio.SubprocessProtocol):
    """A program in a session and a process group of its own.

    It is a protocol and not an `asyncio.subprocess.Process`, whose wait() ends only with the last
    holder of the pipes in some versions of Python: a grandchild could make everybody wait.
    """

    def __init__(self, output_limit_bytes: int = OUTPUT_LIMIT_BYTES) -> None:
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.exited = False
        self.overflowed = False
        self._output_limit_bytes = output_limit_bytes
        self._open_outputs = {1, 2}
        self._news = asyncio.Event()
        self._transport: asyncio.SubprocessTransport

    @property
    def drained(self) -> bool:
        """Nobody, grandchildren included, can write to stdout or stderr any more."""
        return not self._open_outputs

    @property
    def status(self) -> int | None:
        """Exit status; None while it runs."""
        return self._transport.get_returncode()

    def write(self, line: str) -> None:
        """Type a line, for a program that was started with interactive=True."""
        pipe = cast(asyncio.WriteTransport, self._transport.get_pipe_transport(0))
        pipe.write(line.encode() + b"\n")

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return once condition holds. The caller sets the deadline."""
        while not condition():
            self._news.clear()
            await self._news.wait()

    def kill(self) -> None:
        """Send SIGKILL to what is left of the whole group."""
        if not self.exited or not self.drained:
            try:
                os.killpg(self._transport.get_pid(), signal.SIGKILL)
            except ProcessLookupError:  # or `setsid` has not yet made the group
                with suppress(ProcessLookupError):
                    self._transport.kill()
            except PermissionError:
                pass

    async def end(self, kill_seconds: float) -> bool:
        """Kill the whole group and let go of the pipes; wait at most kill_seconds for the program.

        False: it is still there. A process in an uninterruptible call does not die, not even of SIGKILL.
        """
        self.kill()
        # It is waited for also when the caller is cancelled meanwhile: else it would stay a zombie.
        return await asyncio.shield(asyncio.create_task(self._end(kill_seconds), name=_IN_PASSING))

    async def _end(self, kill_seconds: float) -> bool:
        try:
            async with asyncio.timeout(kill_seconds):
                await self.until(lambda: self.exited)
        except TimeoutError:
            pass
        finally:
            self._transport.close()
        return self.exited

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.SubprocessTransport, transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        output = self.stdout if fd == 1 else self.stderr
        room_bytes = self._output_limit_bytes - len(output)
        output += data[:room_bytes]
        self.overflowed = self.overflowed or len(data) > room_bytes
        self._news.set()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        self._open_outputs.discard(fd)
        self._news.set()

    def process_exited(self) -> None:
        self.exited = True
        self._news.set()


async def start(
    argv: Sequence[str], *, interactive: bool = False, output_limit_bytes: int = OUTPUT_LIMIT_BYTES
) -> Child:
    """Start argv, without a shell. interactive: it can be typed to; else its stdin is empty.

    The environment is only a search path and the locale whose messages can be classified: the
    service's own holds keys. NotStarted when the program is missing or cannot be run.

    A program that starts closes what this process has open, which hangs if it is a file on a mount that
    hangs. Without close_fds Python does not wait for that with all its threads: it uses posix_spawn, which
    cannot start a session, so that `setsid` does.
    """
    # Distributions keep `gluster` in /usr/sbin, which is not on everybody's path.
    path = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
    program = shutil.which(argv[0], path=path)
    if program is None:
        raise NotStarted(f"cannot run {argv[0]}: {os.strerror(errno.ENOENT)}")
    starting = asyncio.create_task(
        asyncio.get_running_loop().subprocess_exec(
            lambda: Child(output_limit_bytes),
            _SETSID,
            program,
            *argv[1:],
            stdin=asyncio.subprocess.PIPE if interactive else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            close_fds=False,
            env={"PATH": path, "LC_ALL": "C"},
        ),
        name=_IN_PASSING,
    )
    try:
        # asyncio waits for ever when it is cancelled in the middle of a start, and leaves grandchildren.
        _, child = await asyncio.shield(starting)
    except asyncio.CancelledError:
        abandoning = asyncio.create_task(_abandon(starting), name=_IN_PASSING)
        starting.add_done_callback(lambda _: abandoning)  # which keeps it until then
        raise
    except OSError as error:
        raise NotStarted(f"cannot run {argv[0]}: {error.strerror}") from error
    return child


async def all_passed(timeout_seconds: float) -> None:
    """Return once no program is being started or ended: a loop that is closed in a start waits for ever."""
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_seconds):
            while passing := [task for task in asyncio.all_tasks() if task.get_name() == _IN_PASSING]:
                await asyncio.wait(passing)


async def _abandon(starting: asyncio.Task[tuple[asyncio.SubprocessTransport, Child]]) -> None:
    """Kill what was started for a caller who had gone by then, and wait for its end."""
    with suppress(OSError):
        _, child = await starting
        await child.end(_ABANDONED_SECONDS)
