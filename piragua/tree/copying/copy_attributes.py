"""Owner, mode, extended attributes, ACLs and times of one thing, put on its copy. Every function blocks.

Things are given as descriptors, path-only ones included, so that nothing is looked up by name again.
"""

import errno
import os
import stat

from piragua.tree.handle import by_descriptor

_COPIED = ("user.", "security.")
_ACLS = {
    "system.posix_acl_access": "glusterfs.posix.acl",
    "system.posix_acl_default": "glusterfs.posix.default_acl",
}
"""By their own names ACLs can be reached on a mount with `-o acl` only, by Gluster's on any (glusterfs 10.3)."""


def copy_attributes(source_fd: int, target_fd: int, status: os.stat_result) -> None:
    """What status says of the source, and its extended attributes and ACLs.

    Attributes in `trusted.` are Gluster's, or of an administrator who is not asked here; they stay behind.
    """
    target = by_descriptor(target_fd)
    os.chown(target, status.st_uid, status.st_gid)
    if not stat.S_ISLNK(status.st_mode):  # after the owner, whose change takes bits away; a link has no mode
        os.chmod(target, stat.S_IMODE(status.st_mode))
    source = by_descriptor(source_fd)
    for name in os.listxattr(source):
        if name in _ACLS:
            _copy_acl(source, target, name)
        elif name.startswith(_COPIED):
            _copy_xattr(source, target, name)
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def _copy_xattr(source: str, target: str, name: str) -> None:
    """A tenant's own attributes always; what belongs to a security module only where that allows it."""
    value = _value(source, name)
    if value is None:
        return
    try:
        os.setxattr(target, name, value)
    except OSError as error:
        if name.startswith("user.") or error.errno not in (errno.EPERM, errno.EACCES, errno.ENOTSUP):
            raise


def _copy_acl(source: str, target: str, name: str) -> None:
    for each in (name, _ACLS[name]):
        try:
            value = _value(source, each)
        except OSError as error:
            if error.errno != errno.ENOTSUP:
                raise
        else:
            if value is not None:
                os.setxattr(target, each, value)
            return


def _value(source: str, name: str) -> bytes | None:
    """None if it was removed meanwhile."""
    try:
        return os.getxattr(source, name)
    except OSError as error:
        if error.errno == errno.ENODATA:
            return None
        raise
