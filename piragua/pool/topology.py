"""The configured Gluster volumes and the peers that hold their bricks, as glusterd knows them now."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from piragua.errors import GlusterTimeout, GlusterUnavailable, NotFound, StorageError
from piragua.models import GlusterVolume, Node, Peer
from piragua.pool.node_addresses import NodeAddresses
from piragua.pool.own_address import own_address
from piragua.pool.resolver import Names

_T = TypeVar("_T")


class Source(Protocol):
    """Whom the topology asks: `piragua.gluster.gluster.Gluster` outside of tests."""

    async def volume(self, name: str) -> GlusterVolume:
        """The Gluster volume of that name; raises StorageError."""

    async def peers(self) -> tuple[Peer, ...]:
        """All members of the pool, the local one included; raises StorageError."""


@dataclass(frozen=True)
class _Snapshot:
    """What one round of questions brought, in the configured order. taken is monotonic, in seconds."""

    volumes: tuple[GlusterVolume, ...]
    peers: tuple[Peer, ...]
    failures: tuple[StorageError, ...]
    taken: float


@dataclass(frozen=True)
class _Sight:
    """A Gluster volume in its pool, when it was last seen. taken is monotonic, in seconds."""

    volume: GlusterVolume
    peers: tuple[Peer, ...]
    taken: float


class Topology:
    """Gluster volumes and nodes (peers with bricks), asked for when too old to be told.

    gluster: whom to ask. volume_names: the configured Gluster volumes. storage_addresses, names,
    own_address: see NodeAddresses. max_age_seconds: how old an answer may be;
    failure_max_age_seconds: how old one that tells of a failure. resolve_timeout_seconds: how
    long a node waits for its names to be resolved. remember_seconds: how long a single Gluster
    volume is told as it was last seen while glusterd does not answer, which is found out after
    patience_seconds. answer_timeout_seconds: how long everything else waits, which is shorter than a
    request may take, so that it ends with the reason.

    A list that cannot be asked for now is an error, never shorter, and nothing is called unknown
    unless every configured Gluster volume was seen after the question came.
    """

    def __init__(
        self,
        gluster: Source,
        volume_names: Sequence[str],
        storage_addresses: Mapping[str, str],
        *,
        max_age_seconds: float = 10,
        failure_max_age_seconds: float = 1,
        resolve_timeout_seconds: float = 5,
        remember_seconds: float = 300,
        patience_seconds: float = 3,
        answer_timeout_seconds: float = 20,
        names: Names | None = None,
        own_address: Callable[[tuple[str, ...]], str | None] = own_address,
    ) -> None:
        self._gluster = gluster
        self._volume_names = tuple(volume_names)
        self._addresses = NodeAddresses(
            storage_addresses, names or Names(timeout_seconds=resolve_timeout_seconds), own_address
        )
        self._max_age_seconds = max_age_seconds
        self._failure_max_age_seconds = failure_max_age_seconds
        self._remember_seconds = remember_seconds
        self._patience_seconds = patience_seconds
        self._answer_timeout_seconds = answer_timeout_seconds
        self._last_seen: dict[str, _Sight] = {}
        self._snapshot: _Snapshot | None = None
        self._refreshing: asyncio.Task[_Snapshot] | None = None
        self._too_late = 0.0

    async def gluster_volumes(self) -> tuple[GlusterVolume, ...]:
        """Every configured Gluster volume, in the configured order.

        Raises StorageError (as the source did) if one of them cannot be seen.
        """
        return _complete(await self._current()).volumes

    async def gluster_volume(self, id_or_name: str) -> GlusterVolume:
        """The configured Gluster volume of that id (32 hex digits) or name.

        Raises NotFound if none is, and StorageError while that is not certain.
        """
        volume, _ = await self._find(lambda volume: id_or_name in (volume.id, volume.name))
        return volume

    async def gluster_volume_now(self, id_or_name: str) -> GlusterVolume:
        """The same for what cannot be done without glusterd: StorageError while it does not answer."""
        volume, _ = await self._find_now(lambda volume: id_or_name in (volume.id, volume.name))
        return volume

    async def nodes(self, gluster_volume_id: str) -> tuple[Node, ...]:
        """The peers that hold bricks of that Gluster volume (id or name), sorted by id.

        Raises NotFound and StorageError as `gluster_volume` does.
        """
        volume, peers = await self._find(lambda volume: gluster_volume_id in (volume.id, volume.name))
        holders = sorted({brick.peer_id for brick in volume.bricks})
        return tuple(await asyncio.gather(*(self._node(volume, peers, holder) for holder in holders)))

    async def node(self, node_id: str) -> Node:
        """The node of that id; of a peer that serves several Gluster volumes, the first one's.

        Raises NotFound if none is, and StorageError while that is not certain.
        """
        volume, peers = await self._find(lambda volume: any(brick.peer_id == node_id for brick in volume.bricks))
        return await self._node(volume, peers, node_id)

    async def refresh(self) -> None:
        """Asks now, however young the last answer is; raises StorageError as `gluster_volumes` does."""
        _complete(await self._fresh())

    async def _find(self, wanted: Callable[[GlusterVolume], bool]) -> tuple[GlusterVolume, tuple[Peer, ...]]:
        """The Gluster volume and its pool: as they are, or as last seen while glusterd is restarted."""
        last = self._remembered(wanted)
        try:
            async with asyncio.timeout(None if last is None else self._patience_seconds):
                return await self._find_now(wanted)
        except (TimeoutError, GlusterTimeout, GlusterUnavailable):
            if last is None:
                raise
            return last.volume, last.peers

    def _remembered(self, wanted: Callable[[GlusterVolume], bool]) -> _Sight | None:
        oldest = time.monotonic() - self._remember_seconds
        sights = (sight for sight in self._last_seen.values() if sight.taken > oldest)
        return next((sight for sight in sights if wanted(sight.volume)), None)

    async def _find_now(self, wanted: Callable[[GlusterVolume], bool]) -> tuple[GlusterVolume, tuple[Peer, ...]]:
        snapshot = await self._current()
        found = next(filter(wanted, snapshot.volumes), None)
        if found is None:
            # Another instance may have told of what is younger than our last answer.
            snapshot = await self._fresh()
            found = next(filter(wanted, snapshot.volumes), None)
        if found is None:
            _complete(snapshot)
            raise NotFound("no such Gluster volume is served")
        return found, snapshot.peers

    async def _node(self, volume: GlusterVolume, peers: tuple[Peer, ...], peer_id: str) -> Node:
        hosts = [brick.host for brick in volume.bricks if brick.peer_id == peer_id]
        peer = next((peer for peer in peers if peer.id == peer_id), Peer(peer_id, (), connected=False))
        address = await self._addresses.of(peer, (*hosts, *peer.hostnames), peers)
        problem = (
            f"Node {hosts[0]} has no IP address that Kubernetes accepts: "
            f"set PIRAGUA_STORAGE_ADDRESSES={hosts[0]}=<its address>"
        )
        return Node(
            id=peer_id,
            gluster_volume_id=volume.id,
            name=hosts[0],
            address=address,
            problem="" if address else problem,
            online=peer.connected or peer.local,
        )

    async def _current(self) -> _Snapshot:
        known = self._snapshot
        if known is not None:
            max_age_seconds = self._failure_max_age_seconds if known.failures else self._max_age_seconds
            if time.monotonic() - known.taken < max_age_seconds:
                return known
        return await self._refresh()

    async def _fresh(self) -> _Snapshot:
        asked = time.monotonic()
        snapshot = await self._refresh()
        # One that was under way already may have looked before we were asked.
        return snapshot if snapshot.taken >= asked else await self._refresh()

    async def _refresh(self) -> _Snapshot:
        """Starts a round of questions, or joins the one that is under way.

        It goes on if a caller is cancelled, or when it takes too long: then whoever waits, and who joins it from
        then on, gets GlusterUnavailable.
        """
        if self._refreshing is None:
            self._refreshing = asyncio.create_task(self._ask(), name="topology")
            self._refreshing.add_done_callback(self._refreshed)
            self._too_late = asyncio.get_running_loop().time() + self._answer_timeout_seconds
        try:
            async with asyncio.timeout_at(self._too_late):
                return await asyncio.shield(self._refreshing)
        except TimeoutError:
            seconds = f"{self._answer_timeout_seconds:g}"
            raise GlusterUnavailable(
                ("volume", "info"), 0, f"glusterd did not answer within {seconds} seconds"
            ) from None

    def _refreshed(self, task: asyncio.Task[_Snapshot]) -> None:
        self._refreshing = None
        if not task.cancelled() and task.exception() is None:
            self._snapshot = task.result()
            for volume in self._snapshot.volumes:
                self._last_seen[volume.name] = _Sight(volume, self._snapshot.peers, self._snapshot.taken)

    async def _ask(self) -> _Snapshot:
        taken = time.monotonic()
        peers, volumes = await asyncio.gather(
            _attempt(self._gluster.peers()),
            asyncio.gather(*(_attempt(self._gluster.volume(name)) for name in self._volume_names)),
        )
        if isinstance(peers, StorageError):
            return _Snapshot((), (), (peers,), taken)
        return _Snapshot(
            volumes=tuple(volume for volume in volumes if not isinstance(volume, StorageError)),
            peers=peers,
            failures=tuple(volume for volume in volumes if isinstance(volume, StorageError)),
            taken=taken,
        )


async def _attempt(question: Awaitable[_T]) -> _T | StorageError:
    try:
        return await question
    except StorageError as error:
        return error


def _complete(snapshot: _Snapshot) -> _Snapshot:
    if snapshot.failures:
        raise snapshot.failures[0]
    return snapshot
