"""Directories made by hand, as crashes, administrators, other versions and the original Piragua leave them."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from piragua.models import BYTES_PER_GIB, dashed
from piragua.tree import layout
from piragua.tree.locking import locks
from piragua.tree.record import Deletion, Record
from tests.support.lock_holder import lock_held
from tests.support.pool import GlusterVolume

SIZE_BYTES = BYTES_PER_GIB


class ByHand:
    """Makes them at folder, a mount of the whole Gluster volume. Every method gives or takes an id."""

    def __init__(self, volume: GlusterVolume, folder: Path, stack: ExitStack) -> None:
        self.volume = volume
        self.folder = folder
        self._stack = stack

    def path(self, volume_id: str) -> Path:
        return self.folder / dashed(volume_id)

    def data_path(self, volume_id: str) -> Path:
        """The only directory in `/<id>`."""
        [inside] = self.path(volume_id).iterdir()
        return inside

    def directory(self) -> str:
        """An empty `/<id>`."""
        volume_id = uuid4().hex
        self.path(volume_id).mkdir(mode=0o755)
        return volume_id

    def mark(self, volume_id: str, attribute: str, data: bytes) -> str:
        os.setxattr(self.path(volume_id), attribute, data)
        return volume_id

    def record(self, volume_id: str, record: Record | None = None) -> str:
        return self.mark(volume_id, layout.RECORD_XATTR, (record or record_of(volume_id)).encode())

    def data(self, volume_id: str, name: str | None = None, files: int = 0) -> str:
        """The data directory, with some files in it."""
        inside = self.path(volume_id) / (name or f"vol_{volume_id}")
        inside.mkdir(mode=0o755)
        for number in range(files):
            (inside / f"file{number}").write_text("kept")
        return volume_id

    def limit(self, volume_id: str, size_bytes: int = SIZE_BYTES) -> str:
        self.quota("limit-usage", f"/{dashed(volume_id)}", str(size_bytes))
        return volume_id

    def published(self, volume_id: str) -> str:
        return self.mark(volume_id, layout.PUBLISHED_XATTR, b"1")

    def deleted(self, volume_id: str, deletion: Deletion) -> str:
        return self.mark(volume_id, layout.DELETION_XATTR, deletion.encode())

    def volume_with(self, record: Record | None = None, files: int = 0) -> str:
        """A volume as a create leaves it, but for its name's file."""
        volume_id = self.directory()
        name = record.name if record else None
        self.data(self.record(volume_id, record), name, files)
        return self.tell(self.published(self.limit(volume_id)))

    def tell(self, volume_id: str) -> str:
        """A line in the feed, so that instances look at it at once and not when they list the root again."""
        with (self.folder / layout.FEED).open("ab") as feed:
            feed.write(f"{volume_id} by-hand\n".encode())
        return volume_id

    def tombstone(self, volume_id: str) -> str:
        (self.folder / layout.TOMBSTONES / volume_id).touch()
        return volume_id

    def lock(self, volume_id: str) -> str:
        """Another process holds its lock until the end of the test."""
        self._stack.enter_context(lock_held(self.folder, locks.id_offset(volume_id)))
        return volume_id

    def quota(self, *words: str) -> str:
        return self.volume.pool.nodes[0].gluster("volume", "quota", self.volume.name, *words)

    def gfid(self, volume_id: str) -> str:
        """Gluster's own id of `/<id>`: 32 hex digits."""
        text = os.getxattr(self.path(volume_id), "glusterfs.gfid.string").decode()
        return text.strip("\0").replace("-", "")


@contextmanager
def by_hand(volume: GlusterVolume, folder: Path) -> Iterator[ByHand]:
    with ExitStack() as stack:
        yield ByHand(volume, folder, stack)


def record_of(volume_id: str) -> Record:
    return Record(SIZE_BYTES, f"vol_{volume_id}", created=datetime(2024, 2, 29, 12, tzinfo=UTC))


def newer(volume_id: str) -> bytes:
    """A record of a later version."""
    return json.dumps({**json.loads(record_of(volume_id).encode()), "v": 2}).encode()


DELETED_LONG_AGO = Deletion(datetime(2024, 1, 1, tzinfo=UTC), 0)


def _marked(*steps: Callable[[ByHand, str], str]) -> Callable[[ByHand], str]:
    def make(hand: ByHand) -> str:
        volume_id = hand.directory()
        for step in steps:
            step(hand, volume_id)
        return volume_id

    return make


def _with_file(hand: ByHand, volume_id: str) -> str:
    return hand.data(volume_id, files=1)


def _loose_file(hand: ByHand, volume_id: str) -> str:
    (hand.path(volume_id) / "file").write_text("whose?")
    return volume_id


