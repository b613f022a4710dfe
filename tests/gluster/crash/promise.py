"""The promise, checked on the real Gluster: what must hold once all has come to rest, whatever died before."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from piragua.models import dashed
from piragua.tree import layout
from piragua.tree.proven_mount import ProvenMount
from piragua.tree.states import Observed, State
from tests.support.behind import differing_gfids, limits_bytes, recorded_gfids
from tests.support.pool import GlusterVolume

_HEAL_SECONDS = 60


async def broken(mounted: ProvenMount, folder: Path, volume: GlusterVolume, bricks_per_node: int) -> list[str]:
    """What of the promise does not hold, a line each. folder: a mount of the whole Gluster volume."""
    all_observed = await mounted.observe_many(await mounted.ids_in_root())
    for observed in all_observed.values():  # a lookup through a mount is what heals a directory
        await mounted.lookup(observed.volume_id)
    found = [line for observed in all_observed.values() for line in _wrong_with(observed)]
    found += [f"not one directory on its bricks: {path}" for path in _differing(volume, bricks_per_node)]
    found += _wrong_limits(all_observed, volume)
    found += _wrong_records(folder, all_observed, volume)
    found += _wrong_names(folder, all_observed)
    return found + _never_healed(volume)


def _never_healed(volume: GlusterVolume) -> list[str]:
    """What `heal info` goes on naming though Gluster is told to heal."""
    deadline = time.monotonic() + _HEAL_SECONDS
    while (left := left_to_heal(volume)) and time.monotonic() < deadline:
        # By itself Gluster looks every ten minutes.
        volume.pool.nodes[0].gluster("volume", "heal", volume.name, check=False)
        time.sleep(0.2)
    return left


def left_to_heal(volume: GlusterVolume) -> list[str]:
    """What `heal info` names now; nothing for a Gluster volume without copies."""
    if len(volume.pool.nodes) == 1:
        return []
    told = volume.pool.nodes[0].gluster("volume", "heal", volume.name, "info")
    wrong = [line for line in told.splitlines() if line.startswith(("/", "<gfid")) or "split" in line]
    return [f"left to heal: {line}" for line in wrong + [x for x in told.splitlines() if "not connected" in x]]


def _wrong_with(observed: Observed) -> Iterator[str]:
    if observed.state is not State.VOLUME or observed.record is None:
        yield f"{observed.volume_id} is {observed.state.value}"


def _differing(volume: GlusterVolume, bricks_per_node: int) -> list[str]:
    return differing_gfids(volume.pool, volume.name, bricks_per_node)


def _wrong_limits(all_observed: dict[str, Observed], volume: GlusterVolume) -> Iterator[str]:
    """Each volume's limit is its recorded size, for every server, and there is no other limit."""
    wanted = {
        f"/{dashed(each)}": observed.record.size_bytes
        for each, observed in all_observed.items()
        if observed.record
    }
    for node in volume.pool.nodes:
        told = limits_bytes(node, volume.name)
        for path in sorted(wanted.keys() | told.keys()):
            if wanted.get(path) != told.get(path):
                yield f"{node.hostname}: limit of {path} is {told.get(path)}, wanted {wanted.get(path)}"


def _wrong_records(folder: Path, all_observed: dict[str, Observed], volume: GlusterVolume) -> Iterator[str]:
    """quota.conf of every server names the directories that live, and no other."""
    live = {_gfid(folder / dashed(each)): each for each in all_observed}
    for node in volume.pool.nodes:
        recorded = recorded_gfids(node, volume.name)
        for gfid in live.keys() - recorded:
            yield f"{node.hostname}: quota.conf lacks {live[gfid]}"
        for gfid in recorded - live.keys():
            yield f"{node.hostname}: quota.conf has a stale record of {gfid.hex()}"


def _gfid(directory: Path) -> bytes:
    text = os.getxattr(directory, "glusterfs.gfid.string").decode().strip("\0")
    return bytes.fromhex(text.replace("-", ""))


def _wrong_names(folder: Path, all_observed: dict[str, Observed]) -> Iterator[str]:
    """Every volume has its name's file, and no other name is kept."""
    wanted = {observed.record.name: each for each, observed in all_observed.items() if observed.record}
    kept = {path.name: path.read_text() for path in (folder / layout.NAMES).iterdir()}
    for name in sorted(wanted.keys() | kept.keys()):
        if wanted.get(name) != kept.get(name):
            yield f"the name {name} belongs to {kept.get(name)}, wanted {wanted.get(name)}"
