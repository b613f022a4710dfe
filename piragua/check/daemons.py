"""Gluster's daemons and the pool: what has to run before anything on a Gluster volume can be judged."""

import logging
from collections.abc import Awaitable, Callable

import anyio

from piragua.check.finding import Finding, Fix
from piragua.errors import StorageError
from piragua.gluster.gluster import Gluster
from piragua.models import GlusterVolume
from piragua.pool.health import Health, PoolHealth
from piragua.tree.mount import Mount
from piragua.tree.proven_mount import ProvenMount

_log = logging.getLogger(__name__)
_PATIENCE_SECONDS = 4.0
"""So long daemons that were just started, and a mount that was just made, are given to find each other."""
_HEAL_LOOKS_SECONDS = 2.0


async def quotad(gluster_volume: GlusterVolume, gluster: Gluster) -> Finding:
    """Whether every server's quota daemon runs: without it statvfs hangs and writes fail."""
    name = "quotad runs"
    mend = f"gluster volume start {gluster_volume.name} force"

    async def dead() -> list[str]:
        return [host for host, runs in (await gluster.quota_daemons(gluster_volume.name)).items() if not runs]

    async def run() -> None:
        await gluster.start_force(gluster_volume.name)
        _log.warning("%s: its daemons that did not run were started", gluster_volume.name)

    try:
        hosts = await _patiently(dead)
    except StorageError as error:
        return Finding(name, False, str(error), gluster_volume=gluster_volume.name)
    detail = f"not on {', '.join(hosts)}" if hosts else "yes"
    return Finding(name, not hosts, detail, mend, gluster_volume.name, fix=Fix(f"runs `{mend}`", run))


async def until_mounted(mount: Mount) -> None:
    """Makes or proves the mount. A client that has just begun has not reached its bricks yet."""

    async def problem() -> list[str]:
        await mount.check()
        return [mount.problem] if mount.problem else []

    await _patiently(problem)


async def pool(pool_health: PoolHealth, mounted: ProvenMount) -> tuple[Finding, Health]:
    """Whether every server and every brick is there, and what waits to be healed."""
    health = Health()

    async def problems() -> list[str]:
        nonlocal health
        health = await pool_health.observe(mounted)
        return list(health.problems)

    found = await _patiently(problems)
    detail = "; ".join(found) or "every glusterd and every brick is connected"
    return Finding("the pool is well", not found, detail, gluster_volume=mounted.gluster_volume), health


async def heals(
    gluster: Gluster, pool_health: PoolHealth, mounted: ProvenMount, health: Health, *, heal_seconds: float
) -> Finding:
    """Whether something waits to be healed, and goes on waiting; what is being written comes and goes.

    heal_seconds: how long --fix waits for the heals that it starts.
    """
    name, volume = "nothing waits to be healed", mounted.gluster_volume

    async def run() -> None:
        # The option comes first, among the options: with it on some heals never end.
        with anyio.move_on_after(heal_seconds):
            while waiting := (await pool_health.observe(mounted)).healing:
                _log.warning("%s: healing is started for %d entries", volume, len(waiting))
                await gluster.heal(volume)
                await anyio.sleep(_HEAL_LOOKS_SECONDS)

    waiting = health.healing
    if waiting:
        await anyio.sleep(_HEAL_LOOKS_SECONDS)
        waiting &= (await pool_health.observe(mounted)).healing
    if not waiting:
        return Finding(name, True, "yes", gluster_volume=volume)
    return Finding(
        name,
        False,
        f"{len(waiting)} entries do",
        f"gluster volume heal {volume}",
        volume,
        tuple(sorted(waiting)),
        Fix(f"starts the heal and waits for its end, {heal_seconds:g} s at most", run),
    )


async def _patiently(wrong: Callable[[], Awaitable[list[str]]]) -> list[str]:
    """What is wrong, once it has had time to come right."""
    deadline = anyio.current_time() + _PATIENCE_SECONDS
    while True:
        found = await wrong()
        if not found or anyio.current_time() > deadline:
            return found
        await anyio.sleep(0.2)
