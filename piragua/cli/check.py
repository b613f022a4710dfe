"""`piragua check`: asks everything, with --fix mends what it can and asks again, and prints what came out.

It works on mounts of its own, beside a service that runs, and takes the same locks.
"""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from piragua.check import preconditions
from piragua.check.context import Tools, UnclearChoice
from piragua.check.finding import Finding
from piragua.check.gluster_volume import daemons_and_volumes
from piragua.check.new_bricks import local_bricks
from piragua.check.options import OPTIONS, OptionCommands, has_option
from piragua.cli import check_report
from piragua.cli.check_report import AppliedFix
from piragua.config import ConfiguredVolume, Settings
from piragua.errors import NotMounted, PiraguaError, StorageError
from piragua.log import setup
from piragua.models import GlusterVolume
from piragua.mounting import fuse_client, glusterfs
from piragua.pool.topology import Source, Topology
from piragua.service.backend_parts import PoolParts, own_mount, pool_parts, topology_of
from piragua.tree import proof
from piragua.tree.handle import Handle
from piragua.tree.mount import Mount
from piragua.tree.threads import FileThreads

_log = logging.getLogger(__name__)
# The client's own choice has the mount point in it, which no two checks share.
_LOG_FILE = "/var/log/glusterfs/piragua-check-{}.log"
_ROUNDS = 4
"""What is mended shows what is wrong behind it: quota that is turned on, and then the limits."""


@dataclass(frozen=True)
class Wishes:
    """What the command line asks for.

    settled_seconds: between two looks at what a crash left. heal_seconds: how long a heal is waited for; one that
    began with anonymous inodes on is given up after a minute, by each server that tried (glusterfs 10.3). choices:
    what becomes of unclear directories, by id (32 hex digits).
    """

    fix: bool = False
    as_json: bool = False
    settled_seconds: float = 600
    heal_seconds: float = 300
    choices: Mapping[str, UnclearChoice] | None = None


def run(settings: Settings, wishes: Wishes) -> int:
    """Asks and mends, prints, and returns the exit status: 0 only if nothing is wrong at the end, else 1."""
    setup.set_up(settings.log_level if wishes.fix else "warning", settings.log_format)
    for name in ("piragua.check", __name__):
        logging.getLogger(name).setLevel(logging.INFO)
    return asyncio.run(_run(settings, wishes))


async def _run(settings: Settings, wishes: Wishes) -> int:
    pool = pool_parts(settings)
    try:
        async with _mounts(settings, pool, sets_up=wishes.fix) as own_mounts:
            check = _Check(settings, pool, own_mounts, wishes)
            found = await check.findings()
            applied_fixes = None
            if wishes.fix:
                found, applied_fixes = await _fix(check, found)
    finally:
        await pool.gluster.aclose()
    (check_report.show_json if wishes.as_json else check_report.show)(found, applied_fixes)
    return check_report.status(found)


class _Check:
    """All questions, to be asked as often as something was mended."""

    def __init__(
        self, settings: Settings, pool: PoolParts, own_mounts: Mapping[str, Mount], wishes: Wishes
    ) -> None:
        self._settings = settings
        self._gluster = pool.gluster
        self._mounts = own_mounts
        self._threads = FileThreads()
        self._tools = Tools(
            pool.gluster,
            pool.limits,
            pool.pool_health,
            pool.quota_records,
            wishes.settled_seconds,
            wishes.heal_seconds,
            wishes.choices or {},
        )

    async def findings(self) -> list[Finding]:
        """The answers to all of them, in the order in which one would mend them."""
        topology = topology_of(self._settings, self._gluster)  # which has no answer from before a fix
        found = await general(self._settings, self._gluster)
        for configured in self._settings.volumes:
            volume = await preconditions.gluster_volume(self._gluster, configured.name)
            found += await of_gluster_volume(configured, volume, self._gluster, topology, self._prove_mount)
            if isinstance(volume, GlusterVolume):
                bricks = await self._bricks(volume)
                found += await daemons_and_volumes(volume, self._mounts[volume.name], self._tools, bricks)
        return found

    async def _bricks(self, volume: GlusterVolume) -> Sequence[str]:
        """The folders of this server's own bricks, as far as they are in sight."""
        if self._settings.glusterd_socket:
            return ()
        with suppress(StorageError):
            return local_bricks(volume, await self._gluster.peers())
        return ()

    async def _prove_mount(self, configured: ConfiguredVolume) -> str:
        path = str(configured.mounted_at or self._settings.mount_root / configured.name)
        own = configured.mounted_at is None
        await self._threads.run(path, lambda: _prove(configured.name, path, anywhere=own))
        return f"at {path}"


