"""Heketi's request bodies, its checks in its order and its words (docs/heketi-wire.md, 3.3).

`VolumeCreate.spec()` is the last line with a Heketi word: behind it there is `models.VolumeSpec`.
"""

from typing import Annotated

from pydantic import BaseModel

from piragua.core import NAME_OR_NONE, name_fault
from piragua.errors import InvalidRequest, Unsupported
from piragua.frontends.heketi.field_facts import needs, told
from piragua.models import Durability, Layout, Snapshot, VolumeSpec, gib_to_bytes

_GID_END = 2**31 - 1
_REPLICA_MAX = 3
_DISPERSIONS = frozenset([(2, 1), (4, 2), (8, 3), (8, 4)])
_SMALLEST_BRICK_KIB = 2**20


class Replicate(BaseModel):
    replica: int = 0


class Disperse(BaseModel):
    data: int = 0
    redundancy: int = 0


class DurabilityWish(BaseModel):
    """Counts of a type that is not chosen are not looked at: heketi-cli always sends them all."""

    type: str = ""
    replicate: Replicate = Replicate()
    disperse: Disperse = Disperse()


class SnapshotWish(BaseModel):
    enable: bool = False
    factor: float = 0


class VolumeCreate(BaseModel):
    """POST /volumes. An empty name asks for `vol_<id>`, empty clusters for any."""

    model_config = needs("size")

    size: Annotated[int, told("GiB", minimum=1)] = 0
    clusters: Annotated[list[str], told("Ids, or names of Gluster volumes")] = []
    name: Annotated[str, told(pattern=NAME_OR_NONE)] = ""
    durability: DurabilityWish = DurabilityWish()
    gid: Annotated[int, told("0: none", minimum=0, maximum=_GID_END - 1)] = 0
    glustervolumeoptions: Annotated[list[str], told("Each is `name value`, as the Gluster volume has it")] = []
    block: Annotated[bool, told("Block volumes cannot be hosted", const=False)] = False
    snapshot: SnapshotWish = SnapshotWish()

    def spec(self) -> VolumeSpec:
        """What is asked for, checked. Raises InvalidRequest and Unsupported with Heketi's texts."""
        refuse_faults({"name": name_fault(self.name), "size": size_fault(self.size)})
        _check_gid(self.gid)
        layout = _layout(self.durability.type)
        snapshot = _snapshot(self.snapshot)
        durability = _durability(layout, self.durability)
        _check_smallest_size(self.size, durability)
        if self.block:
            raise Unsupported("A directory of a shared Gluster volume cannot host block volumes")
        return VolumeSpec(
            size_bytes=gib_to_bytes(self.size),
            name=self.name or None,
            gid=self.gid,
            gluster_volumes=tuple(self.clusters),
            durability=durability,
            snapshot=snapshot,
            options=tuple(self.glustervolumeoptions),
        )


class VolumeExpand(BaseModel):
    """POST /volumes/{id}/expand."""

    model_config = needs("expand_size")

    expand_size: Annotated[int, told("GiB to add", minimum=1)] = 0

    def add_bytes(self) -> int:
        """By how much the volume is to grow. Raises InvalidRequest."""
        refuse_faults({"expand_size": size_fault(self.expand_size)})
        return gib_to_bytes(self.expand_size)


class VolumeClone(BaseModel):
    """POST /volumes/{id}/clone. An empty name asks for `vol_<id>`."""

    name: Annotated[str, told(pattern=NAME_OR_NONE)] = ""

    def checked_name(self) -> str | None:
        """What the copy is to be called. Raises InvalidRequest."""
        refuse_faults({"name": name_fault(self.name)})
        return self.name or None


def refuse_faults(faults: dict[str, str | None]) -> None:
    """All faults in one line, in the order of the fields' names."""
    found = [f"{field}: {fault}" for field, fault in sorted(faults.items()) if fault]
    if found:
        raise InvalidRequest(f"validation failed: {'; '.join(found)}.")


def size_fault(size_gib: int) -> str | None:
    if size_gib == 0:
        return "cannot be blank"
    return "must be no less than 1" if size_gib < 0 else None


def _check_gid(gid: int) -> None:
    if gid < 0:
        raise InvalidRequest("Bad group id less than zero")
    if gid >= _GID_END:
        # The text is Heketi's; its bound is this one all the same.
        raise InvalidRequest("Bad group id equal or greater than 2**32")


def _layout(wanted: str) -> Layout:
    try:
        return Layout(wanted or "none")
    except ValueError:
        raise InvalidRequest("Unknown durability type") from None


def _snapshot(wish: SnapshotWish) -> Snapshot:
    if not wish.enable:
        return Snapshot()
    if not 1 <= wish.factor <= 100:
        raise InvalidRequest("Invalid snapshot factor")
    return Snapshot(enable=True, factor=wish.factor)


def _durability(layout: Layout, wish: DurabilityWish) -> Durability:
    if layout is Layout.REPLICATE:
        if wish.replicate.replica > _REPLICA_MAX:
            raise InvalidRequest("Invalid replica value")
        return Durability(layout, replica=wish.replicate.replica or 2)
    if layout is Layout.DISPERSE:
        data, redundancy = wish.disperse.data, wish.disperse.redundancy
        if (data, redundancy) not in _DISPERSIONS:
            raise InvalidRequest(f"Invalid dispersion combination: {data}+{redundancy}")
        return Durability(layout, data=data, redundancy=redundancy)
    return Durability(layout)


def _check_smallest_size(size_gib: int, durability: Durability) -> None:
    if size_gib < durability.data:
        raise InvalidRequest(
            f"Requested volume size ({size_gib} GB) is smaller than the minimum supported volume size "
            f"({durability.data * _SMALLEST_BRICK_KIB})"
        )
