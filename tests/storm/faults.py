"""What happens to the servers in the storm: instances, FUSE clients, glusterds and bricks die and come back."""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from lab.machine import MachineError, wait_until
from piragua.tree.layout import INSTANCES
from tests.gluster.crash.promise import left_to_heal
from tests.support.behind import quota_lock_held
from tests.support.frozen import fuse_clients, send
from tests.support.instance import Instance
from tests.support.pool import GlusterVolume

_SHORT_STORM_SECONDS = 10
_HEALED_IN_STORM_SECONDS = 15
_HEALED_AFTER_STORM_SECONDS = 180
_BRICKS_ARE_BACK_SECONDS = 10
_CLIENTS_ARE_BACK_SECONDS = 5
_HEALTHY_AFTER_STORM_SECONDS = 180
_BETWEEN_LOOKS_SECONDS = 1
_NOT_KNOWN = frozenset({"not known"})


class Faults:
    """One fault after the other, chosen by the seed; `mend` leaves none. folder: a mount of the Gluster volume."""

    def __init__(
        self,
        seed: int,
        volume: GlusterVolume,
        instances: list[Instance],
        folder: Path,
        stops: Callable[[], bool],
    ) -> None:
        self._random = random.Random(f"{seed} faults")
        self._volume = volume
        self._instances = instances
        self._folder = folder
        self._stops = stops
        self._sick_server = 0
        self._unhealed: frozenset[str] = frozenset()
        self.done: Counter[str] = Counter()

    def work(self) -> None:
        """Faults until it is time to stop; each is over before the next begins."""
        self._at_random(self._stops)

    def _at_random(self, stops: Callable[[], bool]) -> None:
        kinds = [self._instance, self._instance, self._fuse_client, self._glusterd, self._bricks]
        while not stops():
            self._pause(0.5, 2)
            self._strike(self._random.choice(kinds), self._random.randrange(len(self._instances)))

    def _strike(self, kind: Callable[[int], None], number: int) -> None:
        print(f"{time.strftime('%X')} {kind.__name__.strip('_')} of server {number + 1}", flush=True)
        kind(number)
        self.done[(kind.__doc__ or "").splitlines()[0].strip(".")] += 1

    def _pause(self, least_seconds: float, most_seconds: float) -> None:
        time.sleep(self._random.uniform(least_seconds, most_seconds))

    def _instance(self, number: int) -> None:
        """kill -9 of an instance."""
        self._instances[number].kill9()
        self._pause(0.2, 2)
        self._instances[number].start()

    def _fuse_client(self, number: int) -> None:
        """kill -9 of an instance's FUSE client."""
        instance = self._instances[number]
        clients = fuse_clients(instance.node, f"{instance.mount_root}/{self._volume.name}")
        if clients:
            send(instance.node, clients, signal.SIGKILL)

    def _glusterd(self, number: int) -> None:
        """kill -9 of a glusterd."""
        node = self._volume.pool.nodes[number]
        node.kill_glusterd()
        self._pause(1, 4)
        node.start_glusterd()

    def _bricks(self, number: int) -> None:
        """kill -9 of a server's bricks.

        Those of another server die only when these are healed: two sick copies of three are a loss that no client
        of Gluster can prevent. Until then it is this server's again.
        """
        if self._unhealed:
            self._heal(_HEALED_IN_STORM_SECONDS)
        self._sick_server = self._sick_server if self._unhealed else number
        with suppress(MachineError):  # not all have come back since the last time
            self._volume.pool.nodes[self._sick_server].kill_bricks(self._volume.name)
        self._pause(2, 6)
        with suppress(MachineError):  # the next one tries it again
            self._start_bricks()
        time.sleep(_CLIENTS_ARE_BACK_SECONDS)
        self._unhealed = _NOT_KNOWN
        self._heal(_HEALED_IN_STORM_SECONDS)

    def _heal(self, at_most_seconds: float) -> None:
        """Until all is healed that these bricks missed; clients go on, so that something new always waits.

        Where instances write what they have in work, something always waits for as long as they work.
        """
        deadline = time.monotonic() + at_most_seconds
        while self._unhealed and time.monotonic() < deadline:
            left = frozenset(each for each in self._left_to_heal() if f"/{INSTANCES}" not in each)
            self._unhealed = left if _NOT_KNOWN in (left, self._unhealed) else self._unhealed & left

    def mend(self) -> None:
        """All runs again and is healed. MachineError when that does not come to be."""
        self._start_bricks()
        self._wait_until_healed(_HEALED_AFTER_STORM_SECONDS)
        for instance in self._instances:
            instance.wait_until_healthy(_HEALTHY_AFTER_STORM_SECONDS)

    def _start_bricks(self) -> None:
        """Between limits: a stream of them keeps this command out for a minute (glusterfs 10.3).

        Seen with glusterfs 10.3: a glusterd says that it started bricks that were killed, and did not; not now,
        and not when it is told again. Its next start does.
        """
        pool = self._volume.pool
        with quota_lock_held(self._folder):
            pool.nodes[0].gluster("volume", "start", self._volume.name, "force")
            try:
                wait_until(lambda: pool.is_online(self._volume.name), "the bricks", _BRICKS_ARE_BACK_SECONDS)
            except MachineError as late:
                print(
                    f"{time.strftime('%X')} {late}: glusterd of server {self._sick_server + 1} again", flush=True
                )
                pool.nodes[self._sick_server].kill_glusterd()
                pool.nodes[self._sick_server].start_glusterd()

    def _wait_until_healed(self, timeout_seconds: float) -> None:
        try:
            wait_until(lambda: not self._left_to_heal(), "the end of the heals", timeout_seconds)
        except MachineError as late:
            late.add_note("\n".join(self._left_to_heal()))
            late.add_note(self._volume.pool.nodes[0].gluster("volume", "status", self._volume.name))
            late.add_note(self._volume.pool.nodes[0].gluster("volume", "heal", self._volume.name, check=False))
            raise

    def _left_to_heal(self) -> frozenset[str]:
        """A moment after Gluster was told to heal: what a brick missed while it ran can wait for ten minutes."""
        with suppress(MachineError):  # `heal info` can wait for locks of clients at work, for longer than a minute
            self._volume.pool.nodes[0].gluster("volume", "heal", self._volume.name, check=False)
            time.sleep(_BETWEEN_LOOKS_SECONDS)  # `heal info` takes up a processor
            return frozenset(left_to_heal(self._volume))
        return _NOT_KNOWN


class ThenRollingRestart(Faults):
    """Faults for a short while; then all bricks are restarted once, server by server, with heals in between."""

    def work(self) -> None:
        """The restart is that of an upgrade: it takes every lock away (glusterfs 10.3). It is over then."""
        until = time.monotonic() + _SHORT_STORM_SECONDS
        self._at_random(lambda: time.monotonic() > until)
        for number in range(len(self._instances)):
            self._heal(_HEALED_AFTER_STORM_SECONDS)
            assert not self._unhealed
            self._strike(self._bricks, number)