def _clone(hand: ByHand, volume_id: str) -> str:
    return hand.record(volume_id, replace(record_of(volume_id), clone_source=uuid4().hex))


def _cloned(hand: ByHand, volume_id: str) -> str:
    """As a complete clone whose data directory is as a tenant left that of the source."""
    hand.record(volume_id, record_of(volume_id).with_operation("0123456789abcdef"))
    hand.data(volume_id, files=1)
    hand.data_path(volume_id).chmod(0o1777)
    return volume_id


def _gone(**changes: object) -> Callable[[ByHand, str], str]:
    # long enough that nothing purges it during a test, whatever the clocks say
    deletion = Deletion(datetime.now(UTC), 86400)
    for name, value in changes.items():
        deletion = replace(deletion, **{name: value})  # type: ignore[arg-type]
    return lambda hand, volume_id: hand.deleted(volume_id, deletion)


def _raw(attribute: str, data: bytes) -> Callable[[ByHand, str], str]:
    return lambda hand, volume_id: hand.mark(volume_id, attribute, data)


def _newer(hand: ByHand, volume_id: str) -> str:
    return hand.mark(volume_id, layout.RECORD_XATTR, newer(volume_id))


def _closed(hand: ByHand, volume_id: str) -> str:
    hand.path(volume_id).chmod(layout.CLOSED_MODE)
    return volume_id


def _mode_lost(hand: ByHand, volume_id: str) -> str:
    """As Gluster leaves it when a volume gets its second brick."""
    for directory in (hand.path(volume_id), hand.path(volume_id) / f"vol_{volume_id}"):
        directory.chmod(0)
    return volume_id


def _plain_file(hand: ByHand) -> str:
    volume_id = uuid4().hex
    hand.path(volume_id).write_text("a file with the name of a volume")
    return volume_id


def _symbolic_link(hand: ByHand) -> str:
    volume_id, other = uuid4().hex, hand.volume_with(files=1)
    hand.path(volume_id).symlink_to(dashed(other))
    return volume_id


_VOLUME = (ByHand.record, _with_file, ByHand.limit, ByHand.published)

MAKERS: dict[str, Callable[[ByHand], str]] = {
    "absent": lambda hand: uuid4().hex,
    "returned": _marked(*_VOLUME, ByHand.tombstone),
    "purging": _marked(*_VOLUME, _gone(purging=True)),
    "closed": _marked(*_VOLUME, _closed),
    "trash": _marked(*_VOLUME, _gone()),
    "trash, closed": _marked(*_VOLUME, _gone(), _closed),
    "gone unreadable": _marked(*_VOLUME, _raw(layout.DELETION_XATTR, b"{half")),
    "gone emptied": _marked(*_VOLUME, _raw(layout.DELETION_XATTR, b"{}")),
    "record newer": _marked(_newer, _with_file, ByHand.limit, ByHand.published),
    "record newer, unpublished": _marked(_newer, _with_file, ByHand.limit),
    "record unreadable": _marked(_raw(layout.RECORD_XATTR, b"\xff"), _with_file, ByHand.limit),
    "volume": _marked(*_VOLUME),
    "volume, mode lost": _marked(*_VOLUME, _mode_lost),
    "original, half adopted": _marked(_with_file, ByHand.limit, ByHand.published),
    "being made": _marked(ByHand.record, ByHand.lock),
    "being made, complete": _marked(ByHand.record, ByHand.data, ByHand.limit, ByHand.lock),
    "complete": _marked(ByHand.record, ByHand.data, ByHand.limit),
    "mark lost": _marked(ByHand.record, _with_file, ByHand.limit),
    "clone given up": _marked(_clone, _with_file, ByHand.limit),
    "clone, mark lost": _marked(_cloned, ByHand.limit),
    "given up, empty": _marked(ByHand.record),
    "given up, no limit": _marked(ByHand.record, ByHand.data),
    "given up, limit": _marked(ByHand.record, ByHand.limit),
    "unclear": _marked(ByHand.record, _with_file),
    "unclear, another limit": _marked(
        ByHand.record, _with_file, lambda hand, volume_id: hand.limit(volume_id, 5 * 2**20)
    ),
    "unclear, two directories": _marked(ByHand.record, _with_file, lambda h, i: h.data(i, "more")),
    "original": _marked(_with_file, ByHand.limit),
    "original, no limit": _marked(_with_file),
    "original, mode lost": _marked(_with_file, ByHand.limit, _mode_lost),
    "leftover": _marked(),
    "leftover, limit": _marked(ByHand.limit),
    "not ours, two directories": _marked(_with_file, lambda h, i: h.data(i, "more")),
    "not ours, a file": _marked(_loose_file),
    "a plain file": _plain_file,
    "a symbolic link": _symbolic_link,
}
"""What each line of the table looks like, made without Piragua; some lines can look in more than one way."""
