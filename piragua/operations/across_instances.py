"""Which operations are not over, on every instance.

Each instance keeps a notice of its own on every Gluster volume where it has work for longer than a moment. It
is written in the background, and removed when there is nothing to tell. From before it is there until it is
gone the instance holds the lock of its own id, so that others can tell a server that is gone from one
that has just finished.
"""

import json
import logging
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

import anyio

from piragua.errors import NotFound, PiraguaError
from piragua.models import OngoingOperation
from piragua.operations.ids import OperationId
from piragua.tree import layout
from piragua.tree.locking.async_locks import AsyncLock
from piragua.tree.mount import Mount
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.states import SWEPT, State

_log = logging.getLogger(__name__)

_NOT_SETTLED = SWEPT | {State.BEING_MADE, State.UNCLEAR}
_REWRITTEN_SECONDS = 3600
"""The sweep takes notices that are older than a day for those of servers that went away."""


class Own(Protocol):
    """The operations of this instance: `piragua.operations.operations.Operations`."""

    def ongoing(self) -> Sequence[OngoingOperation]: ...


class _Notice:
    """What this instance tells on one mount."""

    def __init__(self, mounted: ProvenMount, lock: AsyncLock) -> None:
        self.mounted = mounted
        self.lock = lock
        self.data = b""
        self.written = 0.0


class OperationsAcrossInstances:
    """Tells others of this instance's work, and reads of theirs. `keep` has to run.

    mounts: by the name of their Gluster volume. gluster_volume_of: its name by its id, None for
    an unknown one. wake_sweeps: makes sweeps begin. tell_seconds: how often the notices are looked after.
    """

    def __init__(
        self,
        own: Own,
        mounts: Mapping[str, Mount],
        gluster_volume_of: Callable[[str], str | None],
        wake_sweeps: Callable[[], None],
        *,
        tell_seconds: float = 1,
    ) -> None:
        self._own = own
        self._mounts = dict(mounts)
        self._gluster_volume_of = gluster_volume_of
        self._wake_sweeps = wake_sweeps
        self._tell_seconds = tell_seconds
        self._instance = secrets.token_hex(16)
        self._notices: dict[str, _Notice] = {}
        self._telling = anyio.Lock()

    async def keep(self) -> None:
        """Keeps this instance's notices true; never returns."""
        while True:
            await anyio.sleep(self._tell_seconds)
            await self.tell()

    async def tell(self) -> None:
        """Writes what is in flight now, where others do not know it yet. Also the last thing before the end."""
        async with self._telling:
            own = self._own.ongoing()
            for name in self._mounts:
                await self._tell(name, [each for each in own if self._is_on(each, name)])

    async def all(self) -> list[OngoingOperation]:
        """What is not over, sorted by id: this instance's as it is now, others' as they last told.

        MountError while a Gluster volume is away: a list never leaves something out.
        """
        found = {each.operation_id: each for each in self._own.ongoing()}
        for mount in self._mounts.values():
            mounted = mount.current()
            for instance, data in (await mounted.read_files(layout.INSTANCES)).items():
                if instance != self._instance:
                    for each in await self._still(mounted, instance, _decoded(data)):
                        found.setdefault(each.operation_id, each)
        return sorted(found.values(), key=lambda each: each.id)

    async def clean_up(self) -> None:
        """What servers that went away have left is finished or purged by the sweeps, which begin now.

        MountError while a Gluster volume is away: nothing would begin there.
        """
        for mount in self._mounts.values():
            mount.current()
        self._wake_sweeps()

    async def _still(
        self, mounted: ProvenMount, instance: str, told: Sequence[OngoingOperation]
    ) -> list[OngoingOperation]:
        """Those that are not over."""
        by_nonce = {OperationId.parse(each.operation_id).nonce: each for each in told}
        held = await mounted.held_operations([instance, *by_nonce])
        found = [each for nonce, each in by_nonce.items() if nonce in held]
        if instance in held:
            return found  # its owner lives: what it does not hold any more has ended
        for nonce, each in by_nonce.items():
            if nonce not in held and not await self._is_settled(mounted, each):
                found.append(replace(each, stale=True))
        return found

    @staticmethod
    async def _is_settled(mounted: ProvenMount, left: OngoingOperation) -> bool:
        """Whether nothing of it waits for a sweep. Its maker is gone, so the volume can be looked at."""
        return (await mounted.observe(left.volume_id)).state not in _NOT_SETTLED

    def _is_on(self, each: OngoingOperation, gluster_volume: str) -> bool:
        return self._gluster_volume_of(OperationId.parse(each.operation_id).gluster_volume_id) == gluster_volume

    async def _tell(self, gluster_volume: str, own: Sequence[OngoingOperation]) -> None:
        try:
            await self._told(gluster_volume, own)
        except PiraguaError as error:
            _log.debug("what is in flight on %s cannot be told: %s", gluster_volume, error)

    async def _told(self, gluster_volume: str, own: Sequence[OngoingOperation]) -> None:
        notice = self._notices.get(gluster_volume)
        if notice is None and not own:
            return
        mounted = self._mounts[gluster_volume].current()
        if notice is not None and notice.mounted is not mounted:
            del self._notices[gluster_volume]  # its lock went with the old mount
            notice = None
        if not own:
            await mounted.remove_file(layout.INSTANCES, self._instance)
            if notice is not None:
                del self._notices[gluster_volume]
                await notice.lock.release()
            return
        if notice is None:
            notice = _Notice(mounted, await mounted.take_operation(self._instance))
            self._notices[gluster_volume] = notice
        data = _encoded(own)
        if data != notice.data or time.monotonic() - notice.written > _REWRITTEN_SECONDS:
            await mounted.write_file(layout.INSTANCES, self._instance, data)
            notice.data, notice.written = data, time.monotonic()


def _encoded(own: Sequence[OngoingOperation]) -> bytes:
    operations = [
        {
            "id": each.operation_id,
            "progress": each.progress,
            "since": None if each.since is None else each.since.isoformat(timespec="seconds"),
            "server": each.server,
            "waiting": each.waiting,
        }
        for each in own
    ]
    return json.dumps({"v": 1, "operations": operations}).encode()


def _decoded(data: bytes) -> list[OngoingOperation]:
    """What an instance has told; what cannot be read is left out."""
    found = list[OngoingOperation]()
    try:
        for told in json.loads(data)["operations"]:
            operation = OperationId.parse(told["id"])
            found.append(
                OngoingOperation(
                    operation.text,
                    operation.kind,
                    operation.volume_id,
                    progress=str(told.get("progress", "")),
                    since=_time(told.get("since")),
                    server=str(told.get("server", "")),
                    waiting=told.get("waiting") is True,
                )
            )
    except (ValueError, TypeError, KeyError, AttributeError, NotFound) as error:
        _log.warning("a notice in /%s cannot be read: %s", layout.INSTANCES, error)
    return found


def _time(text: object) -> datetime | None:
    """None where an earlier version told of it; ValueError for what is no time in a zone."""
    if text is None:
        return None
    time = datetime.fromisoformat(str(text))
    if time.tzinfo is None:
        raise ValueError("a time without a zone")
    return time
