"""What Piragua asks of Gluster, in its own words."""

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from typing import TypeVar

from piragua.errors import GlusterBusy, GlusterError, NoSuchGlusterVolume, NoSuchLimit
from piragua.gluster import parse
from piragua.gluster.answer import Answer
from piragua.gluster.classify import LimitRecordMissing, NoLimitsAtAll, NothingHeals
from piragua.gluster.command_line import CommandLine
from piragua.gluster.retry import again_while
from piragua.gluster.session import Session
from piragua.gluster.watch import CommandRecorder, WaitingCommands, Watch
from piragua.models import BrickStatus, GlusterVolume, Peer

T = TypeVar("T")

_VOLUME_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
_VOLUME_DIRECTORY = re.compile(r"/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LARGEST_LIMIT_BYTES = 2**63 - 1  # glusterfs 10.3 behaviour
_LISTING_RETRY_SECONDS = 1.0


class IncompleteListing(GlusterError):
    """A `quota list` left something out: another one on this server took its mount away."""


class Gluster:
    """The trusted pool, through the `gluster` program of this server.

    Every method raises GlusterUnavailable when glusterd cannot be reached, GlusterTimeout when there
    was no answer within timeout_seconds (a change may still happen), GlusterBusy when other commands
    were in the way for retry_seconds, NoSuchGlusterVolume, and GlusterError for any other refusal.

    glusterd runs one command per Gluster volume at a time and refuses the others, so this process's
    own take turns, in order of arrival, for at most queue_seconds. Only `limits`, which takes
    seconds, and the questions that lock nothing, wait for no turn.

    recorder: is told what commands did.
    """

    def __init__(
        self,
        socket: str | None = None,
        program: str = "gluster",
        timeout_seconds: float = 60,
        retry_seconds: float = 30,
        queue_seconds: float = 300,
        recorder: CommandRecorder | None = None,
    ) -> None:
        self._watch = Watch(recorder)
        self._commands = CommandLine(program, socket, timeout_seconds=timeout_seconds, watch=self._watch)
        self._retry_seconds = retry_seconds
        self._queue_seconds = queue_seconds
        self._questions = self._commands.open_session()
        self._sessions: defaultdict[str, Session] = defaultdict(self._commands.open_session)
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._listings: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def stuck_processes(self) -> int:
        """How many processes were killed and are still there."""
        return self._commands.stuck_processes

    @property
    def waiting(self) -> WaitingCommands:
        """The commands that wait for their turn."""
        return self._watch.waiting

    def wait_for_turn(self) -> AbstractContextManager[None]:
        """Around a wait for whatever else a command has to wait for, so that it counts among the waiting ones."""
        return self._watch.turn()

    async def aclose(self) -> None:
        """End the open sessions and begin nothing any more; what they were told may still happen."""
        await self._commands.end()
        for session in (self._questions, *self._sessions.values()):
            await session.end()

    async def volume(self, name: str) -> GlusterVolume:
        """The Gluster volume of that name, with its bricks and its options."""
        answer = await self._commands.ask(_about(name, "info", name), session=self._questions, read_only=True)
        return parse.gluster_volume(answer, name)

    async def peers(self) -> tuple[Peer, ...]:
        """The members of the pool, the local one among them. "Connected" can be minutes old."""
        return parse.peers(await self._commands.ask(("pool", "list"), session=self._questions, read_only=True))

    async def bricks(self, volume: str) -> tuple[BrickStatus, ...]:
        """The bricks with their state and sizes; those on peers whose glusterd is away are missing."""
        argv = _about(volume, "status", volume, "detail")
        return parse.bricks(await self._in_turn(volume, argv, read_only=True))

    async def start_force(self, volume: str) -> None:
        """Start the Gluster volume's daemons that do not run; those that run are left alone."""
        await self._in_turn(volume, _about(volume, "start", volume, "force"))

    async def set_option(self, volume: str, name: str, value: str) -> None:
        """Set an option of the Gluster volume."""
        await self._in_turn(volume, _about(volume, "set", volume, name, value))

    async def enable_quota(self, volume: str) -> None:
        """Turn quota on; Gluster then walks through all of the Gluster volume in the background."""
        await self._in_turn(volume, _about(volume, "quota", volume, "enable"))

    async def set_quota_timeout(self, volume: str, which: str, seconds: int) -> None:
        """How long bricks go on with what they knew of the use; which: `soft-timeout` or `hard-timeout`."""
        await self._in_turn(volume, _about(volume, "quota", volume, which, str(seconds)))

    async def quota_daemons(self, volume: str) -> dict[str, bool]:
        """Whether the quota daemon runs, by its server ("localhost" is this one); GlusterError: quota is off."""
        argv = _about(volume, "status", volume, "quotad")
        return parse.daemons(await self._in_turn(volume, argv, read_only=True))

    async def heal(self, volume: str) -> None:
        """Start healing what waits for it, now and not when Gluster next looks."""
        await self._commands.ask_plain(_about(volume, "heal", volume))

    async def set_limit(self, volume: str, path: str, size_bytes: int, *, soft_percent: int | None = None) -> None:
        """Limit `/<id>` of the Gluster volume to size_bytes. ValueError: not such a path, size or percentage.

        soft_percent None: what the Gluster volume has for all, also where there was another one.
        """
        if not 1 <= size_bytes <= _LARGEST_LIMIT_BYTES or not 1 <= (soft_percent or 1) <= 100:
            raise ValueError(f"no limit can be {size_bytes} bytes, {soft_percent} %")
        words = [] if soft_percent is None else [str(soft_percent)]
        await self._in_turn(volume, _quota(volume, "limit-usage", path, str(size_bytes), *words))

    async def set_files_limit(self, volume: str, path: str, files: int) -> None:
        """Let `/<id>` hold so many files and directories, itself counted. ValueError: no such path or number."""
        if not 1 <= files <= _LARGEST_LIMIT_BYTES:
            raise ValueError(f"no limit can be {files} files")
        await self._in_turn(volume, _quota(volume, "limit-objects", path, str(files)))

    async def remove_files_limit(self, volume: str, path: str) -> bool:
        """Let `/<id>` hold any number of files; False when it may already. ValueError: not such a path."""
        try:
            await self._in_turn(volume, _quota(volume, "remove-objects", path))
        except (NoSuchLimit, LimitRecordMissing):
            return False
        return True

    async def remove_limit(self, volume: str, path: str) -> bool:
        """Take the limit off `/<id>`; False when it has none. ValueError: not such a path."""
        try:
            await self._in_turn(volume, _quota(volume, "remove", path))
        except NoSuchLimit:
            return False
        except LimitRecordMissing:
            if await self.limit(volume, path) is not None:
                raise
            return False
        return True

    async def limit(self, volume: str, path: str) -> int | None:
        """The limit of `/<id>` in bytes, None for none. ValueError: not such a path.

        GlusterError when the directory is not there: that it has no limit is not said.
        """
        return await self._listed(volume, path, parse.limits)

    async def used_bytes(self, volume: str, path: str) -> int:
        """What `/<id>` holds, as quota counts it; also without a limit. ValueError: not such a path.

        GlusterError when the directory is not there.
        """
        return await self._listed(volume, path, parse.uses)

    async def limits(self, volume: str) -> dict[str, int]:
        """All limits in bytes by path, as this server has them on record. 0.6 ms each: not for requests."""
        argv = _about(volume, "quota", volume, "list")

        async def once() -> dict[str, int | None]:
            answer = await self._commands.ask(argv, read_only=True)
            listed = parse.limits(answer)
            # An empty answer is not "no limits": Gluster has a sentence for that.
            if answer.complaints or not listed:
                raise IncompleteListing(argv, 0, answer.complaints or "nothing is in the answer")
            return listed

        try:
            async with self._one_at_a_time(self._listings, volume, argv):
                listed = await again_while(
                    (GlusterBusy, IncompleteListing),
                    once,
                    retry_seconds=self._retry_seconds,
                    on_retry=self._watch.retries_of(argv),
                )
        except NoLimitsAtAll:
            return {}
        return {path: size_bytes for path, size_bytes in listed.items() if size_bytes is not None}

    async def heal_pending(self, volume: str) -> frozenset[str]:
        """What awaits healing, as paths or `<gfid:...>`; empty for a type that keeps no second copy.

        GlusterError when a brick could not be asked, or it cannot be told for another reason.
        """
        argv = _about(volume, "heal", volume, "info")
        try:
            told = parse.heal_info(await self._commands.ask(argv, read_only=True))
        except NothingHeals:
            return frozenset()
        if told.silent_bricks:
            raise GlusterError(argv, 0, f"no answer from {', '.join(told.silent_bricks)}")
        return told.pending

    async def working_directory(self) -> str:
        """Where glusterd keeps its state, quota.conf included."""
        argv = ("system::", "getwd")
        path = await self._commands.ask_plain(argv)
        if not path.startswith("/"):
            raise GlusterError(argv, 0, f"not a path: {path}")
        return path

    async def _listed(self, volume: str, path: str, read: Callable[[Answer], Mapping[str, T]]) -> T:
        """What read finds for that path in a `quota list` of it."""
        argv = _quota(volume, "list", path)

        async def once() -> T:
            async with self._one_at_a_time(self._listings, volume, argv):
                answer = await self._in_turn(volume, argv, read_only=True)
            listed = read(answer)
            if path not in listed:
                raise IncompleteListing(argv, 0, answer.complaints or f"{path} is not in the answer")
            return listed[path]

        return await again_while(
            IncompleteListing,
            once,
            retry_seconds=min(self._retry_seconds, _LISTING_RETRY_SECONDS),
            on_retry=self._watch.retries_of(argv),
        )

    async def _in_turn(self, volume: str, argv: tuple[str, ...], *, read_only: bool = False) -> Answer:
        async def once() -> Answer:
            return await self._commands.ask(argv, session=self._sessions[volume], read_only=read_only)

        async with self._one_at_a_time(self._turns, volume, argv):
            return await again_while(
                GlusterBusy, once, retry_seconds=self._retry_seconds, on_retry=self._watch.retries_of(argv)
            )

    @asynccontextmanager
    async def _one_at_a_time(
        self, locks: defaultdict[str, asyncio.Lock], volume: str, argv: tuple[str, ...]
    ) -> AsyncIterator[None]:
        try:
            with self.wait_for_turn():
                async with asyncio.timeout(self._queue_seconds):
                    await locks[volume].acquire()
        except TimeoutError:
            raise GlusterBusy(argv, 0, f"other commands took longer than {self._queue_seconds:g} s") from None
        try:
            yield
        finally:
            locks[volume].release()


def _about(volume: str, *words: str) -> tuple[str, ...]:
    """A `volume` command. A name that no Gluster volume can have never gets to the program."""
    argv = ("volume", *words)
    if not _VOLUME_NAME.fullmatch(volume) or volume == "all":
        raise NoSuchGlusterVolume(argv, 0, f"Volume {volume} does not exist")
    return argv


def _quota(volume: str, verb: str, path: str, *words: str) -> tuple[str, ...]:
    """A `volume quota` command about the directory of one volume, and about no other path ever."""
    if not _VOLUME_DIRECTORY.fullmatch(path):
        raise ValueError(f"not the directory of a volume: {path!r}")
    return _about(volume, "quota", volume, verb, path, *words)
