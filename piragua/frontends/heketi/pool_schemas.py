"""Bodies of requests about clusters, nodes, devices, bricks and block volumes (docs/heketi-wire.md, 3.4).

Much of it is refused in the end. What is wrong with a request is said first, as Heketi says it.
"""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel

from piragua.core import name_fault
from piragua.frontends.heketi.field_facts import needs, told
from piragua.frontends.heketi.schemas import refuse_faults, size_fault
from piragua.models import GlusterVolumeFlags

_UUID = re.compile("[A-Fa-f0-9]{32}")
_HOST = re.compile("[a-zA-Z0-9_.:-]+")
_DEVICE_NAME = re.compile("/[a-zA-Z0-9_.:/-]+")
_TAG_NAME = re.compile("[a-zA-Z0-9_.-]+")
_TAGS_MAX = 32
_TAG_NAME_MAX = 32
_TAG_VALUE_MAX = 64

_BLANK = "cannot be blank"
_NOT_VALID = "must be a valid value"


class ClusterFlagsWish(BaseModel):
    """POST /clusters and /clusters/{id}/flags; a flag that is missing is false."""

    file: bool = False
    block: bool = False

    def flags(self) -> GlusterVolumeFlags:
        return GlusterVolumeFlags(file=self.file, block=self.block)


class HostnamesWish(BaseModel):
    manage: list[str] = []
    storage: list[str] = []


class NodeAdd(BaseModel):
    """POST /nodes."""

    zone: int = 0
    hostnames: HostnamesWish = HostnamesWish()
    cluster: str = ""
    tags: dict[str, str] = {}

    def check(self) -> None:
        """Raises InvalidRequest."""
        refuse_faults(
            {
                "zone": size_fault(self.zone),
                "hostnames": self._hostnames_fault(),
                "cluster": uuid_fault(self.cluster),
                "tags": _tags_fault(self.tags),
            }
        )

    def _hostnames_fault(self) -> str | None:
        faults = {
            "manage": _hosts_fault(self.hostnames.manage, "manage"),
            "storage": _hosts_fault(self.hostnames.storage, "storage"),
        }
        found = [f"{field}: {fault}" for field, fault in faults.items() if fault]
        return f"({'; '.join(found)}.)" if found else None


class DeviceAdd(BaseModel):
    """POST /devices."""

    node: str = ""
    name: str = ""
    tags: dict[str, str] = {}
    destroydata: bool = False

    def check(self) -> None:
        """Raises InvalidRequest."""
        name = None if _DEVICE_NAME.fullmatch(self.name) else "must be in a valid format"
        refuse_faults(
            {
                "node": uuid_fault(self.node),
                "name": name if self.name else _BLANK,
                "tags": _tags_fault(self.tags),
            }
        )


class DeviceDelete(BaseModel):
    """DELETE /devices/{id}; the body may be missing."""

    forceforget: bool = False


class StateChange(BaseModel):
    """POST .../state of nodes and devices."""

    model_config = needs("state")

    state: Annotated[str, told(enum=["online", "offline", "failed"])] = ""
    healcheck: str = ""

    def check(self) -> None:
        """Raises InvalidRequest."""
        state = None if self.state in ("online", "offline", "failed") else f"{self.state} is not valid state"
        refuse_faults({"state": state if self.state else _BLANK, "healcheck": _heal_check_fault(self.healcheck)})


class BrickEvict(BaseModel):
    """POST /bricks/to-evict/{id}; the body may be missing."""

    healcheck: str = ""

    def check(self) -> None:
        """Raises InvalidRequest."""
        refuse_faults({"healcheck": _heal_check_fault(self.healcheck)})


class TagsChange(BaseModel):
    """POST .../tags of nodes and devices: set replaces all, update adds and changes, delete takes away."""

    model_config = needs("change_type")

    change_type: Annotated[str, told(enum=["set", "update", "delete"])] = ""
    tags: Annotated[dict[str, str], told("Names and values", maxProperties=_TAGS_MAX)] = {}

    def check(self) -> None:
        """Raises InvalidRequest."""
        kind = None if self.change_type in ("set", "update", "delete") else _NOT_VALID
        refuse_faults({"change_type": kind if self.change_type else _BLANK, "tags": _tags_fault(self.tags)})

    def applied_to(self, tags: Mapping[str, str]) -> dict[str, str]:
        """The tags after the change. Raises InvalidRequest when there would be too many."""
        if self.change_type == "set":
            return dict(self.tags)
        if self.change_type == "delete":
            return {name: value for name, value in tags.items() if name not in self.tags}
        changed = {**tags, **self.tags}
        refuse_faults({"tags": _too_many_fault(changed)})
        return changed


class BlockVolumeCreate(BaseModel):
    """POST /blockvolumes."""

    model_config = needs("size")

    size: Annotated[int, told("GiB", minimum=1)] = 0
    name: str = ""
    clusters: list[str] = []
    hacount: int = 0
    auth: bool = False

    def check(self) -> None:
        """Raises InvalidRequest."""
        refuse_faults(
            {
                "size": size_fault(self.size),
                "name": name_fault(self.name),
                "hacount": size_fault(self.hacount) if self.hacount else None,
            }
        )


class BlockVolumeExpand(BaseModel):
    """POST /blockvolumes/{id}/expand."""

    model_config = needs("new_size")

    new_size: Annotated[int, told("GiB, as it shall be", minimum=1)] = 0

    def check(self) -> None:
        """Raises InvalidRequest."""
        refuse_faults({"new_size": size_fault(self.new_size)})


class BlockRestriction(BaseModel):
    """POST /volumes/{id}/block-restriction."""

    restriction: Annotated[str, told(enum=["", "locked"])] = ""

    def check(self) -> None:
        """Raises InvalidRequest."""
        refuse_faults({"restriction": None if self.restriction in ("", "locked") else _NOT_VALID})


def uuid_fault(text: str) -> str | None:
    if not text:
        return _BLANK
    return None if _UUID.fullmatch(text) else f"{text} is not a valid UUID"


def _hosts_fault(hosts: list[str], kind: str) -> str | None:
    if not hosts:
        return _BLANK
    if all(_HOST.fullmatch(host) for host in hosts):
        return None
    return f"[{' '.join(hosts)}] is not a valid {kind} hostname"


def _heal_check_fault(text: str) -> str | None:
    return None if text in ("", "enable", "disable") else f"{text} is not valid heal info check"


def _too_many_fault(tags: Mapping[str, str]) -> str | None:
    if len(tags) <= _TAGS_MAX:
        return None
    return f"too many tags specified ({len(tags)}), up to {_TAGS_MAX} supported"


def _tags_fault(tags: Mapping[str, str]) -> str | None:
    return _too_many_fault(tags) or next((fault for fault in map(_tag_fault, tags, tags.values()) if fault), None)


def _tag_fault(name: str, value: str) -> str | None:
    if not 1 <= len(name) <= _TAG_NAME_MAX:
        return f"tag name {name}: the length must be between 1 and {_TAG_NAME_MAX}"
    if not _TAG_NAME.fullmatch(name):
        return f"invalid characters in tag name {name}"
    if len(value) > _TAG_VALUE_MAX:
        return f"value of tag {name}: the length must be no more than {_TAG_VALUE_MAX}"
    return None
