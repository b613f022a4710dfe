"""What must hold before Piragua can do its job: settings, clock, glusterd, mounts and addresses.

Each question is a small function that answers with a Finding and raises nothing: what cannot
be asked does not hold.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from piragua.check.finding import Finding
from piragua.config import ConfiguredVolume, Settings
from piragua.errors import NoSuchGlusterVolume, PiraguaError, StorageError
from piragua.models import GlusterVolume
from piragua.mounting import mountinfo
from piragua.pool.topology import Source, Topology

ProveMount = Callable[[ConfiguredVolume], Awaitable[str]]
"""Says what is mounted for a configured volume; raises MountError unless it is the right thing."""

# No clock that is right shows less: this version did not exist then.
_EARLIEST = datetime(2025, 1, 1, tzinfo=UTC)


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


async def gluster_volume(gluster: Source, name: str) -> GlusterVolume | StorageError:
    """The Gluster volume, or why it cannot be seen."""
    try:
        return await gluster.volume(name)
    except StorageError as error:
        return error


def started(name: str, volume: GlusterVolume | StorageError) -> Finding:
    """Whether the Gluster volume is there, and started."""
    precondition = "started"
    match volume:
        case NoSuchGlusterVolume():
            return Finding(
                precondition, False, str(volume), "PIRAGUA_VOLUMES=<one of `gluster volume list`>", name
            )
        case StorageError():
            return Finding(precondition, False, str(volume), "systemctl start glusterd", name)
        case GlusterVolume(started=False):
            return Finding(precondition, False, "it is stopped", f"gluster volume start {name}", name)
    return Finding(precondition, True, "yes", gluster_volume=name)


async def mounted(configured: ConfiguredVolume, prove_mount: ProveMount) -> Finding:
    """Whether the right Gluster volume is mounted where it is looked for."""
    name = configured.name
    try:
        return Finding("mounted", True, await prove_mount(configured), gluster_volume=name)
    except StorageError as error:
        return Finding("mounted", False, str(error), _mount_command(configured), name)


def _mount_command(configured: ConfiguredVolume) -> str:
    if configured.mounted_at is None:
        return "systemctl start piragua"
    path = str(configured.mounted_at)
    mount = f"mount -t glusterfs localhost:/{configured.name} {path}"
    # mount.glusterfs mounts nothing over another mount of its kind.
    return mount if mountinfo.find(path) is None else f"umount --lazy {path} && {mount}"


async def addresses(name: str, topology: Topology) -> list[Finding]:
    """Whether each node has an address that Kubernetes accepts."""
    try:
        nodes = await topology.nodes(name)
    except PiraguaError:
        return [Finding("addresses", False, "not known while the Gluster volume cannot be seen", "", name)]
    return [
        Finding(
            f"address of {node.name}",
            node.address is not None,
            node.address or node.problem,
            f"PIRAGUA_STORAGE_ADDRESSES={node.name}=<its address>",
            name,
        )
        for node in nodes
    ]
