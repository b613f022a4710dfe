"""`piragua restore-records`: shows, and with --yes does, what a copy of the records can put back.

It works on a mount of its own, beside a service that runs.
"""

import asyncio
from collections.abc import Mapping, Sequence

import click

from piragua.backup.restore import BackupRestore, restore, restore_settings
from piragua.backup.save import SavedRecords, SavedVolume, parse
from piragua.config import Settings
from piragua.errors import InvalidRequest, PiraguaError
from piragua.gluster.gluster import Gluster
from piragua.pool.topology import Topology
from piragua.quota.limits import Limits
from piragua.shared_settings.saved import SavedSettings
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
                kept = saved.settings.get(volume.name, SavedSettings())
                status |= await _restore(mount, gluster, saved.volumes[volume.name], kept, yes=yes)
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


async def _restore(
    mount: Mount, gluster: Gluster, saved: Sequence[SavedVolume], kept: SavedSettings, *, yes: bool
) -> int:
    try:
        await mount.check()
        mounted = mount.current()
        done = await restore(BackupRestore(mounted, Limits(gluster)), saved, only_say=not yes)
        set_back = await restore_settings(mounted, kept, only_say=not yes)
    finally:
        await mount.close()
    told = [(step.volume_id, step.why, step.changes, failure) for step, failure in done]
    told += [(step.what, step.why, step.put_back is not None, failure) for step, failure in set_back]
    for what, why, changes, failure in told:
        click.echo(f"{mount.gluster_volume} {what}: {_said(changes, failure, yes=yes)}: {why}")
    return 1 if any(failure for *_, failure in told) else 0


def _said(changes: bool, failure: PiraguaError | None, *, yes: bool) -> str:
    if failure is not None:
        return f"FAILED ({failure})"
    if not changes:
        return "left as it is"
    return "put back" if yes else "to be put back"
