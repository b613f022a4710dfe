"""A tree with everything that a tenant can put into a volume, and a description to compare copies by."""

import hashlib
import os
import stat
import struct
from pathlib import Path
from typing import Any

ACL = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", *entry)
    for entry in ((1, 6, 2**32 - 1), (2, 4, 4711), (4, 4, 2**32 - 1), (16, 6, 2**32 - 1), (32, 0, 2**32 - 1))
)
"""rw- for the owner, r-- for user 4711, r-- for the group, as the kernel keeps it."""

HOLE_BYTES = 8 * 2**20


def plant(folder: Path, *, acls: bool = True) -> None:
    """Fills an empty folder. acls: on a file system, or a mount, that has them."""
    outside = folder.parent / "outside"
    (folder / "empty").mkdir()
    deep = folder / "a" / "b" / "c"
    deep.mkdir(parents=True)
    (folder / "a" / "file").write_bytes(os.urandom(3 * 2**20 + 17))
    (deep / "small").write_text("small")
    (deep / "nothing").touch()
    (folder / "with\nnewline").write_text("odd name")
    Path(os.fsdecode(os.fsencode(folder) + b"/latin-\xe9")).write_text("no UTF-8")
    (folder / ("n" * 255)).write_text("long name")
    _plant_links(folder, outside)
    _plant_sparse(folder)
    _plant_special(folder)
    _plant_attributes(folder, acls=acls)
    for number, path in enumerate(sorted(folder.rglob("*"), reverse=True)):
        times = (1_000_000_000_123_456_789 + number, 1_100_000_000_987_654_321 + number)
        os.utime(path, ns=times, follow_symlinks=False)
    os.chown(folder, 1000, 4711)
    folder.chmod(0o2770)
    os.utime(folder, ns=(1_200_000_000_000_000_001, 1_300_000_000_000_000_001))


def _plant_links(folder: Path, outside: Path) -> None:
    (folder / "to a file").symlink_to("a/file")
    (folder / "to nowhere").symlink_to("nowhere")
    (folder / "out of it").symlink_to(outside)
    (folder / "a" / "up").symlink_to("..")
    os.link(folder / "a" / "file", folder / "a" / "b" / "c" / "again")
    os.link(folder / "a" / "file", folder / "and again")
    (folder / "a" / "b" / "twins").mkdir()
    (folder / "a" / "b" / "twins" / "one").write_text("twin")
    os.link(folder / "a" / "b" / "twins" / "one", folder / "a" / "b" / "twins" / "two")


def _plant_sparse(folder: Path) -> None:
    with (folder / "sparse").open("wb") as file:
        file.write(b"begin")
        file.seek(HOLE_BYTES)
        file.write(b"middle")
        file.truncate(2 * HOLE_BYTES)
    with (folder / "only a hole").open("wb") as file:
        file.truncate(HOLE_BYTES)


def _plant_special(folder: Path) -> None:
    os.mkfifo(folder / "fifo")
    os.mknod(folder / "null", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    os.mknod(folder / "disk", stat.S_IFBLK | 0o600, os.makedev(300, 70000))
    os.mknod(folder / "socket", stat.S_IFSOCK | 0o600)
    (folder / "fifo").chmod(0o622)


def _plant_attributes(folder: Path, *, acls: bool) -> None:
    script, owned = folder / "script", folder / "a" / "b"
    script.write_text("#!/bin/sh\n")
    os.chown(script, 12, 34)
    script.chmod(0o6755)
    os.chown(folder / "to a file", 12, 34, follow_symlinks=False)
    os.chown(owned, 56, 78)
    owned.chmod(0o3775)
    (folder / "a" / "file").chmod(0)
    os.setxattr(folder / "a" / "file", "user.note", b"\0 any bytes \xff")
    os.setxattr(folder / "empty", "user.empty", b"")
    os.setxattr(script, "security.other", b"1")
    if acls:
        os.setxattr(script, "system.posix_acl_access", ACL)
        os.setxattr(owned, "system.posix_acl_default", ACL)


def described(folder: Path) -> dict[str, Any]:
    """Everything about everything in the folder, and about itself, by its path in it."""
    paths = {path.relative_to(folder): path for path in [folder, *folder.rglob("*")]}
    return {repr(str(relative)): _description(path, folder) for relative, path in paths.items()}


def _description(path: Path, top: Path) -> dict[str, Any]:
    status = path.lstat()
    what: dict[str, Any] = {
        "mode": oct(status.st_mode),
        "owner": (status.st_uid, status.st_gid),
        "device": status.st_rdev,
        "changed": status.st_mtime_ns,
        "attributes": {
            name: os.getxattr(path, name, follow_symlinks=False)
            for name in os.listxattr(path, follow_symlinks=False)
        },
    }
    if stat.S_ISLNK(status.st_mode):
        return what | {"target": os.readlink(path)}
    if stat.S_ISREG(status.st_mode):
        what |= {
            "size": status.st_size,
            "data": _digest(path),
            "full": status.st_blocks * 512 > status.st_size // 2,
        }
    elif not stat.S_ISDIR(status.st_mode):
        what["read"] = status.st_atime_ns  # of others, to look at them changes it
    if not stat.S_ISDIR(status.st_mode) and status.st_nlink > 1:
        what["same as"] = sorted(
            repr(str(other.relative_to(top))) for other in top.rglob("*") if other.lstat().st_ino == status.st_ino
        )
    return what


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
