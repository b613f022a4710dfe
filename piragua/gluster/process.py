"""One run of a program from its start to its end, with a deadline on everything."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from piragua.gluster.child import OUTPUT_LIMIT_BYTES, Child, Output, Unanswered, start


async def run(
    argv: Sequence[str],
    *,
    timeout_seconds: float,
    on_stuck: Callable[[Child], None],
    drain_seconds: float = 1.0,
    kill_seconds: float = 5.0,
    output_limit_bytes: int = OUTPUT_LIMIT_BYTES,
) -> Output:
    """Everything that argv said, once it has ended.

    timeout_seconds: then its whole process group is killed. drain_seconds: how long a grandchild may
    go on holding the pipes after the end. kill_seconds: how long the end is waited for after the
    kill; on_stuck gets what is still there then. Longest wait: the sum of the three.
    NotStarted: it did not run. Unanswered: killed for being late or for saying more than
    output_limit_bytes.
    """
    child = await start(argv, output_limit_bytes=output_limit_bytes)
    try:
        try:
            async with asyncio.timeout(timeout_seconds):
                await child.until(lambda: child.exited or child.overflowed)
        except TimeoutError:
            raise Unanswered(f"no answer within {timeout_seconds:g} s") from None
        with suppress(TimeoutError):
            async with asyncio.timeout(drain_seconds):
                await child.until(lambda: child.drained or child.overflowed)
        if child.overflowed:
            raise Unanswered(f"more than {output_limit_bytes} bytes of output")
        return Output(bytes(child.stdout), bytes(child.stderr), child.status)
    finally:
        if not await child.end(kill_seconds):
            on_stuck(child)
