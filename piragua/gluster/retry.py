"""Trying again when another command was in the way."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from piragua.errors import GlusterError

_T = TypeVar("_T")
_SHORTEST_PAUSE_SECONDS = 0.005
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 0.5


async def again_while(
    passing: type[GlusterError] | tuple[type[GlusterError], ...],
    attempt: Callable[[], Awaitable[_T]],
    *,
    retry_seconds: float,
    on_retry: Callable[[], None] = lambda: None,
) -> _T:
    """The result of attempt(), which is repeated while it raises passing, one class or several.

    Pauses are random, so that instances do not stay in step: from 5 ms up to a bound that grows
    from 50 to 500 ms. No attempt starts later than retry_seconds; then the last error is raised.
    on_retry is called before each attempt but the first.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + retry_seconds
    bound_seconds = _FIRST_PAUSE_SECONDS
    while True:
        try:
            return await attempt()
        except passing:
            pause_seconds = random.uniform(_SHORTEST_PAUSE_SECONDS, bound_seconds)  # noqa: S311 (no secret)
            if loop.time() + pause_seconds > until:
                raise
        await asyncio.sleep(pause_seconds)
        on_retry()
        bound_seconds = min(bound_seconds * 1.5, _LONGEST_PAUSE_SECONDS)
