"""One instance: its core, its front-ends, and their life. Read this file first.

settings -> PoolParts -> for each Gluster volume: BackendParts -> CoreParts -> Core
Core -> front-ends (`piragua.frontends.registry`) -> the application, which `piragua.service.serving` listens for
"""

import logging
from contextlib import AbstractAsyncContextManager

from piragua.config import Settings
from piragua.frontends import registry
from piragua.frontends.application import application
from piragua.http.streams import Streams
from piragua.service.backend_parts import DEFAULT_TIMING, Timing, pool_parts
from piragua.service.background import running
from piragua.service.core_parts import core_parts
from piragua.status.counters import Counters

_log = logging.getLogger(__name__)


class Service:
    """All parts of one instance. `running` keeps them alive; `app` answers requests meanwhile.

    shutdown_timeout_seconds: how long running work gets at the end.
    """

    def __init__(
        self, settings: Settings, timing: Timing = DEFAULT_TIMING, *, shutdown_timeout_seconds: float = 60
    ) -> None:
        if settings.disable_auth:
            _log.warning("authentication is off: whoever reaches the port can delete every volume")
        counters = Counters()
        pool = pool_parts(settings, timing, recorder=counters)
        self._parts = core_parts(settings, pool, counters, timing, failure_text=registry.failure_text)
        self._front_ends = registry.front_ends(self._parts.core, settings)
        self._mount_check_seconds = timing.mount_check_seconds
        self._shutdown_timeout_seconds = shutdown_timeout_seconds
        self.instance = self._parts.core.instance
        self._streams = Streams()
        self.app = application(
            self._parts.core, self._front_ends, api_docs=settings.api_docs, streams=self._streams
        )

    def stop_streams(self) -> None:
        """Open ones end, so that nobody waits for them."""
        self._streams.stop()

    def running(self) -> AbstractAsyncContextManager[None]:
        """Mounts, lists, purges and sweeps until the end, and then takes away what was mounted."""
        return running(
            self._parts,
            [keep for front_end in self._front_ends for keep in front_end.keeps],
            mount_check_seconds=self._mount_check_seconds,
            shutdown_timeout_seconds=self._shutdown_timeout_seconds,
        )
