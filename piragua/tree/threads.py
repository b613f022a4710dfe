"""Blocking file calls, in threads of their own with a limit and a deadline.

A call that hangs on a sick mount cannot be cancelled: its thread is abandoned and counted, and new calls
are refused once too many hang, so that threads stay bounded however long it lasts.
"""

import errno
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar

import anyio
import anyio.to_thread

from piragua.errors import MountError, MountTimeout

T = TypeVar("T")

_CAUSES = {
    errno.ENOTCONN: "too few bricks can be reached, or the FUSE client died",
    errno.EBADFD: "too few bricks can be reached",
}
"""What these mean on a mount of Gluster (glusterfs 10.3)."""


class _Ticket(Generic[T]):
    """One call: who has it, and what came out. Changed under the guard only."""

    def __init__(self) -> None:
        self.running = False
        self.abandoned = False
        self.result: tuple[T] | None = None


class FileThreads:
    """Runs file calls; `limit` threads at once, and at most as many again that hang."""

    def __init__(self, *, limit: int = 24, timeout_seconds: float = 10) -> None:
        self._limit = limit
        self._limiter: anyio.CapacityLimiter | None = None
        self._timeout_seconds = timeout_seconds
        self._guard = threading.Lock()
        self._abandoned_at: dict[object, float] = {}

    @property
    def stuck(self) -> int:
        """Calls that were given up and have not returned."""
        return len(self._abandoned_at)

    @property
    def stuck_seconds(self) -> float:
        """How long ago the first of those was given up; 0 when there is none."""
        with self._guard:
            first = min(self._abandoned_at.values(), default=None)
        return 0 if first is None else time.monotonic() - first

    async def run(
        self,
        where: str,
        call: Callable[[], T],
        *,
        timeout_seconds: float | None = None,
        unwanted: Callable[[T], None] | None = None,
    ) -> T:
        """What call returns. where names the mount in errors.

        unwanted gets a result that comes when nobody waits for it any more, and must not block.
        MountTimeout when it does not return in time (it may still happen) or too many calls hang
        already; MountError for an OSError.
        """
        if self.stuck >= self._limit:
            raise MountTimeout(where, 0, f"{self.stuck} file calls hang")
        self._limiter = self._limiter or anyio.CapacityLimiter(self._limit)
        deadline_seconds = self._timeout_seconds if timeout_seconds is None else timeout_seconds
        ticket = _Ticket[T]()
        taken = False
        try:
            with anyio.fail_after(deadline_seconds):
                work = partial(self._ticketed, ticket, call, unwanted)
                result = await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._limiter)
                taken = True
            return result
        except TimeoutError as error:
            raise MountTimeout(where, 0, f"a file call did not return within {deadline_seconds:g} s") from error
        except OSError as error:
            raise MountError(where, error.errno or 0, _reason(error)) from error
        finally:
            if not taken:
                self._abandon(ticket, unwanted)

    def _ticketed(self, ticket: _Ticket[T], call: Callable[[], T], unwanted: Callable[[T], None] | None) -> T:
        with self._guard:
            if ticket.abandoned:
                raise TimeoutError("nobody waits for this call any more")
            ticket.running = True
        try:
            result = call()
            ticket.result = (result,)
        finally:
            with self._guard:
                ticket.running = False
                late = self._abandoned_at.pop(ticket, None) is not None
        if late and unwanted is not None:
            unwanted(result)
        return result

    def _abandon(self, ticket: _Ticket[T], unwanted: Callable[[T], None] | None) -> None:
        """Nobody waits any more: a call that has not begun never does, and one that runs counts as stuck."""
        with self._guard:
            ticket.abandoned = True
            if ticket.running:
                self._abandoned_at[ticket] = time.monotonic()
            result = None if ticket.running else ticket.result
        if result is not None and unwanted is not None:
            unwanted(result[0])


def _reason(error: OSError) -> str:
    text = error.strerror or str(error)
    cause = _CAUSES.get(error.errno or 0)
    return f"{cause}: {text}" if cause else text
