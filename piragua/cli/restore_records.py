"""`piragua restore-records`: shows, and with --yes does, what a copy of the records can put back.

It works on a mount of its own, beside a service that runs.
"""

import asyncio
from collections.abc import Sequence

import click

from piragua.backup.restore import BackupRestore, restore, restore_settings
from piragua.backup.save import SavedRecords, SavedVolume, parse
from piragua.config import Settings
from piragua.errors import InvalidRequest, PiraguaError
from piragua.service.backend_parts import PoolParts, own_mount, pool_parts
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
    pool = pool_parts(settings)
    status = 0
    try:
        for volume in settings.volumes:
            if volume.name in saved.volumes:
                await pool.topology.nodes(volume.name)  # or why there is nothing to mount
                path = settings.mount_root / ".restore-records" / volume.name
                mount = own_mount(pool, volume.name, str(path))
                kept = saved.settings.get(volume.name, SavedSettings())
                status |= await _restore(mount, pool, saved.volumes[volume.name], kept, yes=yes)
    finally:
        await pool.gluster.aclose()
    if not yes:
        click.echo("nothing was changed; --yes does what is to be done")
    return status


async def _restore(
    mount: Mount, pool: PoolParts, saved: Sequence[SavedVolume], kept: SavedSettings, *, yes: bool
) -> int:
    try:
        await mount.check()
        mounted = mount.current()
        done = await restore(BackupRestore(mounted, pool.limits), saved, only_say=not yes)
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
