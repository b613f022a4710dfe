"""The record of a volume: what cannot be read back from the directory itself.

JSON in one extended attribute, kept under 2 KiB: on ext4 bricks one of 3,900 bytes already fails.
"""

import json
import math
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from piragua.errors import InvalidRequest
from piragua.models import NO_BOUNDS, Bounds, Snapshot

FORMAT_VERSION = 1
LARGEST_BYTES = 2047
REMEMBERED_OPERATIONS = 8
_NONCE_DIGITS = 16
_LARGEST_SIZE_BYTES = 2**63 - 1
_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)


class UnreadableRecord(ValueError):
    """The record is there and is not one of ours; the volume is left alone."""


class NewerRecord(UnreadableRecord):
    """The record was written by a later version; the volume is left alone."""


@dataclass(frozen=True)
class Record:
    """What is kept with a volume.

    clone_source is the id of the source until the copy is complete. operations are the nonces of
    the last expands, shrinks, clones and restores. unknown holds fields of other versions, which a rewrite keeps.
    """

    size_bytes: int
    name: str
    gid: int = 0
    created: datetime | None = None
    snapshot: Snapshot = Snapshot()
    options: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    bounds: Bounds = NO_BOUNDS
    clone_source: str | None = None
    operations: tuple[str, ...] = ()
    unknown: dict[str, Any] = field(default_factory=dict)

    def with_operation(self, nonce: str) -> "Record":
        """The same, remembering that this operation came to its end; of older ones, as many as fit."""
        return replace(self, operations=(*self.operations, nonce)[-REMEMBERED_OPERATIONS:]).shortened()

    def shortened(self) -> "Record":
        """The same with as many of the last operations as fit, but the last one always."""
        fitting = self
        while len(fitting.operations) > 1 and len(fitting._encoded()) > LARGEST_BYTES:
            fitting = replace(fitting, operations=fitting.operations[1:])
        return fitting

    def require_room(self) -> None:
        """InvalidRequest when what is done to its volume later could not be kept in it, up to the largest size."""
        replace(self, size_bytes=_LARGEST_SIZE_BYTES).with_operation("0" * _NONCE_DIGITS).encode()

    def encode(self) -> bytes:
        """The record as it is stored; InvalidRequest when it would be 2 KiB or more."""
        data = self._encoded()
        if len(data) > LARGEST_BYTES:
            raise InvalidRequest(
                f"name, options and labels of a volume are kept in a record of at most {LARGEST_BYTES} bytes;"
                f" these need {len(data)}"
            )
        return data

    def _encoded(self) -> bytes:
        fields: dict[str, Any] = dict(self.unknown)
        fields |= {"v": FORMAT_VERSION, "size_bytes": self.size_bytes, "name": self.name, "gid": self.gid}
        if self.created is not None:
            fields["created"] = self.created.astimezone(UTC).isoformat(timespec="seconds")
        fields["snapshot"] = {"enable": self.snapshot.enable, "factor": self.snapshot.factor}
        fields |= {"options": list(self.options), "labels": self.labels, "operations": list(self.operations)}
        if self.bounds.files is not None:
            fields["files_limit"] = self.bounds.files
        if self.bounds.soft_percent is not None:
            fields["soft_limit_percent"] = self.bounds.soft_percent
        if self.clone_source is not None:
            fields["clone_source"] = self.clone_source
        text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
        return text.encode(errors="surrogateescape")


_KNOWN = {
    "v",
    "size_bytes",
    "name",
    "gid",
    "created",
    "snapshot",
    "options",
    "labels",
    "files_limit",
    "soft_limit_percent",
    "operations",
    "clone_source",
}


def decode(data: bytes) -> Record:
    """The record in data; NewerRecord or UnreadableRecord when it is not one that this version knows."""
    try:
        fields = json.loads(data.decode(errors="surrogateescape"))
        version = _whole(fields["v"], at_least=1)
        if version > FORMAT_VERSION:
            raise NewerRecord(f"record of format {version}; this version knows {FORMAT_VERSION}")
        created, source = fields.get("created"), fields.get("clone_source")
        return Record(
            size_bytes=_whole(fields["size_bytes"], at_least=1),
            name=_text(fields["name"]),
            gid=_whole(fields["gid"], at_least=0),
            created=None if created is None else _time(created),
            snapshot=_snapshot(fields.get("snapshot", {})),
            options=_texts(fields.get("options", [])),
            labels={_text(key): _text(value) for key, value in fields.get("labels", {}).items()},
            bounds=_bounds(fields),
            clone_source=None if source is None else _text(source),
            operations=_texts(fields.get("operations", [])),
            unknown={key: value for key, value in fields.items() if key not in _KNOWN},
        )
    except NewerRecord:
        raise
    except _UNREADABLE as error:
        raise UnreadableRecord(f"the record cannot be read: {type(error).__name__}: {error}") from error


def _whole(value: object, *, at_least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < at_least:
        raise UnreadableRecord(f"not a number as it should be: {value!r}")
    return value


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise UnreadableRecord(f"not a number: {value!r}")
    return value


def _bounds(fields: dict[str, object]) -> Bounds:
    files, soft_percent = fields.get("files_limit"), fields.get("soft_limit_percent")
    return Bounds(
        None if files is None else _whole(files, at_least=1),
        None if soft_percent is None else _whole(soft_percent, at_least=1),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise UnreadableRecord(f"not a text: {value!r}")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise UnreadableRecord(f"not a list: {value!r}")
    return tuple(map(_text, value))


def _time(value: object) -> datetime:
    time = datetime.fromisoformat(_text(value))
    if time.tzinfo is None:
        raise UnreadableRecord("a time without a zone")
    return time.astimezone(UTC)


def _snapshot(fields: dict[str, object]) -> Snapshot:
    enable = fields.get("enable", False)
    if not isinstance(enable, bool):
        raise UnreadableRecord(f"neither true nor false: {enable!r}")
    return Snapshot(enable, _number(fields.get("factor", 1)))


@dataclass(frozen=True)
class Deletion:
    """The mark that a volume was deleted: when, and how long it stays in the trash."""

    deleted: datetime
    retention_seconds: float
    purging: bool = False

    def due(self, now: datetime) -> bool:
        """Whether the retention is over."""
        return self.purging or (now - self.deleted).total_seconds() >= self.retention_seconds

    def encode(self) -> bytes:
        """The mark as it is stored."""
        fields = {
            "deleted": self.deleted.astimezone(UTC).isoformat(timespec="seconds"),
            "retention_seconds": self.retention_seconds,
            "purging": self.purging,
        }
        return json.dumps(fields, separators=(",", ":")).encode()


NOT_DELETED = b"{}"


def decode_deletion(data: bytes | None) -> Deletion | None:
    """The mark in data, None when it says "not deleted"; UnreadableRecord when it says neither."""
    if data is None or data in (b"", NOT_DELETED):
        return None
    try:
        fields = json.loads(data)
        if fields == {}:
            return None
        retention_seconds = _number(fields["retention_seconds"])
        return Deletion(_time(fields["deleted"]), retention_seconds, fields.get("purging") is True)
    except UnreadableRecord:
        raise
    except _UNREADABLE as error:
        raise UnreadableRecord(f"the mark of the trash cannot be read: {error}") from error
