"""The answer to a scrape, put together from what is in memory."""

from collections.abc import Callable, Sequence

import anyio
import anyio.to_thread
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

from piragua.core import Counters
from piragua.frontends.metrics import instance, pool, quotad, volumes
from piragua.frontends.metrics.exposition import Sample, exposition
from piragua.frontends.metrics.pool import Pool

_HELPS = {**pool.HELPS, **quotad.HELPS, **instance.HELPS, **volumes.HELPS}


class Scrape:
    """pool: what was gathered of all. counters: since the start. more: further samples, each as they are now.

    of_volumes: the same for many volumes; called in a thread.
    """

    def __init__(
        self,
        pool: Pool,
        counters: Counters,
        more: Sequence[Callable[[], list[Sample]]] = (),
        of_volumes: Callable[[], list[Sample]] = list,
    ) -> None:
        self._pool = pool
        self._more = tuple(more)
        self._of_volumes = of_volumes
        self._counters = counters
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)
        self._one_at_a_time = anyio.Lock()

    async def text(self) -> bytes:
        """The metrics. Written in a thread: thousands of volumes take longer than requests may wait.

        One at a time: it asks for no token, and many threads that write would leave no time for other requests.
        """
        async with self._one_at_a_time:
            return await self._text()

    async def _text(self) -> bytes:
        samples = await self._pool.samples()
        for more in self._more:
            samples += more()

        def written() -> bytes:
            seen = exposition([*samples, *self._of_volumes()], _HELPS).encode()
            return seen + generate_latest(self._counters.registry) + generate_latest(self._process)

        return await anyio.to_thread.run_sync(written)
