"""Directories that a brick of this server lacks, as one lacks all when it was just added.

They are looked for on the bricks themselves: through a mount, the look itself would make them. Until they are
there a node that mounts such a directory may fail; and where Gluster looks for it on the new brick first, a
listing of the root leaves it out (glusterfs 10.3).
"""

import asyncio
import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import anyio

from piragua.check.finding import Finding, Fix
from piragua.check.progress import for_each
from piragua.models import GlusterVolume, Peer, dashed
from piragua.tree import layout
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.states import Observed, State

_log = logging.getLogger(__name__)
_AGAIN_SECONDS = 1.0
_WALKS = 2


@dataclass(frozen=True)
class Missing:
    """What the bricks of this server lack. ids: of the directories; paths: `brick: /directory`, for people."""

    ids: frozenset[str]
    paths: tuple[str, ...] = ()


def local_bricks(gluster_volume: GlusterVolume, peers: Iterable[Peer]) -> tuple[str, ...]:
    """The folders of the Gluster volume's bricks on this server."""
    here = {peer.id for peer in peers if peer.local}
    return tuple(brick.path for brick in gluster_volume.bricks if brick.peer_id in here)


async def missing_directories(mounted: ProvenMount, bricks: Sequence[str]) -> Missing:
    """The `/<id>` that a brick of this server lacks; nothing is looked up."""

    async def lacking() -> set[tuple[str, str]]:
        ids = await mounted.ids_in_root() | await asyncio.to_thread(_ids_on, bricks)
        return await asyncio.to_thread(_lacking, bricks, dict.fromkeys(ids, ""))

    found = await lacking()
    if found:  # a create or a purge may have been half-way
        await anyio.sleep(_AGAIN_SECONDS)
        found &= await lacking()
    held = await mounted.held_ids({each for _, each in found})
    return _missing(pair for pair in found if pair[1] not in held)


async def missing_data(all_observed: Iterable[Observed], bricks: Sequence[str]) -> Missing:
    """The `/<id>/<name>` of volumes that a brick of this server lacks though it has `/<id>`."""
    wanted = {
        observed.volume_id: observed.record.name
        for observed in all_observed
        if observed.record and observed.state is State.VOLUME
    }
    return _missing(await asyncio.to_thread(_lacking, bricks, wanted))


def _ids_on(bricks: Sequence[str]) -> frozenset[str]:
    """Ids of all directories on these bricks whose name is a UUID."""
    names = {
        entry.name for brick in bricks if os.path.isdir(brick) for entry in os.scandir(brick) if entry.is_dir()
    }
    return frozenset(each for each in map(layout.id_of, names) if each is not None)


def has_gfid(bricks: Sequence[str], gfid: str) -> bool:
    """Whether one of these bricks has something with that gfid (32 hex digits). Blocks."""
    path = os.path.join(".glusterfs", gfid[:2], gfid[2:4], dashed(gfid))
    return any(os.path.lexists(os.path.join(brick, path)) for brick in bricks)


def _lacking(bricks: Sequence[str], wanted: dict[str, str]) -> set[tuple[str, str]]:
    """Brick and id of each directory that is not there; wanted: what must be in `/<id>`, "" for itself."""
    return {
        (brick, each)
        for brick in bricks
        if os.path.isdir(brick)
        for each, name in wanted.items()
        if not os.path.isdir(os.path.join(brick, dashed(each), name))
    }


def _missing(found: Iterable[tuple[str, str]]) -> Missing:
    pairs = sorted(found)
    paths = tuple(f"{brick}: /{dashed(each)}" for brick, each in pairs)
    return Missing(frozenset(each for _, each in pairs), paths)


def on_all_bricks(mounted: ProvenMount, missing: Missing) -> Finding:
    """Whether nothing is missing; --fix looks the directories up."""
    name, volume = "directories are on the bricks of this server", mounted.gluster_volume
    if not missing.ids:
        return Finding(name, True, "yes", gluster_volume=volume)

    async def look_up(volume_id: str) -> None:
        await mounted.lookup(volume_id)

    async def run() -> None:
        for _ in range(_WALKS):
            await for_each(f"looking up directories of {volume} for its bricks", sorted(missing.ids), look_up)
        _log.warning("%s: %d directories were looked up, so that bricks get them", volume, len(missing.ids))

    return Finding(
        name,
        False,
        f"{len(missing.ids)} are not, as after bricks were added: mounts may fail, and lists leave them out",
        "",
        volume,
        missing.paths,
        Fix("looks each directory up, which makes it there", run),
    )
