"""Bodies and answers of what administrators look at and set (docs/heketi-wire.md, 3.1, 4.3)."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel

from piragua.frontends.heketi.field_facts import needs, told
from piragua.frontends.heketi.pool_schemas import uuid_fault
from piragua.frontends.heketi.schemas import refuse_faults
from piragua.http.refusals import SettingRefused
from piragua.models import Mode, OngoingOperation, OperationKind

_OPERATIONS_MAX = 32
_LOGGER = "glusterfs"
_LEVELS = ("none", "critical", "error", "warning", "info", "debug")

# Heketi's word for the kind, and what such an operation changes. It has no word for a restore and a shrink.
_KINDS = {
    OperationKind.CREATE: ("create-volume", "Add volume"),
    OperationKind.EXPAND: ("expand-volume", "Expand volume"),
    OperationKind.DELETE: ("delete-volume", "Delete volume"),
    OperationKind.RESTORE: ("restore-volume", "Restore volume"),
    OperationKind.CLONE: ("clone-volume", "Clone volume"),
    OperationKind.SHRINK: ("shrink-volume", "Shrink volume"),
}


class AdminState(BaseModel):
    """GET and POST /admin."""

    model_config = needs("state")

    state: Annotated[str, told(enum=[mode.value for mode in Mode])] = ""

    def mode(self) -> Mode:
        """Raises InvalidRequest."""
        fault = None if self.state in {mode.value for mode in Mode} else "must be a valid value"
        refuse_faults({"state": fault if self.state else "cannot be blank"})
        return Mode(self.state)


class LogLevels(BaseModel):
    """GET and POST /internal/logging. The one logger is called as Heketi's, and stands for all of Piragua."""

    model_config = needs("loglevel")

    loglevel: Annotated[
        dict[str, str],
        told(properties={_LOGGER: {"enum": list(_LEVELS)}}, required=[_LOGGER], additionalProperties=False),
    ] = {}

    def level(self) -> str:
        """The level that is asked for. Raises SettingRefused for another logger."""
        if set(self.loglevel) != {_LOGGER}:
            raise SettingRefused(f'Only "{_LOGGER}" logger may be modified')
        return self.loglevel[_LOGGER]

    @classmethod
    def of(cls, level: str) -> "LogLevels":
        return cls(loglevel={_LOGGER: level})


class OperationsCleanup(BaseModel):
    """POST /operations/pending/cleanup; no operations: all."""

    operations: list[str] = []

    def check(self) -> None:
        """Raises InvalidRequest."""
        too_many = f"the length must be no more than {_OPERATIONS_MAX}"
        faults = [uuid_fault(each) for each in self.operations]
        fault = next((fault for fault in faults if fault), None)
        refuse_faults({"operations": too_many if len(faults) > _OPERATIONS_MAX else fault})


class OperationCounts(BaseModel):
    """Nothing is ever counted as failed: what failed was unwound, and is over."""

    total: int
    in_flight: int
    stale: int
    failed: int
    new: int

    @classmethod
    def of(cls, operations: Sequence[OngoingOperation]) -> "OperationCounts":
        stale = sum(each.stale for each in operations)
        new = len(operations) - stale
        return cls(total=len(operations), in_flight=new, stale=stale, failed=0, new=new)


class PendingOperation(BaseModel):
    """status: "" or `stale`; sub_status: `in-flight` while a server is at work on it."""

    id: str
    type_name: str
    status: str
    sub_status: str

    @classmethod
    def of(cls, operation: OngoingOperation) -> "PendingOperation":
        return cls(**_fields(operation))


class PendingOperations(BaseModel):
    pendingoperations: list[PendingOperation]


class Change(BaseModel):
    """id: of what is changed."""

    id: str
    description: str


class PendingOperationDetails(PendingOperation):
    changes: list[Change]

    @classmethod
    def of(cls, operation: OngoingOperation) -> "PendingOperationDetails":
        what = _KINDS[operation.kind][1]
        description = f"{what} ({operation.progress})" if operation.progress else what
        return cls(**_fields(operation), changes=[Change(id=operation.volume_id, description=description)])


def _fields(operation: OngoingOperation) -> dict[str, str]:
    return {
        "id": operation.id,
        "type_name": _KINDS[operation.kind][0],
        "status": "stale" if operation.stale else "",
        "sub_status": "" if operation.stale else "in-flight",
    }
