"""Short settings for all instances: extended attributes of `/.piragua`. Every function blocks.

Setting one replaces it in one step, and one call reads it, past every cache (glusterfs 10.3): requests that
change something ask for the mode first.
"""

import os

from piragua.tree import layout, xattrs
from piragua.tree.handle import Handle, by_descriptor

_PREFIX = "user.piragua."


def read(handle: Handle, key: str) -> bytes | None:
    """What was set; None where nothing was."""
    with handle.folder(layout.OWN_DIRECTORY) as fd:
        return xattrs.read(fd, _PREFIX + key)


def write(handle: Handle, key: str, data: bytes) -> None:
    """Sets it, for all instances from now on. Below 1 KiB: bricks on ext4 have no room for much."""
    with handle.folder(layout.OWN_DIRECTORY) as fd:
        os.setxattr(by_descriptor(fd), _PREFIX + key, data)
