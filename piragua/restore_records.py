"""`piragua restore-records`: shows, and with --yes does, what a copy of the records can put back.

It works on a mount of its own, beside a service that runs.
"""

import asyncio
from collections.abc import Mapping, Sequence

import click

from piragua.config import Settings
from piragua.errors import InvalidRequest, PiraguaError
from piragua.gluster.gluster import Gluster
from piragua.limits import Limits
from piragua.records import SavedRecords, SavedVolume, parse
from piragua.restoration import Restoration, Step, restore
from piragua.topology.topology import Topology
from piragua.tree.mount import Mount


def run(settings: Settings, document: bytes, *, yes: bool) -> int:
    """Prints a line for each volume of the copy; the exit status: 0 unless something could not be done.

    yes False: nothing is changed. InvalidRequest for a document that is no copy, StorageError.
    """
    saved = parse(document)
    served = {volume.name for volume in settings.volumes}
    if not served & saved.volumes.keys():
        names = ", ".join(saved.volumes) or "no Gluster volume"
        raise InvalidRequest(f"the copy is of {names}; PIRAGUA_VOLUMES names {', '.join(sorted(served))}")
    return asyncio.run(_run(settings, saved, yes=yes))


async def _run(settings: Settings, saved: SavedRecords, *, yes: bool) -> int:
    click.echo(f"the copy was made on {saved.saved.isoformat()}")
    socket = settings.glusterd_socket
    gluster = Gluster(socket=None if socket is None else str(socket))
    status = 0
    try:
        for volume in settings.volumes:
            if volume.name in saved.volumes:
                servers = await _servers(gluster, volume.name, settings.storage_addresses, local=socket is None)
                mount = _mount(settings, volume.name, servers)
                status |= await _restore(mount, gluster, saved.volumes[volume.name], yes=yes)
    finally:
        await gluster.aclose()
    if not yes:
        click.echo("nothing was changed; --yes does what is to be done")
    return status


async def _servers(gluster: Gluster, name: str, addresses: Mapping[str, str], *, local: bool) -> list[str]:
    """Names to mount from, best first."""
    nodes = await Topology(gluster, [name], addresses).nodes(name)
    return [*(["localhost"] if local else []), *(node.address or node.name for node in nodes)]


def _mount(settings: Settings, name: str, names: Sequence[str]) -> Mount:
    async def servers() -> Sequence[str]:
        return names

    return Mount(name, str(settings.mount_root / ".restore-records" / name), own=True, servers=servers)


async def _restore(mount: Mount, gluster: Gluster, saved: Sequence[SavedVolume], *, yes: bool) -> int:
    try:
        await mount.check()
        restoration = Restoration(mount.current(), Limits(gluster))
        done = await restore(restoration, saved, only_say=not yes)
    finally:
        await mount.close()
    for step, failure in done:
        click.echo(_line(mount.gluster_volume, step, failure, yes=yes))
    return 1 if any(failure for _, failure in done) else 0


def _line(gluster_volume: str, step: Step, failure: PiraguaError | None, *, yes: bool) -> str:
    what = "left as it is"
    if failure is not None:
        what = f"FAILED ({failure})"
    elif step.changes:
        what = "put back" if yes else "to be put back"
    return f"{gluster_volume} {step.volume_id}: {what}: {step.why}"
