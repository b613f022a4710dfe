"""Host names to addresses, in threads that nobody waits for longer than a deadline."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable

from piragua.config.addresses import acceptable_address

Lookup = Callable[[str], list[str]]


def system_lookup(name: str) -> list[str]:
    """Every address that the system's resolver gives for name, IPv4 first; none if it knows none.

    Blocks for as long as the resolver does.
    """
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    ordered = sorted(found, key=lambda entry: entry[0] != socket.AF_INET)
    return list(dict.fromkeys(str(entry[4][0]) for entry in ordered))


class Names:
    """Resolves names, remembers what it found, and asks about each name once at a time.

    max_age_seconds: how long an answer is good. timeout_seconds: how long a caller waits for a
    lookup; the lookup goes on, and serves who asks later. A name that stops resolving keeps its
    last address: a resolver that is away must not change where volumes are mounted from.
    """

    def __init__(
        self, *, timeout_seconds: float = 5, max_age_seconds: float = 60, lookup: Lookup = system_lookup
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._max_age_seconds = max_age_seconds
        self._lookup = lookup
        self._running: dict[str, asyncio.Future[list[str]]] = {}
        self._known: dict[str, tuple[str, float]] = {}

    async def address(self, name: str) -> str | None:
        """The first address of name that Kubernetes accepts, or None."""
        known = self._known.get(name)
        if known is not None and time.monotonic() - known[1] < self._max_age_seconds:
            return known[0]
        found = await self._ask(name)
        usable = next((address for text in found if (address := acceptable_address(text))), None)
        if usable is not None:
            self._known[name] = (usable, time.monotonic())
            return usable
        return known[0] if known is not None else None

    async def _ask(self, name: str) -> list[str]:
        running = self._running.get(name)
        if running is None:
            running = self._running[name] = self._start(name)
            running.add_done_callback(lambda _: self._running.pop(name, None))
        try:
            return await asyncio.wait_for(asyncio.shield(running), self._timeout_seconds)
        except TimeoutError:
            return []

    def _start(self, name: str) -> asyncio.Future[list[str]]:
        # A thread of its own, and a daemon: one that hangs keeps neither the pool that others
        # use nor the end of the process waiting.
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[str]] = loop.create_future()

        def finish(found: list[str]) -> None:
            if not future.done():
                future.set_result(found)

        def work() -> None:
            found = self._lookup(name)
            try:
                loop.call_soon_threadsafe(finish, found)
            except RuntimeError:
                return  # the loop has ended meanwhile

        threading.Thread(target=work, name=f"resolve {name}", daemon=True).start()
        return future
