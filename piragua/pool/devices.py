"""The file systems that bricks lie on, as glusterd last reported them.

`volume status ... detail` takes glusterd's lock and can wait for others, so it is asked for in the background
and told from memory: no request waits for it, and none fails because another command was in the way.
"""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from piragua.errors import NotFound, NotReady, PiraguaError
from piragua.models import Brick, BrickStatus, Device, DeviceBrick, GlusterVolume, part_id

_log = logging.getLogger(__name__)

_UNKNOWN_DEVICE = ("", "N/A")


class BrickReports(Protocol):
    """Whom to ask: `piragua.gluster.gluster.Gluster` outside of tests."""

    async def bricks(self, volume: str) -> tuple[BrickStatus, ...]:
        """Bricks on peers whose glusterd is away are missing; raises StorageError."""


class BricksOfVolumes(Protocol):
    """Which bricks there are: `piragua.pool.topology.Topology` outside of tests."""

    async def gluster_volume(self, id_or_name: str) -> GlusterVolume: ...


@dataclass(frozen=True)
class _Report:
    """What is known of one Gluster volume's bricks. taken is monotonic, in seconds."""

    gluster_volume: GlusterVolume
    known: Mapping[Brick, BrickStatus]
    taken: float

    @property
    def complete(self) -> bool:
        """Whether the device of every brick is known."""
        return len(self.known) == len(set(self.gluster_volume.bricks))


class Devices:
    """Devices of all configured Gluster volumes. `keep` has to run.

    interval_seconds: between two rounds of questions; retry_seconds: after one that failed. first_wait_seconds:
    how long an answer waits for the end of the first round. trust_seconds: a device of which Gluster has
    not reported for that long is shown as offline. Its sizes, as those of a brick that is away, are then
    the last that were reported.
    """

    def __init__(
        self,
        gluster: BrickReports,
        gluster_volumes: BricksOfVolumes,
        volume_names: Sequence[str],
        *,
        interval_seconds: float = 30,
        retry_seconds: float = 5,
        first_wait_seconds: float = 3,
        trust_seconds: float = 300,
    ) -> None:
        self._gluster = gluster
        self._gluster_volumes = gluster_volumes
        self._volume_names = tuple(volume_names)
        self._interval_seconds = interval_seconds
        self._retry_seconds = retry_seconds
        self._first_wait_seconds = first_wait_seconds
        self._trust_seconds = trust_seconds
        self._reports: dict[str, _Report] = {}
        self._problem = "Gluster has not been asked yet"
        self._asked = asyncio.Event()

    async def keep(self) -> None:
        """Asks at the start and then now and then; never returns."""
        while True:
            well = await self.refresh()
            await asyncio.sleep(self._interval_seconds if well else self._retry_seconds)

    async def refresh(self) -> bool:
        """Asks about every Gluster volume now; False when one of them could not be asked."""
        failures = list[str]()
        for name in self._volume_names:
            try:
                gluster_volume = await self._gluster_volumes.gluster_volume(name)
                statuses = await self._gluster.bricks(name)
            except PiraguaError as error:
                _log.debug("the devices of %s cannot be told: %s", name, error)
                failures.append(str(error))
            else:
                self._reports[name] = _Report(
                    gluster_volume, self._merged(name, gluster_volume, statuses), time.monotonic()
                )
        self._problem = "; ".join(failures)
        self._asked.set()
        return not failures

    async def of_node(self, node_id: str) -> tuple[Device, ...]:
        """The known devices of that node, sorted by id.

        What was never reported is left out, rather than that a node cannot be shown: Kubernetes throws a
        new volume away when it cannot read its nodes.
        """
        await self._first_round()
        return tuple(device for device in self._known() if device.node_id == node_id)

    async def device(self, device_id: str) -> Device:
        """The device. NotFound when it is proven that there is none, else NotReady."""
        await self._first_round()
        for device in self._known():
            if device.id == device_id:
                return device
        self._require_all()
        raise NotFound(f"there is no device {device_id}")

    async def all(self) -> tuple[Device, ...]:
        """All devices, sorted by id. NotReady while one is not known."""
        await self._first_round()
        self._require_all()
        return self._known()

    def id_of(self, brick: Brick) -> str:
        """The id of the device that the brick lies on; "" while that is not known. Never waits."""
        for report in self._reports.values():
            if brick in report.known:
                return _device_id(brick, report.known[brick])
        return ""

    async def _first_round(self) -> None:
        if not self._asked.is_set():
            try:
                async with asyncio.timeout(self._first_wait_seconds):
                    await self._asked.wait()
            except TimeoutError:
                return

    def _require_all(self) -> None:
        for name in self._volume_names:
            report = self._reports.get(name)
            if report is None:
                raise NotReady(f"the devices of the Gluster volume {name} are not known yet: {self._problem}")
            if not report.complete:
                missing = next(brick for brick in report.gluster_volume.bricks if brick not in report.known)
                raise NotReady(f"the device of the brick {missing.host}:{missing.path} was not reported yet")

    def _merged(
        self, name: str, gluster_volume: GlusterVolume, statuses: Iterable[BrickStatus]
    ) -> dict[Brick, BrickStatus]:
        """The bricks by what is reported now, filled up with what was reported earlier."""
        before = self._reports[name].known if name in self._reports else {}
        by_place = {(status.peer_id, status.path): status for status in statuses}
        merged = {}
        for brick in gluster_volume.bricks:
            now, earlier = by_place.get((brick.peer_id, brick.path)), before.get(brick)
            if now is not None and now.device not in _UNKNOWN_DEVICE and now.size_total_bytes:
                merged[brick] = now
            elif earlier is not None:
                merged[brick] = replace(earlier, online=now is not None and now.online)
        return merged

    def _known(self) -> tuple[Device, ...]:
        found: dict[str, Device] = {}
        oldest = time.monotonic() - self._trust_seconds
        for report in self._reports.values():
            for brick, status in report.known.items():
                device = _device(
                    report.gluster_volume.id, brick, status, online=status.online and report.taken > oldest
                )
                found[device.id] = _joined(found[device.id], device) if device.id in found else device
        return tuple(found[device_id] for device_id in sorted(found))


def _device_id(brick: Brick, status: BrickStatus) -> str:
    return part_id(brick.peer_id, status.device)


def _device(gluster_volume_id: str, brick: Brick, status: BrickStatus, *, online: bool) -> Device:
    """The device, as far as one brick tells."""
    brick_id = part_id(gluster_volume_id, brick.peer_id, brick.path)
    return Device(
        id=_device_id(brick, status),
        node_id=brick.peer_id,
        name=status.device,
        total_bytes=status.size_total_bytes,
        free_bytes=status.size_free_bytes,
        online=online,
        bricks=(DeviceBrick(brick_id, gluster_volume_id, brick.path, status.size_total_bytes),),
    )


def _joined(one: Device, other: Device) -> Device:
    """Two bricks on one device."""
    return replace(one, online=one.online and other.online, bricks=(*one.bricks, *other.bricks))
