"""What a create costs: processor time by program, and calls that reach the bricks (`gluster volume profile`)."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tests.support.pool import GlusterVolume

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PROGRAMS = {"glusterfsd": "bricks", "glusterfs": "FUSE clients and daemons", "glusterd": "glusterd"}
_MOST_CALLS = 12


def per_create(volume: GlusterVolume, count: int, work: Callable[[], object]) -> dict[str, Any]:
    """Does the work, that many creates; milliseconds of processor time and calls at the bricks, for one."""
    node = volume.pool.nodes[0]
    node.gluster("volume", "profile", volume.name, "start")
    try:
        calls, programs, machine_seconds = brick_calls(volume), _program_seconds(), machine_seconds_used()
        work()
        machine_seconds = machine_seconds_used() - machine_seconds
        spent = {name: seconds - programs[name] for name, seconds in _program_seconds().items()}
        calls = brick_calls(volume) - calls
    finally:
        node.gluster("volume", "profile", volume.name, "stop")
    most = ", ".join(f"{call} {number / count:.1f}" for call, number in calls.most_common(_MOST_CALLS))
    return {
        "creates": count,
        "processor time of all, ms": round(1000 * machine_seconds / count, 1),
        **{f"of {name}, ms": round(1000 * seconds / count, 1) for name, seconds in sorted(spent.items())},
        "calls at the bricks": round(calls.total() / count, 1),
        "most of them": most.lower(),
    }


def _program_seconds() -> defaultdict[str, float]:
    """Processor time of the processes that run now, by program."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name = (folder / "comm").read_text().strip()
            served = b"piragua\0serve" in (folder / "cmdline").read_bytes()
            ticks = (folder / "stat").read_text().rsplit(")", 1)[1].split()[11:13]
        except OSError:
            continue  # it has ended
        program = "Piragua" if served else _PROGRAMS.get(name)
        if program is not None:
            seconds[program] += sum(map(int, ticks)) / _TICKS_PER_SECOND
    return seconds


def machine_seconds_used() -> float:
    """Processor time of the whole machine that was not idle."""
    user, nice, system, _idle, _iowait, irq, softirq = map(
        int, Path("/proc/stat").read_text().splitlines()[0].split()[1:8]
    )
    return (user + nice + system + irq + softirq) / _TICKS_PER_SECOND


def brick_calls(volume: GlusterVolume) -> Counter[str]:
    """Calls that came to all bricks since the profile was begun, by kind."""
    told = volume.pool.nodes[0].gluster("--xml", "volume", "profile", volume.name, "info", "cumulative")
    calls: Counter[str] = Counter()
    for fop in ElementTree.fromstring(told).iter("fop"):  # noqa: S314 (Gluster's own answer)
        calls[fop.findtext("name", "")] += int(fop.findtext("hits", "0"))
    return calls
