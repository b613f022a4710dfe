"""Names on the Gluster volume: what lies where, and what a name may look like."""

import re

from piragua.models import dashed

LOCK_FILE = ".piragua.lock"
OWN_DIRECTORY = ".piragua"
NAMES = f"{OWN_DIRECTORY}/names"
TOMBSTONES = f"{OWN_DIRECTORY}/purged"
FAILURES = f"{OWN_DIRECTORY}/failures"
FEED = f"{OWN_DIRECTORY}/changes"
TAGS = f"{OWN_DIRECTORY}/tags"
INSTANCES = f"{OWN_DIRECTORY}/instances"
OWN_DIRECTORIES = ("names", "purged", "failures", "tags", "instances")

RECORD_XATTR = "user.piragua.volume"
PUBLISHED_XATTR = "user.piragua.published"
DELETION_XATTR = "user.piragua.gone"

CLOSED_MODE = 0o7000
"""Mode of a deleted `/<id>` on a full disk. Not 0: Gluster takes all bits away by itself (see directories.py)."""

LONGEST_NAME_BYTES = 255

_DIRECTORY = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_ID = re.compile(r"[0-9a-f]{32}")


def directory_of(volume_id: str) -> str:
    """The name of a volume's directory in the root; ValueError for what is no id (32 hex digits).

    Everything that becomes a path goes through here first.
    """
    if not _ID.fullmatch(volume_id):
        raise ValueError(f"no volume id: {volume_id!r}")
    return dashed(volume_id)


def id_of(directory: str) -> str | None:
    """The id of a volume whose directory in the root has that name; None for all other names."""
    return directory.replace("-", "") if _DIRECTORY.fullmatch(directory) else None


def safe_name(name: str) -> str:
    """That name, if it can be one component of a path; else ValueError.

    The core lets only Heketi's pattern in; an original's name can be any other directory's.
    """
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise ValueError(f"no name of a directory: {name!r}")
    if len(name.encode(errors="surrogateescape")) > LONGEST_NAME_BYTES:
        raise ValueError("a name cannot be longer than 255 bytes")
    return name
