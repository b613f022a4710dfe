"""Tags of nodes and devices, kept on the first Gluster volume that is served."""

import json
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence

from piragua.errors import MountError
from piragua.tree import layout
from piragua.tree.mount import Mount

_log = logging.getLogger(__name__)

Tags = Mapping[str, str]

_CHANGES = "tags"


class TagStore:
    """Reads and changes the tags on the first of these mounts.

    A token that changes with every change says whether what was read is still true. What was read is also told
    while the mount is away.
    """

    def __init__(self, mounts: Sequence[Mount]) -> None:
        self._mount = mounts[0]
        self._token: bytes | None = None
        self._read: dict[str, Tags] | None = None

    async def of(self, ids: Iterable[str]) -> dict[str, Tags]:
        """The tags of each node or device; what cannot be and was never read counts as none.

        Kubernetes throws a new volume away when it cannot read its nodes, and those may be on another Gluster
        volume than the tags.
        """
        try:
            tags = await self._all()
        except MountError as error:
            _log.warning("the tags of nodes and devices cannot be read: %s", error)
            tags = self._read or {}
        return {part_id: tags.get(part_id, {}) for part_id in ids}

    async def change(self, part_id: str, change: Callable[[Tags], Tags]) -> Tags:
        """Replaces the tags of that node or device by what change makes of them. Conflict, MountError."""
        mounted = self._mount.current()

        def changed(data: bytes | None) -> bytes:
            old = {} if data is None else _decoded(data, part_id)
            return json.dumps(dict(sorted(change(old).items()))).encode()

        data = await mounted.change_tags(part_id, changed)
        await mounted.set(_CHANGES, secrets.token_hex(8).encode())
        return _decoded(data, part_id)

    async def _all(self) -> dict[str, Tags]:
        mounted = self._mount.current()
        token = await mounted.setting(_CHANGES)
        if self._read is None or token != self._token:
            kept = await mounted.kept(layout.TAGS)
            self._read = {part_id: _decoded(data, part_id) for part_id, data in kept.items()}
            self._token = token
        return self._read


def _decoded(data: bytes, part_id: str) -> Tags:
    try:
        return {str(name): str(value) for name, value in json.loads(data).items()}
    except (ValueError, AttributeError):
        _log.error("the tags of %s cannot be read; set them anew", part_id)
        return {}
