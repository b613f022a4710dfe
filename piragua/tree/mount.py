"""The life of one mount: made or found, proven, watched, made again when its process died, taken away."""

import errno
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeVar

import anyio

from piragua.errors import MountError, MountTimeout, NotMounted, PiraguaError
from piragua.mounting import fuse_client, glusterfs, mountinfo
from piragua.tree import proof
from piragua.tree.handle import Handle
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.threads import FileThreads

T = TypeVar("T")

_log = logging.getLogger(__name__)
_LOOK_AGAIN_SECONDS = 0.02
_LIMITS_AT_ONCE = 8
_NO_CONNECTION = (errno.ENOTCONN, errno.ECONNABORTED)


class Mount:
    """A Gluster volume's mount. Call `check` now and then; `current` gives the proven one.

    path: where it is, or shall be, mounted. own: Piragua mounts it itself, and only then ever unmounts or
    severs it. servers: gives the names to mount from, best first. file_call_timeout_seconds: after that long
    a file call hangs. hung_seconds: when one has hung for so long, a mount of its own is made anew although it
    answers; waiting_seconds: the same for a wait for the quota lock that was given up, longer than another
    instance keeps that while glusterd is slow. closing_timeout_seconds: how long the last call may take, at the
    end. options: what it is mounted with. sets_up: Piragua's own files are made where there are none; otherwise
    nothing is changed. counting: it is one of Piragua's own, to read quota's counters through and nothing else.
    """

    def __init__(
        self,
        gluster_volume: str,
        path: str,
        *,
        own: bool,
        servers: Callable[[], Awaitable[Sequence[str]]],
        file_call_timeout_seconds: float = 10,
        hung_seconds: float = 120,
        waiting_seconds: float = 300,
        mount_timeout_seconds: float = 30,
        closing_timeout_seconds: float = 2,
        options: str = glusterfs.OPTIONS,
        sets_up: bool = True,
        counting: bool = False,
    ) -> None:
        self.gluster_volume = gluster_volume
        self.path = path
        self.own = own
        self._servers = servers
        self._file_call_timeout_seconds = file_call_timeout_seconds
        self._hung_seconds = hung_seconds
        self._waiting_seconds = waiting_seconds
        self._mount_timeout_seconds = mount_timeout_seconds
        self._closing_timeout_seconds = closing_timeout_seconds
        self._options = options
        self._sets_up = sets_up and not counting
        self._counting = counting
        self._mounted: ProvenMount | None = None
        self._threads, self._limit_threads = self._new_threads(), self._new_threads(limit=_LIMITS_AT_ONCE)
        self._wait_threads = self._new_threads()
        # Apart, so that a proof never queues behind calls that hang.
        self._proofs = self._new_threads()
        self._problem = "not mounted yet"
        self._checking = anyio.Lock()
        self._made = False

    def _new_threads(self, limit: int = 24) -> FileThreads:
        return FileThreads(limit=limit, timeout_seconds=self._file_call_timeout_seconds)

    @property
    def stuck_calls(self) -> int:
        """File calls that hang, but for those that ask for a limit or wait for the quota lock."""
        return self._threads.stuck + self._proofs.stuck

    @property
    def stuck_limit_calls(self) -> int:
        """Calls for a limit that hang."""
        return self._limit_threads.stuck

    @property
    def stuck_waits(self) -> int:
        """Waits for the quota lock that were given up and go on."""
        return self._wait_threads.stuck

    @property
    def problem(self) -> str:
        """Why there is no working mount; "" when there is one."""
        return self._problem

    def current(self) -> ProvenMount:
        """The proven mount; NotMounted while there is none."""
        if self._mounted is None:
            raise NotMounted(self.path, 0, self._problem.removeprefix(f"{self.path}: "))
        return self._mounted

    async def check(self) -> None:
        """Proves the mount, and makes it (again) where that is Piragua's to do; the result is in `problem`."""
        async with self._checking:
            try:
                await self._check()
                self._problem = ""
            except MountTimeout as error:
                self._say(str(error))
                if self.own:
                    _log.warning("the mount at %s hangs and is taken away", self.path)
                    await self._sever(self._mounted)
            except PiraguaError as error:
                self._say(str(error))

    async def close(self) -> None:
        """Takes away a mount of Piragua's own, also one that hangs; with others' mounts nothing is done."""
        async with self._checking:
            mounted, self._mounted = self._mounted, None
            self._problem = "not mounted any more"
            if not self._made:
                return
            self._made = False
            if mounted is not None and await self._is_at_rest(mounted):
                await self._in_thread(partial(fuse_client.detach, self.path))
            else:
                await self._sever(mounted)

    async def _check(self) -> None:
        lost = self._mounted
        if lost is not None:
            if await self._still_works(lost):
                self._require_no_hung_call()
                return
            self._mounted = None
            self._say(f"{self.path}: the mount was lost")
        self.path = await self._in_thread(partial(mountinfo.resolved, self.path))
        if self.own:
            await self._make(lost)
        handle = await self._in_thread(partial(proof.prove, self.gluster_volume, self.path))
        # New ones with every mount: what hangs on the last one must not keep this one from being used.
        threads, limit_threads = self._new_threads(), self._new_threads(limit=_LIMITS_AT_ONCE)
        wait_threads = self._new_threads()
        mounted = ProvenMount(handle, threads, limit_threads, wait_threads)
        if self._sets_up:
            await mounted.set_up()
        self._mounted, self._threads = mounted, threads
        self._limit_threads, self._wait_threads = limit_threads, wait_threads
        _log.info("the Gluster volume %s is mounted at %s", self.gluster_volume, self.path)

    def _require_no_hung_call(self) -> None:
        """MountTimeout when one hangs for good on a mount of our own.

        Gluster's client can lose a call, a lock's above all, and answer all others (glusterfs 10.3). That the
        quota lock does not come proves nothing for some minutes: a mount that works must not be taken from clones
        and purges because another instance waits for its glusterd.
        """
        hung_seconds = max(self._threads.stuck_seconds, self._limit_threads.stuck_seconds)
        waited_seconds = self._wait_threads.stuck_seconds
        if self.own and (hung_seconds > self._hung_seconds or waited_seconds > self._waiting_seconds):
            reason = f"a file call has hung for {max(hung_seconds, waited_seconds):.0f} s though the mount answers"
            raise MountTimeout(self.path, 0, reason)

    async def _make(self, lost: ProvenMount | None) -> None:
        """Mounts it, unless a mount of an earlier life is there and its process lives."""
        self._made = True
        if await self._in_thread(self._is_mounted) and await self._process_lives():
            return
        await self._sever(lost)
        await self._in_thread(partial(os.makedirs, self.path, 0o700, exist_ok=True))
        servers = await self._servers()
        await glusterfs.mount(
            self.gluster_volume,
            servers,
            self.path,
            timeout_seconds=self._mount_timeout_seconds,
            options=self._options,
            counting=self._counting,
        )

    async def _still_works(self, mounted: ProvenMount) -> bool:
        """False when it has to be proven or made again; MountError while only its bricks are out of reach."""
        if not await self._in_thread(partial(self._is_still_mounted, mounted.handle)):
            return False
        try:
            await self._in_thread(mounted.handle.answer)
        except MountError as error:
            # The client of somebody else's mount may run where it cannot be seen, and is not ours to replace.
            if error.errno not in _NO_CONNECTION or not self.own or await self._process_lives():
                raise
            return False
        return True

    async def _is_at_rest(self, mounted: ProvenMount) -> bool:
        """Whether it answers and no call hangs: one that did would outlive the detaching, and its client too."""
        with anyio.move_on_after(self._closing_timeout_seconds), suppress(MountError):
            await self._in_thread(mounted.handle.answer)
            while self._stuck_at_all:  # noqa: ASYNC110 (threads, which set no event)
                await anyio.sleep(_LOOK_AGAIN_SECONDS)
            return True
        return False

    @property
    def _stuck_at_all(self) -> bool:
        return bool(self.stuck_calls or self.stuck_limit_calls or self.stuck_waits)

    async def _sever(self, mounted: ProvenMount | None) -> None:
        """Takes a mount of Piragua's own away without asking it; calls that hang on it return.

        mounted: the one that was proven last, which somebody may have taken away from its mount point.
        """
        self._mounted = None
        connection = None if mounted is None else mounted.handle.connection
        await self._in_thread(partial(fuse_client.sever, self.path, connection))

    async def _process_lives(self) -> bool:
        return await self._in_thread(partial(fuse_client.lives, self.path))

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await self._proofs.run(self.path, call)

    def _is_mounted(self) -> bool:
        entry = mountinfo.find(self.path)
        return entry is not None and mountinfo.is_whole_volume(entry, self.gluster_volume)

    def _is_still_mounted(self, handle: Handle) -> bool:
        """False also when another mount has taken the place of the one that the handle is of."""
        entry = mountinfo.find(self.path)
        return entry is not None and entry.device == handle.device

    def _say(self, problem: str) -> None:
        if problem != self._problem:
            _log.error("%s: %s", self.gluster_volume, problem)
        self._problem = problem
