"""The one address of a peer that volumes are mounted from."""

import asyncio
from collections.abc import Callable, Mapping

from piragua.config.addresses import acceptable_address
from piragua.models import Peer
from piragua.pool.resolver import Names


class NodeAddresses:
    """Finds a peer's storage address.

    storage_addresses: what the administrator said, by a peer's name in lower case or its id (32
    hex digits). names: how host names are resolved. own_address: this machine's address, given
    those of other peers.
    """

    def __init__(
        self,
        storage_addresses: Mapping[str, str],
        names: Names,
        own_address: Callable[[tuple[str, ...]], str | None],
    ) -> None:
        self._storage_addresses = dict(storage_addresses)
        self._names = names
        self._own_address = own_address

    async def of(self, peer: Peer, names: tuple[str, ...], peers: tuple[Peer, ...]) -> str | None:
        """The address of peer, one that Kubernetes accepts, or None if none is known.

        names: everything it is called, the best first; peers: all members of the pool. What the
        administrator said wins, then an address among the names, then what a name leads to.
        """
        for key in (peer.id, *(name.lower() for name in names)):
            if key in self._storage_addresses:
                return self._storage_addresses[key]
        address = await self._first(names)
        if address is None and peer.local:
            # Its name leads to 127.0.1.1 here, as Debian's /etc/hosts has it.
            others = await asyncio.gather(*(self._first(other.hostnames) for other in peers if not other.local))
            address = self._own_address(tuple(other for other in others if other is not None))
        return address

    async def _first(self, names: tuple[str, ...]) -> str | None:
        names = tuple(dict.fromkeys(names))
        for name in names:
            if (literal := acceptable_address(name)) is not None:
                return literal
        resolved = await asyncio.gather(*(self._names.address(name) for name in names))
        return next((address for address in resolved if address is not None), None)
