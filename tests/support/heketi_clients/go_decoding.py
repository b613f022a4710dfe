"""What Go's decoder takes for each of Heketi's answers: null and missing are fine, unknown keys are ignored.

A number where Go has an unsigned one must not be negative, and none may be larger than Go can hold.
"""

from typing import Any

UNSIGNED = object()
"""The shape of a uint64; an `int` is an int64."""

_DURABILITY = {"type": str, "replicate": {"replica": int}, "disperse": {"data": int, "redundancy": int}}
_MOUNT = {"glusterfs": {"hosts": [str], "device": str, "options": {"*": str}}}
_BRICK = {"id": str, "path": str, "device": str, "node": str, "volume": str, "size": UNSIGNED}
VOLUME = {
    "size": int,
    "name": str,
    "durability": _DURABILITY,
    "gid": int,
    "glustervolumeoptions": [str],
    "block": bool,
    "snapshot": {"enable": bool, "factor": float},
    "id": str,
    "cluster": str,
    "mount": _MOUNT,
    "blockinfo": {"freesize": int, "reservedsize": int, "blockvolume": [str], "restriction": str},
    "bricks": [_BRICK],
}
VOLUMES = {"volumes": [str]}
CLUSTER = {"id": str, "nodes": [str], "volumes": [str], "block": bool, "file": bool, "blockvolumes": [str]}
CLUSTERS = {"clusters": [str]}
DEVICE = {
    "name": str,
    "tags": {"*": str},
    "storage": {"total": UNSIGNED, "free": UNSIGNED, "used": UNSIGNED},
    "id": str,
    "paths": [str],
    "pv_uuid": str,
    "state": str,
    "bricks": [_BRICK],
}
NODE = {
    "zone": int,
    "hostnames": {"manage": [str], "storage": [str]},
    "cluster": str,
    "id": str,
    "state": str,
    "tags": {"*": str},
    "devices": [DEVICE],
}
BLOCK_VOLUMES = {"blockvolumes": [str]}
BLOCK_VOLUME = {"id": str, "size": int, "name": str, "cluster": str, "hacount": int}
COUNTS = {"total": UNSIGNED, "in_flight": UNSIGNED, "stale": UNSIGNED, "failed": UNSIGNED, "new": UNSIGNED}
_PENDING = {"id": str, "type_name": str, "status": str, "sub_status": str}
PENDING_LIST = {"pendingoperations": [_PENDING]}
PENDING = {**_PENDING, "changes": [{"id": str, "description": str}]}
ADMIN = {"state": str}
LOG_LEVELS = {"loglevel": {"*": str}}

_LARGEST_SIGNED = 2**63 - 1
_LARGEST_UNSIGNED = 2**64 - 1


class HeketiError(Exception):
    """What the client would report; `str()` is the text that Kubernetes compares."""


def check(value: Any, shape: Any, where: str = "") -> None:
    """Raise HeketiError where Go's decoder would fail."""
    if value is None:
        return
    if isinstance(shape, dict):
        _check_type(value, dict, where)
        for key, item in value.items():
            if key in shape or "*" in shape:
                check(item, shape.get(key, shape.get("*")), f"{where}.{key}")
    elif isinstance(shape, list):
        _check_type(value, list, where)
        for item in value:
            check(item, shape[0], where)
    elif shape is float:
        _check_type(value, int if isinstance(value, int) else float, where)
    elif shape is UNSIGNED:
        _check_number(value, 0, _LARGEST_UNSIGNED, where)
    elif shape is int:
        _check_number(value, -_LARGEST_SIGNED - 1, _LARGEST_SIGNED, where)
    else:
        _check_type(value, shape, where)


def _check_number(value: Any, least: int, most: int, where: str) -> None:
    _check_type(value, int, where)
    if not least <= value <= most:
        raise HeketiError(f"json: cannot unmarshal number {value} into {where}")


def _check_type(value: Any, wanted: type, where: str) -> None:
    if type(value) is not wanted:
        raise HeketiError(f"json: cannot unmarshal {value!r} into {where} of type {wanted.__name__}")
