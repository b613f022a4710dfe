"""What a directory in the root is: one look at it, and the table that names its state.

The table is docs/on-disk-format.md, "States"; its lines are tried in order and the first that fits counts.
"""

from dataclasses import dataclass
from enum import Enum

from piragua.models import NO_BOUNDS, Bounds
from piragua.tree.record import Deletion, Record


class State(Enum):
    """The lines of the table."""

    ABSENT = "not there"
    RETURNED = "purged, and brought back by a returning brick"
    TRASH = "in the trash"
    PURGING = "being purged"
    LEFT_ALONE = "has a record that this version cannot read"
    VOLUME = "a volume"
    BEING_MADE = "being made"
    COMPLETE = "a create that died at its end, or a lost mark"
    CLONE_GIVEN_UP = "a clone that was given up"
    GIVEN_UP = "a create that was given up"
    ORIGINAL = "a volume of the original Piragua"
    LEFTOVER = "an empty directory left by a crash"
    UNCLEAR = "unclear"
    NOT_OURS = "not Piragua's"


LISTED = frozenset({State.VOLUME, State.ORIGINAL, State.LEFT_ALONE, State.COMPLETE, State.UNCLEAR})
"""States whose ids are in a list: volumes, and what may be one; a list never leaves something out."""

USABLE = frozenset({State.VOLUME, State.ORIGINAL})
"""States that can be shown and changed."""

DELETED = frozenset({State.RETURNED, State.TRASH, State.PURGING})
"""States in which a mark that was put there says "deleted"."""

SWEPT = frozenset({State.COMPLETE, State.CLONE_GIVEN_UP, State.GIVEN_UP, State.LEFTOVER})
"""States that a sweep ends, seen twice with the lock free."""


@dataclass(frozen=True)
class DataDirectory:
    """The directory that nodes mount: its group, its permission bits, whether it is empty."""

    name: str
    uid: int
    gid: int
    mode: int
    empty: bool


def data_mode(gid: int) -> int:
    """Permission bits of a data directory (docs/heketi-wire.md, 8.1): with a gid its group may write."""
    return 0o2775 if gid else 0o755


@dataclass(frozen=True)
class Observed:
    """What one look at `/<id>` saw.

    record_unreadable and deletion_unreadable say why a mark that is there cannot be read. entries, data and
    limit_bytes (None: no limit of its own) are only looked at where the marks do not decide.
    """

    volume_id: str
    exists: bool = True
    tombstone: bool = False
    closed: bool = False
    deletion: Deletion | None = None
    deletion_unreadable: str = ""
    record: Record | None = None
    record_unreadable: str = ""
    published: bool = False
    locked: bool = False
    entries: tuple[str, ...] = ()
    data: DataDirectory | None = None
    limit_bytes: int | None = None

    @property
    def bounds(self) -> Bounds:
        """What its record says; none without one."""
        return NO_BOUNDS if self.record is None else self.record.bounds

    @property
    def state(self) -> State:
        """The first line of the table that fits."""
        if not self.exists:
            return State.ABSENT
        if self.tombstone:
            return State.RETURNED
        if self.deletion_unreadable:
            return State.UNCLEAR
        if self.deletion is not None:
            return State.PURGING if self.deletion.purging else State.TRASH
        if self.closed:
            return State.PURGING
        if self.record_unreadable:
            return State.LEFT_ALONE
        if self.published:
            return State.VOLUME
        return self._without_published() if self.record is not None else self._without_marks()

    def _without_published(self) -> State:
        if self.locked:
            return State.BEING_MADE
        if self.record is not None and self.record.clone_source is not None:
            return State.CLONE_GIVEN_UP
        if self.as_recorded or self.was_a_volume:
            return State.COMPLETE
        nothing_in_it = not self.entries or (len(self.entries) == 1 and self.data is not None and self.data.empty)
        return State.GIVEN_UP if nothing_in_it else State.UNCLEAR

    @property
    def as_recorded(self) -> bool:
        """Whether data directory and limit are there as the record says: the create got as far as its limit."""
        record, data = self.record, self.data
        return (
            record is not None
            and data is not None
            and self.entries == (record.name,)
            and (data.uid, data.gid, data.mode) == (0, record.gid, data_mode(record.gid))
            and self.limit_bytes == record.size_bytes
        )

    @property
    def was_a_volume(self) -> bool:
        """Whether an operation left its nonce, as only a complete clone, an expand and a restore do.

        Owner and mode prove nothing then: a clone has its source's, and tenants change them.
        """
        record = self.record
        return (
            record is not None
            and record.clone_source is None
            and bool(record.operations)
            and self.data is not None
            and self.entries == (record.name,)
        )

    def _without_marks(self) -> State:
        if not self.entries:
            return State.LEFTOVER
        return State.ORIGINAL if self.data is not None and len(self.entries) == 1 else State.NOT_OURS
