"""Whether limits can be read: while a quotad is dead, statvfs hangs for a minute and nothing else says so.

And whether they are still there: quota that is turned off and on has lost them all.
"""

import logging
from collections.abc import Callable

import anyio

from piragua.errors import MountTimeout, PiraguaError
from piragua.tree.mount import Mount
from piragua.tree.proven_mount import limits_hang

_log = logging.getLogger(__name__)


class QuotaWatch:
    """Asks for one volume's limit now and then. `keep` has to run; `problem` is the result.

    any_id: some volume, None while there is none. on_lost: is called when it is found without its limit.
    interval_seconds: between two questions.
    """

    def __init__(
        self,
        mount: Mount,
        any_id: Callable[[], str | None],
        on_lost: Callable[[], None],
        *,
        interval_seconds: float = 10,
    ) -> None:
        self._mount = mount
        self._any_id = any_id
        self._on_lost = on_lost
        self._is_lost = False
        self._interval_seconds = interval_seconds
        self._problem = ""

    @property
    def problem(self) -> str:
        """Why no limit can be read now; "" when nothing speaks against it."""
        return self._problem or (self._hang if self._mount.stuck_limit_calls else "")

    @property
    def _hang(self) -> str:
        return limits_hang(self._mount.gluster_volume)

    async def keep(self) -> None:
        """Asks for ever. While calls hang nothing more is asked, so that they do not become more."""
        while True:
            if not self._mount.stuck_limit_calls:
                await self._ask()
            await anyio.sleep(self._interval_seconds)

    async def _ask(self) -> None:
        volume_id = self._any_id()
        problem = ""
        try:
            if volume_id is not None:
                self._note(is_lost=await self._mount.current().limit(volume_id) is None)
        except MountTimeout:
            problem = self._hang
        except PiraguaError as error:  # the mount's own state is told elsewhere
            _log.debug("a limit on %s cannot be read: %s", self._mount.gluster_volume, error)
        if problem != self._problem:
            _log.log(logging.ERROR if problem else logging.INFO, "%s", problem or "limits can be read again")
        self._problem = problem

    def _note(self, *, is_lost: bool) -> None:
        if is_lost and not self._is_lost:  # who was told once goes on until all have theirs again
            self._on_lost()
        self._is_lost = is_lost
