"""Tags of nodes and devices, kept on the first Gluster volume that is served."""

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

from piragua.errors import MountError
from piragua.tree import layout
from piragua.tree.mount import Mount

_log = logging.getLogger(__name__)

Tags = Mapping[str, str]


class TagStore:
    """Reads and changes the tags on the first of these mounts.

    A listing says whether what was read is still true: every change makes a file with a higher number. So it is
    the change itself that other instances learn of, and nothing after it can be missing. What was read is also
    told while the mount is away.
    """

    def __init__(self, mounts: Sequence[Mount]) -> None:
        self._mount = mounts[0]
        self._read: dict[str, Tags] | None = None
        self._numbers: Mapping[str, int] = {}

    async def of(self, ids: Iterable[str]) -> dict[str, Tags]:
        """The tags of each node or device; what cannot be and was never read counts as none.

        Kubernetes throws a new volume away when it cannot read its nodes, and those may be on another Gluster
        volume than the tags.
        """
        try:
            tags = await self.all()
        except MountError as error:
            _log.warning("the tags of nodes and devices cannot be read: %s", error)
            tags = self._read or {}
        return {part_id: tags.get(part_id, {}) for part_id in ids}

    async def change(self, part_id: str, change: Callable[[Tags], Tags]) -> Tags:
        """Replaces the tags of that node or device by what change makes of them. Conflict, MountError."""
        mounted = self._mount.current()

        def changed(data: bytes | None) -> bytes:
            old = {} if data is None else _decoded(data, part_id)
            return encode_tags(change(old))

        data = await mounted.change_tags(part_id, changed)
        return _decoded(data, part_id)

    async def all(self) -> dict[str, Tags]:
        """The tags of every node and device that has any, as they are now. MountError."""
        mounted = self._mount.current()
        if self._read is None or await mounted.file_numbers(layout.TAGS) != self._numbers:
            found = await mounted.read_numbered_files(layout.TAGS)
            self._read = {part_id: _decoded(each.data, part_id) for part_id, each in found.items()}
            # Of what is being written now an earlier number was read, so it is read again the next time.
            self._numbers = {part_id: each.number for part_id, each in found.items()}
        return self._read


def encode_tags(tags: Tags) -> bytes:
    """As they are kept."""
    return json.dumps(dict(sorted(tags.items()))).encode()


def decode_tags(data: bytes) -> Tags | None:
    """What is kept; None for what cannot be read."""
    try:
        return {str(name): str(value) for name, value in json.loads(data).items()}
    except (ValueError, AttributeError):
        return None


def _decoded(data: bytes, part_id: str) -> Tags:
    tags = decode_tags(data)
    if tags is None:
        _log.error("the tags of %s cannot be read; set them anew", part_id)
    return tags or {}
