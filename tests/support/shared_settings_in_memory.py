"""Mounts that keep settings in memory, and can go away: shared by as many instances as a test wants."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from piragua.errors import MountError, NotMounted
from piragua.tree.mount import Mount


@dataclass
class KeptInMemory:
    """One Gluster volume's settings. away: it is not mounted; read_only: it takes no changes."""

    gluster_volume: str
    settings: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, bytes] = field(default_factory=dict)
    away: bool = False
    read_only: bool = False

    def as_mount(self) -> Mount:
        return cast(Mount, self)

    def current(self) -> "KeptInMemory":
        if self.away:
            raise NotMounted(self.gluster_volume, 0, "not mounted")
        return self

    async def setting(self, key: str, *, timeout_seconds: float | None = None) -> bytes | None:
        return self.settings.get(key)

    async def set(self, key: str, data: bytes) -> None:
        if self.read_only:
            raise MountError(self.gluster_volume, 30, "read-only file system")
        self.settings[key] = data

    async def read_files(self, folder: str) -> Mapping[str, bytes]:
        return self.tags
