"""File calls in threads: what hangs is given up and counted, and what comes too late is given back."""

import threading
from collections.abc import Callable

import anyio
import pytest

from piragua.errors import MountTimeout
from piragua.tree.threads import FileThreads

pytestmark = pytest.mark.anyio


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(10):
        while not condition():
            await anyio.sleep(0.005)


async def test_a_result_that_comes_too_late_is_given_back() -> None:
    threads, freed, begun, returned = FileThreads(), threading.Event(), threading.Event(), list[str]()

    def hanging() -> str:
        begun.set()
        freed.wait(10)
        return "a lock"

    while not begun.is_set():  # what has not begun in time does not hang, but is never called
        with pytest.raises(MountTimeout):
            await threads.run("/mnt", hanging, timeout_seconds=0.05, unwanted=returned.append)
    assert threads.stuck == 1
    assert returned == []
    freed.set()
    await until(lambda: returned == ["a lock"])
    assert threads.stuck == 0


async def test_a_result_of_a_request_that_was_cancelled_is_given_back() -> None:
    threads, freed, begun, returned = FileThreads(), threading.Event(), threading.Event(), list[str]()

    def hanging() -> str:
        begun.set()
        freed.wait(10)
        return "a lock"

    async with anyio.create_task_group() as group:

        async def request() -> None:
            await threads.run("/mnt", hanging, unwanted=returned.append)

        group.start_soon(request)
        await until(begun.is_set)
        group.cancel_scope.cancel()
    freed.set()
    await until(lambda: returned == ["a lock"])


async def test_a_result_that_somebody_takes_is_not_given_back() -> None:
    returned = list[int]()
    assert await FileThreads().run("/mnt", lambda: 7, unwanted=returned.append) == 7
    assert returned == []


async def test_calls_are_refused_while_too_many_hang() -> None:
    threads, freed = FileThreads(limit=2), threading.Event()
    while threads.stuck < 2:
        with pytest.raises(MountTimeout):
            await threads.run("/mnt", lambda: freed.wait(10), timeout_seconds=0.05)
    with pytest.raises(MountTimeout, match="2 file calls hang"):
        await threads.run("/mnt", lambda: 1)
    freed.set()
    await until(lambda: threads.stuck == 0)
    assert await threads.run("/mnt", lambda: 1) == 1


async def test_what_did_not_begin_in_time_never_does() -> None:
    threads, freed, begun, done = FileThreads(limit=1), threading.Event(), threading.Event(), list[int]()

    def hanging() -> None:
        begun.set()
        freed.wait(10)

    async with anyio.create_task_group() as group:

        async def first() -> None:
            await threads.run("/mnt", hanging)

        group.start_soon(first)
        await until(begun.is_set)
        with pytest.raises(MountTimeout):
            await threads.run("/mnt", lambda: done.append(1), timeout_seconds=0.05)
        freed.set()
    assert done == []