def _prove(gluster_volume: str, path: str, *, anywhere: bool) -> Handle:
    """anywhere: systemd gives the service a view of the mounts of its own, where its mount is the right one."""
    try:
        return proof.prove(gluster_volume, path)
    except NotMounted:
        for client in fuse_client.anywhere(path) if anywhere else ():
            with suppress(NotMounted, OSError):
                return proof.prove(gluster_volume, path, seen_by=client)
        raise


async def general(settings: Settings, gluster: Source) -> list[Finding]:
    """What is about no single Gluster volume."""
    clock = preconditions.clock(time.time(), await preconditions.time_service())
    return [preconditions.keys(settings), clock, await preconditions.glusterd(gluster)]


async def of_gluster_volume(
    configured: ConfiguredVolume,
    volume: GlusterVolume | StorageError,
    gluster: OptionCommands,
    topology: Topology,
    prove_mount: preconditions.ProveMount,
) -> list[Finding]:
    """What must hold for one Gluster volume, but for what is on it."""
    name = configured.name
    return [
        preconditions.started(name, volume),
        *(has_option(name, volume, option, gluster) for option in OPTIONS),
        await preconditions.mounted(configured, prove_mount),
        *await preconditions.addresses(name, topology),
    ]


async def _fix(check: _Check, found: list[Finding]) -> tuple[list[Finding], list[AppliedFix]]:
    """Mends and asks again, until there is nothing left that can be mended or it does not help."""
    applied_fixes: list[AppliedFix] = []
    for _ in range(_ROUNDS):
        wrong = [finding for finding in found if finding.fix is not None and not finding.holds]
        if not wrong:
            break
        for finding in wrong:
            applied_fixes.append(await _mend(finding))
        before, found = wrong, await check.findings()
        if [finding for finding in found if finding.fix is not None and not finding.holds] == before:
            break
    return found, applied_fixes


async def _mend(finding: Finding) -> AppliedFix:
    fix = finding.fix
    what = "" if fix is None else fix.what
    _log.warning("%s: %s: --fix %s", finding.precondition, finding.detail, what)
    try:
        if fix is not None:
            await fix.run()
    except PiraguaError as error:
        _log.error("%s: %s", finding.precondition, error)
        return AppliedFix(finding.precondition, what, str(error))
    _log.warning("%s: that was done", finding.precondition)
    return AppliedFix(finding.precondition, what)


@asynccontextmanager
async def _mounts(settings: Settings, pool: PoolParts, *, sets_up: bool) -> AsyncIterator[dict[str, Mount]]:
    """A mount of our own for each Gluster volume, by its name, made when it is first asked for.

    sets_up False: what Piragua needs on the Gluster volume is not made.
    """
    folder = settings.mount_root / ".check"
    await asyncio.to_thread(_clear, str(folder))
    own = {
        volume.name: own_mount(
            pool,
            volume.name,
            str(folder / f"{volume.name}.{os.getpid()}"),
            options=f"{glusterfs.BY_GFID},log-file={_LOG_FILE.format(volume.name)}",
            sets_up=sets_up,
        )
        for volume in settings.volumes
    }
    try:
        yield own
    finally:
        for mount in own.values():
            try:
                await mount.close()
            except PiraguaError as error:
                _log.error("%s", error)
        await asyncio.to_thread(_clear, str(folder))


def _clear(folder: str) -> None:
    """Takes away mounts of checks that do not run any more, and folders that are not needed."""
    with suppress(FileNotFoundError):
        for name in os.listdir(folder):
            pid = name.rpartition(".")[2]
            if pid == str(os.getpid()) or not os.path.exists(f"/proc/{pid}"):
                fuse_client.remove_mount(os.path.join(folder, name))
    fuse_client.remove_folder(folder)
