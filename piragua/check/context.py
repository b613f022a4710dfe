"""One Gluster volume as a round of the check sees it: the mount, how well the pool is, what lies in the root."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import anyio

from piragua.check.progress import Progress
from piragua.gluster.gluster import Gluster
from piragua.models import GlusterVolume, dashed
from piragua.pool.health import Health, PoolHealth
from piragua.quota.limits import Limits
from piragua.tree.mount import Mount
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.states import Observed, State
from piragua.upkeep.repair import QuotaRecords

_PART = 500
_AGAIN_SECONDS = 1.0


class UnclearChoice(Enum):
    """What an administrator decided about a directory that is in no clear state."""

    KEEP = "keep"
    DISCARD = "discard"


@dataclass(frozen=True)
class Tools:
    """What all Gluster volumes are looked at and mended with.

    quota_records None: this server's quota.conf is out of sight. settled_seconds: between two looks at what a
    crash left. heal_seconds: how long a heal is waited for. choices: by id.
    """

    gluster: Gluster
    limits: Limits
    pool_health: PoolHealth
    quota_records: QuotaRecords | None
    settled_seconds: float
    heal_seconds: float
    choices: Mapping[str, UnclearChoice]


@dataclass(frozen=True)
class CheckContext:
    """bricks: this server's own folders. all_observed: by id, without what is in work and what a brick lacks."""

    gluster_volume: GlusterVolume
    mount: Mount
    mounted: ProvenMount
    tools: Tools
    health: Health
    bricks: Sequence[str]
    all_observed: Mapping[str, Observed]

    @property
    def name(self) -> str:
        """The Gluster volume's."""
        return self.gluster_volume.name

    def of(self, *states: State) -> list[Observed]:
        """Looks in one of these states that can be judged now, by id."""
        return [
            observed
            for _, observed in sorted(self.all_observed.items())
            if observed.state in states and not self.health.problem_with(observed.volume_id)
        ]

    async def again(self, suspects: Iterable[str]) -> dict[str, Observed]:
        """A second look, a moment later, at those whom nobody works on: what was under way is over by then."""
        ids = sorted(suspects)
        if not ids:
            return {}
        await anyio.sleep(_AGAIN_SECONDS)
        held = await self.mounted.held_ids(ids)
        all_observed = await self.mounted.observe_many(each for each in ids if each not in held)
        return {
            each: observed
            for each, observed in all_observed.items()
            if observed.state not in (State.ABSENT, State.BEING_MADE)
        }


async def observe_all(mounted: ProvenMount, ids: Iterable[str]) -> dict[str, Observed]:
    """A look at each, without those that somebody works on."""
    wanted = sorted(ids)
    progress = Progress(f"looking at the volumes of {mounted.gluster_volume}", len(wanted))
    seen: dict[str, Observed] = {}
    for start in range(0, len(wanted), _PART):
        part = wanted[start : start + _PART]
        seen |= await mounted.observe_many(part)
        progress.step(len(part))
    return {
        each: observed for each, observed in seen.items() if observed.state not in (State.ABSENT, State.BEING_MADE)
    }


def called(observed: Observed) -> str:
    """The volume in words, with its directory."""
    return f"{observed.volume_id} (/{dashed(observed.volume_id)})"
