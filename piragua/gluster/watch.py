"""What commands do, told as it happens: to whoever counts, and to the log where Gluster does not do its work.

A command that is tried again says nothing in the log. Trouble that lasts appears there once, with its cause, and
once more when it is over.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from piragua.errors import GlusterBusy, GlusterError, GlusterTimeout, GlusterUnavailable

_log = logging.getLogger(__name__)
_PATIENCE_SECONDS = 5.0
"""Commands of other servers are in the way for moments all the time: that is no trouble yet."""

_GLUSTERD = ""


class CommandRecorder(Protocol):
    """Whoever counts: `piragua.status.counters.Counters`."""

    def command_ended(self, command: str, outcome: str, seconds: float) -> None: ...
    def command_retried(self, command: str) -> None: ...
    def turn_came(self, seconds: float) -> None: ...


@dataclass(frozen=True)
class WaitingCommands:
    """The commands that wait for their turn. oldest_seconds: how long the first of them has waited."""

    count: int
    oldest_seconds: float


def kind_of(argv: tuple[str, ...]) -> str:
    """The command without names and values: `volume quota limit-usage`, `pool list`."""
    if argv[0] != "volume":
        return " ".join(argv[:2])
    # After the verb comes the Gluster volume's name, and then what is wanted of it.
    deeper = argv[3:4] if argv[1] in ("quota", "status", "heal") else ()
    return " ".join(("volume", argv[1], *deeper))


class Watch:
    """Sees every attempt. now_seconds: a clock that never goes back."""

    def __init__(
        self, recorder: CommandRecorder | None = None, *, now_seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._recorder = recorder
        self._now_seconds = now_seconds
        self._turns: dict[object, float] = {}
        self._troubles: dict[str, _Trouble] = {}

    @property
    def waiting(self) -> WaitingCommands:
        """The commands that wait for their turn."""
        oldest = min(self._turns.values(), default=None)
        return WaitingCommands(len(self._turns), 0.0 if oldest is None else self._now_seconds() - oldest)

    @contextmanager
    def attempt(self, argv: tuple[str, ...]) -> Iterator[None]:
        """Around one attempt at a command."""
        begun, outcome = self._now_seconds(), "cancelled"
        try:
            yield
            outcome = "ok"
            self._works(argv)
        except GlusterError as error:
            outcome = _outcome_of(error)
            self._fails(argv, error)
            raise
        finally:
            if self._recorder is not None:
                self._recorder.command_ended(kind_of(argv), outcome, self._now_seconds() - begun)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Around the wait for a turn."""
        mark = object()
        begun = self._turns[mark] = self._now_seconds()
        try:
            yield
        finally:
            del self._turns[mark]
            if self._recorder is not None:
                self._recorder.turn_came(self._now_seconds() - begun)

    def retries_of(self, argv: tuple[str, ...]) -> Callable[[], None]:
        """To be called for every attempt but the first."""
        recorder, kind = self._recorder, kind_of(argv)
        return (lambda: recorder.command_retried(kind)) if recorder is not None else lambda: None

    def _fails(self, argv: tuple[str, ...], error: GlusterError) -> None:
        if not isinstance(error, GlusterBusy | GlusterTimeout | GlusterUnavailable):
            self._works(argv)  # it said no, which is an answer
            return
        where = _GLUSTERD if isinstance(error, GlusterUnavailable) else _gluster_volume(argv)
        trouble = self._troubles.setdefault(where, _Trouble(self._now_seconds()))
        trouble.count += 1
        lasts_seconds = self._now_seconds() - trouble.since
        if not trouble.told and (not isinstance(error, GlusterBusy) or lasts_seconds > _PATIENCE_SECONDS):
            trouble.told = True
            _log.warning("Gluster does not do its work: %s", error)

    def _works(self, argv: tuple[str, ...]) -> None:
        if not self._troubles:
            return
        for where in (_GLUSTERD, _gluster_volume(argv)):
            trouble = self._troubles.pop(where, None)
            if trouble is not None and trouble.told:
                lasted_seconds = self._now_seconds() - trouble.since
                what = f" for {where}" if where else ""
                _log.warning(
                    "Gluster does its work again%s after %.0f s; attempts that failed: %d",
                    what,
                    lasted_seconds,
                    trouble.count,
                )


class _Trouble:
    """Since when, how many attempts have failed of it, and whether it was told."""

    def __init__(self, since: float) -> None:
        self.since = since
        self.count = 0
        self.told = False


def _gluster_volume(argv: tuple[str, ...]) -> str:
    """What the command is about, or glusterd."""
    return argv[2] if argv[0] == "volume" and len(argv) > 2 else _GLUSTERD


def _outcome_of(error: GlusterError) -> str:
    for kind, outcome in (
        (GlusterBusy, "busy"),
        (GlusterTimeout, "timeout"),
        (GlusterUnavailable, "unavailable"),
    ):
        if isinstance(error, kind):
            return outcome
    return "refused"
