"""Long work: admits it, runs it, remembers how it ended, and answers for work of other instances.

Nothing is known here of volumes. An operation's id carries all that another instance needs to answer: kind,
Gluster volume, volume and a nonce. From before the id is given out until the end its owner holds a lock on
the nonce; when the lock is free, the tree tells how the work ended.
"""

import logging
import secrets
import socket
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import anyio
from anyio.abc import TaskGroup

from piragua.errors import (
    OutcomeUnknown,
    PiraguaError,
    StorageError,
    TooManyOperations,
    cause_of,
)
from piragua.log import audit
from piragua.log.request_context import current_request
from piragua.models import Done, Failed, OngoingOperation, OperationKind, Outcome, Pending
from piragua.operations.ids import NONCE_BYTES, OperationId
from piragua.operations.job import Job, Journal, Lock, Progressing, Waiting

_log = logging.getLogger(__name__)

_BUSY = "as much is in work as may be: ask again later"
OWNER_WENT_AWAY = "the server that did this went away before it was done"
_REMEMBERED = 10_000
_SERVER = socket.gethostname()


class _Running:
    def __init__(self, operation: OperationId, job: Job) -> None:
        self.operation = operation
        self.job: Job | None = job
        self.since = datetime.now(UTC)
        self.outcome: Outcome = Pending()
        self.ended = anyio.Event()


