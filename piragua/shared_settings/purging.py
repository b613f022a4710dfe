"""Whether deleted volumes are purged now or kept until further notice; told to all instances, also new ones.

It is kept on each Gluster volume, for the volumes that lie on it.
"""

import json
import logging

from piragua.models import PurgeState
from piragua.tree.proven_mount import ProvenMount

_log = logging.getLogger(__name__)
PURGE_KEY = "purge"


async def purge_state_of(mounted: ProvenMount) -> PurgeState:
    """What was set there last; running where nothing was. MountError."""
    return _decoded(await mounted.setting(PURGE_KEY), mounted.gluster_volume)


async def set_purge_state(mounted: ProvenMount, state: PurgeState) -> None:
    """Every instance goes by it from now on: what is being purged stops after a step. MountError."""
    await mounted.set(PURGE_KEY, encode_purge_state(state))


def encode_purge_state(state: PurgeState) -> bytes:
    """As it is kept."""
    return json.dumps({"state": state.value}).encode()


def _decoded(data: bytes | None, gluster_volume: str) -> PurgeState:
    """What cannot be read was written by a stranger, or a later version: then nothing is destroyed."""
    if data is None:
        return PurgeState.RUNNING
    try:
        return PurgeState(json.loads(data)["state"])
    except (ValueError, TypeError, KeyError):
        _log.error("whether to purge on %s cannot be read: paused until it is set anew", gluster_volume)
        return PurgeState.PAUSED
