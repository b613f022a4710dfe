"""What operations run, and what they need of the Gluster volume to tell other instances of it."""

from typing import Protocol, runtime_checkable

from piragua.models import OperationKind


class Job(Protocol):
    """Work that was prepared: what can be refused was checked, what it needs is held.

    `run` does it and releases; `abandon` releases without doing it. After OutcomeUnknown the tree is asked.
    """

    @property
    def kind(self) -> OperationKind: ...
    @property
    def gluster_volume_id(self) -> str: ...
    @property
    def volume_id(self) -> str: ...
    async def run(self, nonce: str) -> None: ...
    async def abandon(self) -> None: ...


@runtime_checkable
class Progressing(Protocol):
    """A job that takes long enough to say how far it is."""

    def progress(self) -> str:
        """A few words, such as "3 files copied"."""


@runtime_checkable
class Waiting(Protocol):
    """A job that others of its kind can go before."""

    @property
    def waiting(self) -> bool:
        """Whether it has not begun."""


class Lock(Protocol):
    """A lock that is held until `release`."""

    async def release(self) -> None: ...


class Journal(Protocol):
    """What all instances know of operations on one Gluster volume."""

    async def take_operation(self, nonce: str) -> Lock: ...
    async def operation_is_held(self, nonce: str) -> bool: ...
    async def write_failure(self, nonce: str, text: str) -> None: ...
    async def read_failure(self, nonce: str) -> str | None: ...
