"""Instances that die at a step they are told; one process forks them all, so that each starts fast.

Started as `python -m tests.gluster.crash.victim`, by victims.py, which has the other end of both pipes.
"""

import faulthandler
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import anyio

from piragua.models import VolumeSpec
from tests.gluster.crash.steps import Step, Steps
from tests.support.core import Core, running_core
from tests.support.pool import GlusterVolume

_END_TIMEOUT_SECONDS = 40
_tell_file = os.dup(1)


@dataclass(frozen=True)
class Order:
    """What one victim does, and where it dies.

    operation and arguments: one of OPERATIONS. folder: the Gluster volume's mount. step: it dies right before that
    one; None: not at all, and all steps are told. fuse_client: what is killed then instead, and it goes on;
    meanwhile: while that step is under way.
    """

    operation: str
    arguments: dict[str, Any]
    folder: str
    step: tuple[str, int] | None = None
    fuse_client: int = 0
    meanwhile: bool = False


@dataclass(frozen=True)
class NodeOutside:
    """As much of a node as a core needs, from another process."""

    pid: int
    folder: Path

    @property
    def root(self) -> Path:
        return Path(f"/proc/{self.pid}/root")


@dataclass(frozen=True)
class PoolOutside:
    nodes: list[NodeOutside]


@dataclass(frozen=True)
class VolumeOutside:
    """As much of a test's Gluster volume as a core needs."""

    name: str
    pool: PoolOutside


@dataclass
class Life:
    """One victim's: what it was told to do, and what it has told."""

    order: Order
    seen: list[Step] = field(default_factory=list)

    def begin(self) -> None:
        """From now on steps of this task are counted."""
        self._steps = Steps(self.order.folder, self._at)
        self._steps.begin()

    def _at(self, step: Step) -> None:
        self.seen.append(step)
        if self.order.step != (step.name, step.before):
            return
        tell(died=list(step))
        if not self.order.fuse_client:
            with self._steps.no_lock_call():
                os.kill(os.getpid(), signal.SIGKILL)
        kill = partial(os.kill, self.order.fuse_client, signal.SIGKILL)
        if self.order.meanwhile:
            threading.Thread(target=kill).start()
        else:
            kill()

    def end(self) -> None:
        """Tells all steps and ends at once: its clean end is not what is tried here."""
        tell(steps=[list(step) for step in self.seen])
        with self._steps.no_lock_call():
            os._exit(0)


def tell(**what: Any) -> None:
    """A line for the test; it is out when this returns."""
    os.write(_tell_file, json.dumps(what).encode() + b"\n")


async def _operate(core: Core, job: Any) -> None:
    operation_id = await core.operations.start(job)
    tell(operation=operation_id)
    while core.operations.ongoing_count:
        await anyio.sleep(0.005)
    tell(outcome=repr(await core.operations.poll(operation_id)))


async def _create(core: Core, *, name: str) -> None:
    await _operate(core, await core.volumes.prepare_create(VolumeSpec(size_bytes=2**30, name=name, gid=2000)))


async def _expand(core: Core, *, volume_id: str) -> None:
    await _operate(core, await core.volumes.prepare_expand(volume_id, 2**31))


async def _delete(core: Core, *, volume_id: str) -> None:
    await _operate(core, await core.volumes.prepare_delete(volume_id))


async def _purge(core: Core, *, volume_id: str) -> None:
    await core.purger.purge(volume_id)


async def _clone(core: Core, *, volume_id: str, name: str) -> None:
    await _operate(core, await core.volumes.prepare_clone(volume_id, name))


async def _restore(core: Core, *, volume_id: str) -> None:
    await _operate(core, await core.volumes.prepare_restore(volume_id))


async def _shrink(core: Core, *, volume_id: str) -> None:
    await _operate(core, await core.volumes.prepare_shrink(volume_id, 2**30))


async def _label(core: Core, *, volume_id: str) -> None:
    await core.volumes.set_labels(volume_id, lambda _: {"team": "red"})


async def _settle(core: Core, *, operation_id: str) -> None:
    tell(outcome=repr(await core.operations.poll(operation_id)))


async def _sweep(core: Core) -> None:
    await core.sweep_twice()


OPERATIONS: dict[str, Callable[..., Awaitable[None]]] = {
    "create": _create,
    "expand": _expand,
    "delete": _delete,
    "purge": _purge,
    "clone": _clone,
    "restore": _restore,
    "shrink": _shrink,
    "label": _label,
    "settle": _settle,
    "sweep": _sweep,
}


async def _live(order: Order, volume: VolumeOutside) -> None:
    life = Life(order)
    async with running_core(cast(GlusterVolume, volume), Path(order.folder), purges=False) as core:
        core.operations._settle_seconds = 0  # the id is told as soon as it is known
        life.begin()
        try:
            await OPERATIONS[order.operation](core, **order.arguments)
        except Exception as error:
            tell(error=repr(error))
        life.end()


def _fork(order: Order, volume: VolumeOutside) -> int:
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    faulthandler.dump_traceback_later(_END_TIMEOUT_SECONDS, exit=True)
    try:
        anyio.run(_live, order, volume)
    except BaseException:
        traceback.print_exc()
    os._exit(1)


def main() -> None:
    """Serves orders, one in a line, until there are no more."""
    given = json.loads(sys.argv[1])
    nodes = [NodeOutside(each["pid"], Path(each["folder"])) for each in given["nodes"]]
    volume = VolumeOutside(given["volume"], PoolOutside(nodes))
    for line in sys.stdin:
        told = json.loads(line)
        step = told.pop("step")
        order = Order(**told, step=None if step is None else (step[0], step[1]))
        tell(ended=_fork(order, volume))


def as_line(order: Order) -> str:
    """The order as `main` reads it."""
    return json.dumps(asdict(order)) + "\n"


if __name__ == "__main__":
    main()
