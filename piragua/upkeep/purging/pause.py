"""Whether an administrator has paused purging, which is kept for all instances."""

from piragua.models import PurgeState
from piragua.shared_settings.purging import purge_state_of
from piragua.tree.proven_mount import ProvenMount
from piragua.upkeep.purging.reasons import Paused


async def require_running(mounted: ProvenMount) -> None:
    """Paused while an administrator lets nothing be purged; MountError."""
    if await is_paused(mounted):
        raise Paused("an administrator has paused purging")


async def is_paused(mounted: ProvenMount) -> bool:
    """Also when what is kept of it cannot be understood; MountError."""
    return await purge_state_of(mounted) is PurgeState.PAUSED
