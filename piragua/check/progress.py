"""One thing after the other, with progress in the log, since there can be thousands."""

import logging
import time
from collections.abc import Awaitable, Callable, Collection

from piragua.errors import PiraguaError

_log = logging.getLogger(__name__)


class Progress:
    """Says how far it is, every `interval_seconds`. what: the work, in words; total: how many there are."""

    def __init__(self, what: str, total: int, *, interval_seconds: float = 5) -> None:
        self._what = what
        self._total = total
        self._interval_seconds = interval_seconds
        self._done = 0
        self._said = time.monotonic()

    def step(self, count: int = 1) -> None:
        """So many more are done."""
        self._done += count
        if time.monotonic() - self._said >= self._interval_seconds:
            self._said = time.monotonic()
            _log.info("%s: %d of %d", self._what, self._done, self._total)


async def for_each(what: str, ids: Collection[str], do: Callable[[str], Awaitable[None]]) -> None:
    """Does it for each; what fails is logged and the rest is done, and then the first error is raised."""
    progress = Progress(what, len(ids))
    first: PiraguaError | None = None
    for each in ids:
        try:
            await do(each)
        except PiraguaError as error:
            _log.warning("%s: %s: %s", what, each, error)
            first = first or error
        progress.step()
    if first is not None:
        raise first
