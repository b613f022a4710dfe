"""Ids and names in paths: which spellings are a route, and which of those can be an id at all.

Heketi routes any run of hex digits and then does not find it; other characters are no route
(docs/heketi-wire.md, 1.2). Two additions: a volume's id may be written as a lower-case UUID with dashes, as
persistent volumes of the original Piragua carry it, and a cluster may be called by its Gluster volume's name.
"""

import re
from types import MappingProxyType

from starlette.convertors import Convertor, register_url_convertor

from piragua.errors import NotFound

_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ID = re.compile(f"[0-9a-f]{{32}}|{_UUID}")
# Longer than any operation's id will be; what is longer need not be looked at.
_OPERATION_ID = re.compile("[0-9a-f]{1,256}")

# The types of parameters in route paths, as in `/volumes/{volume_id:volume_id}`.
_PATH_TYPES = MappingProxyType(
    {
        "hex_id": "[A-Fa-f0-9]+",
        "volume_id": f"[A-Fa-f0-9]+|{_UUID}",
        "gluster_volume": "[A-Za-z0-9_-]+",
        "volume_directory": _UUID,
        "volume_name": "[A-Za-z0-9_-]{1,255}",
    }
)


class _TextConvertor(Convertor[str]):
    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


def register_path_types() -> None:
    """Make the types known to the router, which keeps them for the process; may be called again."""
    for name, regex in _PATH_TYPES.items():
        register_url_convertor(name, type(name, (_TextConvertor,), {"regex": regex})())


def checked_id(text: str) -> str:
    """32 lower-case hex digits, from those or from a lower-case UUID. Raises NotFound for all else."""
    if not _ID.fullmatch(text):
        raise NotFound(f"{text[:64]!r} is not an id")
    return text.replace("-", "")


def may_be_operation(text: str) -> bool:
    """Whether an operation could have this id."""
    return _OPERATION_ID.fullmatch(text) is not None
