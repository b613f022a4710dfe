"""How this instance is: its mounts, its queues, its purging, its certificate. All of it is in memory."""

import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from piragua.models import OngoingOperation
from piragua.upkeep.purging.purger import Queue


class MountHealth(Protocol):
    """The part of `piragua.tree.mount.Mount` that is needed here."""

    gluster_volume: str

    @property
    def problem(self) -> str: ...
    @property
    def stuck_calls(self) -> int: ...


class PurgerState(Protocol):
    """The part of `piragua.upkeep.purging.purger.Purger` that is needed here."""

    def queue(self) -> Queue: ...


class CommandQueue(Protocol):
    """How many wait, and since when: `piragua.gluster.watch.WaitingCommands`."""

    @property
    def count(self) -> int: ...
    @property
    def oldest_seconds(self) -> float: ...


class GlusterState(Protocol):
    """The part of `piragua.gluster.gluster.Gluster` that is needed here."""

    @property
    def stuck_processes(self) -> int: ...
    @property
    def waiting(self) -> CommandQueue: ...


class OngoingWork(Protocol):
    """The part of `piragua.operations.operations.Operations` that is needed here."""

    def ongoing(self) -> Sequence[OngoingOperation]: ...


@dataclass
class Instance:
    """Its parts. purgers: by the name of their Gluster volume. certificate_expires: None without TLS."""

    mounts: Sequence[MountHealth]
    purgers: Mapping[str, PurgerState]
    gluster: GlusterState
    work: OngoingWork
    certificate_expires: datetime | None = None
    server: str = field(default_factory=socket.gethostname)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    started_seconds: float = field(default_factory=time.monotonic)

    @property
    def uptime_seconds(self) -> float:
        """Since it was started."""
        return time.monotonic() - self.started_seconds