class Operations:
    """The operations of this instance, and a true word about others'.

    journal_of gives the journal of a Gluster volume by its id (StorageError while it is away). verdict says
    how an operation ended whose owner holds its lock no more: Done, or Failed when there is no sign of success.
    limit: operations that may wait or run at once. settle_seconds: how long `start` waits for the end.
    hold_seconds: how long `poll` does. on_end: is told the kind of what ended, `succeeded` or `failed`, and after
    how many seconds. failure_text: from an error to what clients are told of it.
    """

    def __init__(
        self,
        journal_of: Callable[[str], Awaitable[Journal]],
        verdict: Callable[[OperationId], Awaitable[Outcome]],
        *,
        limit: int = 1000,
        settle_seconds: float = 0.25,
        hold_seconds: float = 5,
        look_again_seconds: float = 0.2,
        on_end: Callable[[str, str, float], None] = lambda kind, outcome, seconds: None,
        failure_text: Callable[[PiraguaError], str] = str,
    ) -> None:
        self._journal_of = journal_of
        self._verdict = verdict
        self._limit = limit
        self._settle_seconds = settle_seconds
        self._hold_seconds = hold_seconds
        self._look_again_seconds = look_again_seconds
        self._on_end = on_end
        self._failure_text = failure_text
        self._noting = 0
        self._running: dict[str, _Running] = {}
        self._ended: OrderedDict[str, _Running] = OrderedDict()
        self._failed_of: OrderedDict[str, str] = OrderedDict()
        self._group: TaskGroup | None = None

    @property
    def ongoing_count(self) -> int:
        """Operations of this instance that are not over."""
        return len(self._running)

    def ongoing(self) -> list[OngoingOperation]:
        """Operations of this instance that are not over."""
        return [
            OngoingOperation(
                running.operation.text,
                running.operation.kind,
                running.operation.volume_id,
                progress=_progress(running.job),
                since=running.since,
                server=_SERVER,
                waiting=isinstance(running.job, Waiting) and running.job.waiting,
            )
            for running in self._running.values()
        ]

    @asynccontextmanager
    async def open(self, *, shutdown_timeout_seconds: float = 60) -> AsyncIterator[None]:
        """Work can be started inside; at the end running work gets that long, then it is left as it is."""
        async with anyio.create_task_group() as group:
            self._group = group
            try:
                yield
            finally:
                self._group = None
                with anyio.CancelScope(shield=True), anyio.move_on_after(shutdown_timeout_seconds):
                    for running in list(self._running.values()):
                        await running.ended.wait()
                group.cancel_scope.cancel()

    async def start(self, job: Job) -> str:
        """Starts prepared work, waits a moment for its end, and gives the operation's id.

        TooManyOperations when the queue is full or the service is stopping, StorageError when the journal is
        away; then the job was abandoned.
        """
        try:
            if self._group is None or len(self._running) + self._noting >= self._limit:
                raise TooManyOperations(_BUSY)
            operation = OperationId(job.kind, job.gluster_volume_id, job.volume_id, secrets.token_hex(NONCE_BYTES))
            journal, lock = await self._note(operation)
            if self._group is None:  # the service began to stop meanwhile
                await lock.release()
                raise TooManyOperations(_BUSY)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await job.abandon()
            raise
        running = self._running[operation.text] = _Running(operation, job)
        context = current_request.get()
        if context is not None:
            context.operation_id = operation.text
        self._group.start_soon(self._run, job, running, journal, lock)
        with anyio.move_on_after(self._settle_seconds):
            await running.ended.wait()
        return operation.text

    async def _note(self, operation: OperationId) -> tuple[Journal, Lock]:
        """The lock that tells others that the work goes on; counted, since many can wait for theirs at once."""
        self._noting += 1
        try:
            journal = await self._journal_of(operation.gluster_volume_id)
            return journal, await journal.take_operation(operation.nonce)
        finally:
            self._noting -= 1

    async def poll(self, operation_id: str) -> Outcome:
        """How the operation stands; held for a while when it is not over.

        NotFound for what is no operation's id. An operation that cannot be judged now is Pending.
        """
        operation = OperationId.parse(operation_id)
        running = self._running.get(operation_id) or self._ended.get(operation_id)
        if running is not None:
            with anyio.move_on_after(self._hold_seconds):
                await running.ended.wait()
            return running.outcome
        deadline = anyio.current_time() + self._hold_seconds
        while True:
            outcome = await self._judge(operation)
            if not isinstance(outcome, Pending) or anyio.current_time() + self._look_again_seconds > deadline:
                return outcome
            await anyio.sleep(self._look_again_seconds)

    async def _run(self, job: Job, running: _Running, journal: Journal, lock: Lock) -> None:
        operation = running.operation
        begun = time.monotonic()
        try:
            running.outcome = await self._outcome(job, operation)
            self._tell(operation, running.outcome, time.monotonic() - begun)
            await self._keep_failure(journal, operation, running.outcome)
        finally:
            self._running.pop(operation.text, None)
            running.job = None
            if not isinstance(running.outcome, Pending):  # else it is judged as another instance's
                self._ended[operation.text] = running
            while len(self._ended) > _REMEMBERED:
                self._ended.popitem(last=False)
            running.ended.set()  # whoever asks here need not wait for the lock, which others ask
            await lock.release()

    async def _keep_failure(self, journal: Journal, operation: OperationId, outcome: Outcome) -> None:
        """For other instances, which read it where the tree shows no success."""
        text = outcome.message if isinstance(outcome, Failed) else self._failed_of.get(operation.text)
        if text is None:
            return
        try:
            await journal.write_failure(operation.nonce, text)
        except PiraguaError as error:
            _log.warning("the failure of operation %s cannot be kept: %s", operation.text, error)

    def _tell(self, operation: OperationId, outcome: Outcome, seconds: float) -> None:
        kind = operation.kind.name.lower()
        how, error = "succeeded", ""
        if isinstance(outcome, Failed):
            how, error = "failed", outcome.message
        elif isinstance(outcome, Pending):
            how, error = "unknown", self._failed_of.get(operation.text, "")
        self._on_end(kind, how, seconds)
        audit.ended(kind, operation.volume_id, outcome=how, seconds=seconds, error=error)

    async def _outcome(self, job: Job, operation: OperationId) -> Outcome:
        what = f"{operation.kind.name.lower()} of volume {operation.volume_id}"
        try:
            await job.run(operation.nonce)
        except OutcomeUnknown as error:
            _log.error("%s failed, and how it ended is not known yet: %s", what, error)
            self._failed_of[operation.text] = self._failure_text(error)
            while len(self._failed_of) > _REMEMBERED:
                self._failed_of.popitem(last=False)
            return Pending()
        except PiraguaError as error:
            _log.error("%s failed: %s", what, error, extra={"cause": cause_of(error)})
            return Failed(self._failure_text(error))
        except Exception:
            _log.exception("%s failed for a reason that is a bug", what)
            return Failed("Internal error; the server's log has the details")
        _log.info("%s done", what)
        return Done(None if operation.kind is OperationKind.DELETE else operation.volume_id)

    async def _judge(self, operation: OperationId) -> Outcome:
        try:
            journal = await self._journal_of(operation.gluster_volume_id)
            if await journal.operation_is_held(operation.nonce):
                return Pending()
            outcome = await self._verdict(operation)
            if isinstance(outcome, Failed):
                known = await journal.read_failure(operation.nonce) or self._failed_of.get(operation.text)
                return Failed(known or outcome.message)
            return outcome
        except StorageError as error:
            _log.debug("operation %s cannot be judged now: %s", operation.text, error)
            return Pending()


def _progress(job: Job | None) -> str:
    return job.progress() if isinstance(job, Progressing) else ""
