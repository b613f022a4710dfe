"""Directories by their gfid: whether one is there, and making one with a gfid that was lost.

A directory that is removed while it has a limit leaves its gfid in quota.conf, and no command takes that away
any more: every command wants the path. So a directory with that gfid is made once more. Works on a mount with
`mounts.BY_GFID` only. Every function blocks. Source: glusterfs 10.3 behaviour, and its gfid-access translator.
"""

import errno
import os
import stat
import struct

from piragua.models import dashed
from piragua.tree import layout
from piragua.tree.handle import Handle, by_descriptor

_NEW_ENTRY_XATTR = "glusterfs.gfid.newfile"
_MODE = 0o755


def exists(handle: Handle, gfid: str) -> bool:
    """Whether anything on the Gluster volume has that gfid (32 hex digits)."""
    try:
        os.stat(f".gfid/{dashed(gfid)}", dir_fd=handle.fd, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ESTALE):
            raise
        return False
    return True


def make_directory(handle: Handle, gfid: str, volume_id: str) -> None:
    """An empty `/<id>`, owned by root, with that gfid (32 hex digits). FileExistsError if it is in use."""
    name = layout.directory_of(volume_id).encode()
    entry = struct.pack(
        f"!II37sI{len(name) + 1}sII", 0, 0, dashed(gfid).encode(), stat.S_IFDIR | _MODE, name, _MODE, 0
    )
    os.setxattr(by_descriptor(handle.fd), _NEW_ENTRY_XATTR, entry)
