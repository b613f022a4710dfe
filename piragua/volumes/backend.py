"""One Gluster volume with what works on it, and whether volumes can be made on it now."""

from dataclasses import dataclass

from piragua.errors import OutOfSpace, Unsupported
from piragua.inventory.inventory import Inventory
from piragua.models import GlusterVolume
from piragua.pool.health import PoolHealth
from piragua.quota.limits import Limits
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.record import Record
from piragua.upkeep.purging.purger import Purger

OWN_OPTION_PREFIX = "user.heketi."


@dataclass(frozen=True)
class Backend:
    """The parts of one Gluster volume. overcommit: the sum of all limits may be that many times its size."""

    gluster_volume: str
    inventory: Inventory
    limits: Limits
    pool_health: PoolHealth
    purger: Purger
    overcommit: float | None = None

    def mounted(self) -> ProvenMount:
        """The proven mount; NotMounted while there is none."""
        return self.inventory.mount.current()

    async def all_is_well(self) -> bool:
        """Whether what statvfs shows can be believed now."""
        health = await self.pool_health.observe(self.mounted())
        return not health.problems and not health.healing

    async def set_limit(self, mounted: ProvenMount, volume_id: str, record: Record) -> None:
        """The limit that the record tells, beyond what the sum of limits allows. Errors as of `Limits.set`."""
        await self.limits.set(
            mounted, volume_id, record.size_bytes, bounds=record.bounds, all_is_well=self.all_is_well
        )

    async def require_room(self, size_bytes: int, *, instead_of_bytes: int = 0) -> None:
        """OutOfSpace for a volume that is larger than all there is, or when the sum of limits gets too large.

        instead_of_bytes: the limit that the volume has in that sum already.
        """
        whole_bytes = await self.mounted().size_bytes()
        if size_bytes > whole_bytes:
            raise OutOfSpace("No space")
        if self.overcommit is not None:
            sum_bytes = await self.inventory.limits_bytes() - instead_of_bytes + size_bytes
            if sum_bytes > self.overcommit * whole_bytes:
                raise OutOfSpace("No space")


def require_options(gluster_volume: GlusterVolume, options: tuple[str, ...]) -> None:
    """Unsupported, with its name, for an option that the whole Gluster volume does not have as asked for."""
    for option in options:
        name, _, value = option.strip().partition(" ")
        if not name or name.startswith(OWN_OPTION_PREFIX):
            continue
        if gluster_volume.options.get(name) != value.strip():
            raise Unsupported(
                f"Volume option '{name}' cannot be set for one volume: all volumes share the Gluster volume"
                f" {gluster_volume.name}, where it is {_as_set(gluster_volume, name)}; leave it out of the"
                f" request, set it there for all, or let PIRAGUA_ACCEPT_ALL_OPTIONS=true accept such"
                " options without effect"
            )


def _as_set(gluster_volume: GlusterVolume, name: str) -> str:
    return f"'{gluster_volume.options[name]}'" if name in gluster_volume.options else "not set"
