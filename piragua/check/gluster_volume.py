"""All questions about one Gluster volume, in the order in which one would mend what they find.

Nothing below the root is judged while Gluster itself is not well: it would look lost or wrong, and a call could
hang (glusterfs 10.3: statvfs does for a minute while quotad is dead).
"""

from collections.abc import Sequence

from piragua.check import daemons, leftovers, limits, new_bricks, quota_records, records, unclear
from piragua.check.context import CheckContext, Tools, observe_all
from piragua.check.finding import Finding
from piragua.errors import StorageError
from piragua.models import GlusterVolume
from piragua.pool.health import Health
from piragua.pool.requirements import shows_limits
from piragua.tree import layout
from piragua.tree.mount import Mount
from piragua.tree.proven_mount import ProvenMount

_VOLUMES = "volumes can be judged"
_OWN_FILES = "Piragua's own files"


async def daemons_and_volumes(
    gluster_volume: GlusterVolume, mount: Mount, tools: Tools, bricks: Sequence[str]
) -> list[Finding]:
    """What is found; nothing is raised. bricks: the folders of this server's own."""
    if not gluster_volume.started or not shows_limits(gluster_volume):
        reason = "not while it is stopped, or limits cannot be seen"
        return [Finding(_VOLUMES, False, reason, gluster_volume=gluster_volume.name)]
    found = [await daemons.quotad(gluster_volume, tools.gluster)]
    if not found[0].holds:
        return [*found, Finding(_VOLUMES, False, "not while quotad is dead", gluster_volume=gluster_volume.name)]
    try:
        await daemons.until_mounted(mount)
        return found + await _of_mount(gluster_volume, mount, tools, bricks)
    except StorageError as error:
        return [*found, Finding(_VOLUMES, False, str(error), gluster_volume=gluster_volume.name)]


async def _of_mount(
    gluster_volume: GlusterVolume, mount: Mount, tools: Tools, bricks: Sequence[str]
) -> list[Finding]:
    mounted = mount.current()
    pool, health = await daemons.pool(tools.pool_health, mounted)
    if not pool.holds:
        return [
            pool,
            Finding(_VOLUMES, False, "not while the pool is not well", gluster_volume=gluster_volume.name),
        ]
    heals = await daemons.heals(tools.gluster, tools.pool_health, mounted, health, heal_seconds=tools.heal_seconds)
    own_files = await _own_files(mounted)
    found = [pool, heals, own_files]
    if own_files.holds and own_files.detail == "there":
        found += await _of_volumes(gluster_volume, mount, tools, health, bricks)
    return found


async def _own_files(mounted: ProvenMount) -> Finding:
    """Whether the lock file is there; without it nobody can tell what is being worked on."""
    entries = await mounted.blocking(mounted.handle.entries)
    volume = mounted.gluster_volume
    if layout.LOCK_FILE in entries:
        return Finding(_OWN_FILES, True, "there", gluster_volume=volume)
    if layout.OWN_DIRECTORY not in entries:
        return Finding(_OWN_FILES, True, "none yet; volumes are not looked at", gluster_volume=volume)
    reason = f"/{layout.LOCK_FILE} is out of reach; it is never made anew, since two would let two holders in"
    return Finding(_OWN_FILES, False, reason, gluster_volume=volume)


async def _of_volumes(
    gluster_volume: GlusterVolume, mount: Mount, tools: Tools, health: Health, bricks: Sequence[str]
) -> list[Finding]:
    mounted = mount.current()
    missing = await new_bricks.missing_directories(mounted, bricks)
    all_observed = await observe_all(mounted, await mounted.ids_in_root() - missing.ids)
    no_data = await new_bricks.missing_data(all_observed.values(), bricks)
    missing = new_bricks.Missing(missing.ids | no_data.ids, missing.paths + no_data.paths)
    # Whoever goes through what is missing makes it, which is not for a check that changes nothing.
    all_observed = {each: observed for each, observed in all_observed.items() if each not in missing.ids}
    context = CheckContext(gluster_volume, mount, mounted, tools, health, bricks, all_observed)
    return [
        new_bricks.on_all_bricks(mounted, missing),
        await records.have_modes(context),
        unclear.states_are_clear(context),
        await leftovers.nothing_left_over(context),
        records.have_records(context),
        await limits.are_as_recorded(context),
        *await quota_records.quota_conf(context),
    ]
