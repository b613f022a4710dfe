"""Waiting in a test for what other processes do."""

import asyncio
from collections.abc import Callable

PATIENCE_SECONDS = 10.0


async def until(condition: Callable[[], bool]) -> None:
    """Return once condition() holds; TimeoutError after PATIENCE_SECONDS."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.01)
