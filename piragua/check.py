"""What must hold before Piragua can do its job, whether it does, and the command that mends it.

Each question is a small function that answers with a Finding and raises nothing: what cannot
be asked does not hold.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import click

from piragua.config import ConfiguredVolume, Settings
from piragua.errors import NoSuchGlusterVolume, PiraguaError, StorageError
from piragua.gluster.gluster import Gluster
from piragua.models import GlusterVolume
from piragua.topology.topology import Source, Topology
from piragua.tree import mounts
from piragua.tree.threads import FileThreads

ProveMount = Callable[[ConfiguredVolume], Awaitable[str]]
"""Says what is mounted for a configured volume; raises MountError unless it is the right thing."""

# No clock that is right shows less: this version did not exist then.
_EARLIEST = datetime(2025, 1, 1, tzinfo=UTC)
_ON = ("on", "yes", "true", "enable", "1")
_OFF = ("off", "no", "false", "disable", "0")


@dataclass(frozen=True)
class Finding:
    """A precondition, whether it holds, what was seen, and the command or setting that mends it."""

    precondition: str
    holds: bool
    detail: str
    mend: str = ""


@dataclass(frozen=True)
class _Option:
    """An option that the Gluster volume must have; glusterfs 10.3 shows it only when it was set."""

    precondition: str
    name: str
    wanted: tuple[str, ...]
    mend: str


_OPTIONS = (
    _Option("quota is on", "features.quota", _ON, "gluster volume quota {volume} enable"),
    _Option(
        "statfs shows limits",
        "features.quota-deem-statfs",
        _ON,
        "gluster volume set {volume} features.quota-deem-statfs on",
    ),
    # With quota on, what it does when a brick returns is refused, and the heal never ends.
    _Option(
        "no anonymous inodes",
        "cluster.use-anonymous-inode",
        _OFF,
        "gluster volume set {volume} cluster.use-anonymous-inode off",
    ),
)


def run(settings: Settings) -> int:
    """Asks everything, prints the answers, and returns the exit status: 0 if all holds, else 1."""
    return asyncio.run(_run(settings))


async def _run(settings: Settings) -> int:
    socket = settings.glusterd_socket
    gluster = Gluster(socket=str(socket) if socket else None)
    try:
        topology = Topology(gluster, [volume.name for volume in settings.volumes], settings.storage_addresses)
        threads = FileThreads()

        async def prove_mount(configured: ConfiguredVolume) -> str:
            path = str(configured.mounted_at or settings.mount_root / configured.name)
            await threads.run(path, lambda: mounts.prove(configured.name, path))
            return f"at {path}"

        return show(await findings(settings, gluster, topology, prove_mount))
    finally:
        await gluster.aclose()


async def findings(
    settings: Settings, gluster: Source, topology: Topology, prove_mount: ProveMount
) -> list[Finding]:
    """The answers to all questions, in the order in which one would mend them."""
    found = [keys(settings), clock(time.time(), await time_service()), await glusterd(gluster)]
    for configured in settings.volumes:
        volume = await _volume(gluster, configured.name)
        found.append(started(configured.name, volume))
        found.extend(has_option(configured.name, volume, option) for option in _OPTIONS)
        found.append(await mounted(configured, prove_mount))
        found.extend(await addresses(configured.name, topology))
    return found


def show(found: list[Finding]) -> int:
    """Prints the findings, one line each, a second one with what mends; 0 only if all hold, else 1."""
    for finding in found:
        click.echo(f"{'ok  ' if finding.holds else 'FAIL'}  {finding.precondition}: {finding.detail}")
        if not finding.holds and finding.mend:
            click.echo(f"      mend it with: {finding.mend}")
    return 0 if all(finding.holds for finding in found) else 1


def keys(settings: Settings) -> Finding:
    """Whose tokens are taken: without an admin key there are no settings, unless that was wanted."""
    if settings.admin_key is None:
        return Finding("keys", True, "none, since PIRAGUA_DISABLE_AUTH lets everybody in")
    return Finding("keys", True, "admin and user" if settings.user_key is not None else "admin")


def clock(now_seconds: float, service: tuple[bool, bool] | None) -> Finding:
    """Whether tokens can be judged by this clock.

    now_seconds: since 1970. service: whether a time service is on, and whether it has set the
    clock; None: there is nobody to ask, which is no fault.
    """
    mend = "timedatectl set-ntp true"
    if now_seconds < _EARLIEST.timestamp():
        return Finding("clock", False, "it is before this version's time", mend)
    if service == (True, False):
        return Finding("clock", False, "the time service has not set it", "timedatectl timesync-status")
    return Finding("clock", True, "set by a time service" if service == (True, True) else "looks right")


async def time_service(timeout_seconds: float = 5) -> tuple[bool, bool] | None:
    """What systemd says: a time service is on, it has set the clock; None: nothing."""
    argv = ("timedatectl", "show", "--property=NTP", "--property=NTPSynchronized")
    pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(*argv, stdin=null, stdout=pipe, stderr=null)
    except OSError:
        return None
    try:
        out, _ = await asyncio.wait_for(process.communicate(), timeout_seconds)
    except TimeoutError:
        process.kill()
        return None
    lines = out.decode(errors="replace").split()
    return ("NTP=yes" in lines, "NTPSynchronized=yes" in lines) if process.returncode == 0 else None


async def glusterd(gluster: Source) -> Finding:
    """Whether glusterd answers."""
    try:
        peers = await gluster.peers()
    except StorageError as error:
        return Finding("glusterd is reachable", False, str(error), "systemctl start glusterd")
    connected = sum(peer.connected for peer in peers)
    return Finding("glusterd is reachable", True, f"{connected} of {len(peers)} peers are connected")


async def _volume(gluster: Source, name: str) -> GlusterVolume | StorageError:
    try:
        return await gluster.volume(name)
    except StorageError as error:
        return error


def started(name: str, volume: GlusterVolume | StorageError) -> Finding:
    """Whether the Gluster volume is there, and started."""
    precondition = f"{name}: started"
    match volume:
        case NoSuchGlusterVolume():
            return Finding(precondition, False, str(volume), "PIRAGUA_VOLUMES=<one of `gluster volume list`>")
        case StorageError():
            return Finding(precondition, False, str(volume), "systemctl start glusterd")
        case GlusterVolume(started=False):
            return Finding(precondition, False, "it is stopped", f"gluster volume start {name}")
    return Finding(precondition, True, "yes")


def has_option(name: str, volume: GlusterVolume | StorageError, option: _Option) -> Finding:
    """Whether the Gluster volume has an option as it must be."""
    precondition = f"{name}: {option.precondition}"
    if isinstance(volume, StorageError):
        return Finding(precondition, False, "not known while the Gluster volume cannot be seen")
    value = volume.options.get(option.name)
    mend = option.mend.format(volume=name)
    return Finding(precondition, value in option.wanted, f"{option.name} is {value or 'not set'}", mend)


async def mounted(configured: ConfiguredVolume, prove_mount: ProveMount) -> Finding:
    """Whether the right Gluster volume is mounted where it is looked for."""
    precondition = f"{configured.name}: mounted"
    try:
        return Finding(precondition, True, await prove_mount(configured))
    except StorageError as error:
        return Finding(precondition, False, str(error), _mount_command(configured))


def _mount_command(configured: ConfiguredVolume) -> str:
    if configured.mounted_at is None:
        return "systemctl start piragua"
    path = str(configured.mounted_at)
    mount = f"mount -t glusterfs localhost:/{configured.name} {path}"
    # mount.glusterfs mounts nothing over another mount of its kind.
    return mount if mounts.find(path) is None else f"umount --lazy {path} && {mount}"


async def addresses(name: str, topology: Topology) -> list[Finding]:
    """Whether each node has an address that Kubernetes accepts."""
    try:
        nodes = await topology.nodes(name)
    except PiraguaError:
        return [Finding(f"{name}: addresses", False, "not known while the Gluster volume cannot be seen")]
    return [
        Finding(
            f"{name}: address of {node.name}",
            node.address is not None,
            node.address or node.problem,
            f"PIRAGUA_STORAGE_ADDRESSES={node.name}=<its address>",
        )
        for node in nodes
    ]
