"""Which of several Gluster volumes gets a new volume, and what to say when none takes it."""

from collections.abc import Mapping
from dataclasses import dataclass

from piragua.errors import (
    Ineligible,
    InvalidRequest,
    MountError,
    NoneFits,
    NotFound,
    NotReady,
    NotServed,
    PiraguaError,
    StorageError,
    Unsupported,
)
from piragua.models import Durability, GlusterVolume, GlusterVolumeFlags, VolumeSpec
from piragua.pool.topology import Topology
from piragua.volumes.backend import Backend

_OF_THE_REQUEST = (InvalidRequest, Unsupported)
_FOR_NOW = (StorageError, NotReady)


@dataclass(frozen=True)
class Candidates:
    """The Gluster volumes to be tried, the best first.

    asked_for: their ids, or what the request called those that cannot be seen now, in its order. away: why not.
    """

    candidates: tuple[GlusterVolume, ...]
    asked_for: tuple[str, ...]
    away: Mapping[str, PiraguaError]

    def refusal(self, refusals: Mapping[str, PiraguaError]) -> PiraguaError:
        """What to say when every candidate refused, by its id: its own words where there is only one."""
        reasons = {**self.away, **refusals}
        ordered = [(name, reasons[name]) for name in self.asked_for if name in reasons]
        errors = [error for _, error in ordered]
        if not errors:
            return NotServed()
        alike = any(all(isinstance(error, kind) for error in errors) for kind in (_OF_THE_REQUEST, _FOR_NOW))
        if alike or len(errors) == 1:
            return errors[0]
        return NoneFits(dict(ordered))


async def choose(spec: VolumeSpec, backends: Mapping[str, Backend], topology: Topology) -> Candidates:
    """Those that the request names, or all: first one that is as durable as asked, then the one with most room.

    InvalidRequest for one that is not configured.
    """
    seen: dict[str, GlusterVolume] = {}
    away: dict[str, PiraguaError] = {}
    asked_for = list[str]()
    for wanted in dict.fromkeys(spec.gluster_volumes) or backends:
        try:
            gluster_volume = await topology.gluster_volume_now(wanted)
        except NotFound:
            raise NotServed(wanted) from None
        except StorageError as error:
            away[wanted] = error
            asked_for.append(wanted)
        else:
            seen[gluster_volume.id] = gluster_volume
            asked_for.append(gluster_volume.id)
    found = list(seen.values())
    if len(found) > 1:
        room = {gluster_volume.id: await _free_bytes(backends[gluster_volume.name]) for gluster_volume in found}
        found.sort(
            key=lambda gluster_volume: (
                -_likeness(gluster_volume.durability, spec.durability),
                -room[gluster_volume.id],
            )
        )
    return Candidates(tuple(found), tuple(dict.fromkeys(asked_for)), away)


def require_eligible(flags: GlusterVolumeFlags) -> None:
    """Ineligible where an administrator wants no new volumes."""
    if not flags.file:
        raise Ineligible(takes_others=flags.block)


def _likeness(real: Durability, wanted: Durability) -> int:
    """2: what was asked for; 1: with other counts; 0: another."""
    return int(real.layout is wanted.layout) + int(real == wanted)


async def _free_bytes(backend: Backend) -> int:
    """What is free there; one that is away has no room now."""
    try:
        return await backend.mounted().free_bytes()
    except MountError:
        return -1
