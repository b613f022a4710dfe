"""What a Gluster volume may hold, as an administrator set it; kept on that Gluster volume."""

import json
from collections.abc import Mapping

from piragua.errors import NotReady
from piragua.models import GlusterVolumeFlags
from piragua.tree.mount import Mount
from piragua.tree.proven_mount import ProvenMount

FLAGS_KEY = "flags"


async def flags_of(mounted: ProvenMount) -> GlusterVolumeFlags:
    """The flags; file volumes and no block volumes where nobody has set any. NotReady, MountError."""
    data = await mounted.setting(FLAGS_KEY)
    if data is None:
        return GlusterVolumeFlags()
    flags = decode_flags(data)
    if flags is None:
        raise NotReady(f"the flags of {mounted.gluster_volume} cannot be read; set them anew")
    return flags


def encode_flags(flags: GlusterVolumeFlags) -> bytes:
    """As they are kept."""
    return json.dumps({"file": flags.file, "block": flags.block}).encode()


def decode_flags(data: bytes) -> GlusterVolumeFlags | None:
    """What is kept; None for what cannot be read."""
    try:
        flags = json.loads(data)
        return GlusterVolumeFlags(file=bool(flags["file"]), block=bool(flags["block"]))
    except (ValueError, TypeError, KeyError):
        return None


class FlagStore:
    """Reads and sets the flags of Gluster volumes. mounts: by the name of their Gluster volume."""

    def __init__(self, mounts: Mapping[str, Mount]) -> None:
        self._mounts = dict(mounts)

    async def of(self, gluster_volume: str) -> GlusterVolumeFlags:
        """Its flags. NotReady, MountError."""
        return await flags_of(self._mounts[gluster_volume].current())

    async def set(self, gluster_volume: str, flags: GlusterVolumeFlags) -> None:
        """All instances go by these flags from now on. MountError."""
        await self._mounts[gluster_volume].current().set(FLAGS_KEY, encode_flags(flags))
