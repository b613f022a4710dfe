"""Volumes that wait to be purged, by a made-up clock."""

import anyio
import pytest

from piragua.upkeep.purging.waiting import WaitingPurges

pytestmark = pytest.mark.anyio


class Clock:
    """What `anyio.current_time` says."""

    def __init__(self) -> None:
        self.now_seconds = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("piragua.upkeep.purging.waiting.anyio.current_time", lambda: clock.now_seconds)
    return clock


async def test_the_first_whose_time_has_come_is_the_next(clock: Clock) -> None:
    waiting = WaitingPurges(pause_seconds=2)
    waiting.add_later("later", 60)
    waiting.add("large")
    clock.now_seconds += 1
    waiting.add("small")
    assert (len(waiting), waiting.ready) == (3, 2)
    assert await waiting.next() == "large"
    waiting.add_behind("large")
    assert await waiting.next() == "small"
    assert await waiting.next() == "large"
    clock.now_seconds += 60
    assert await waiting.next() == "later"
    assert len(waiting) == 0


async def test_what_was_tried_in_vain_waits_twice_as_long_each_time_but_not_for_ever(clock: Clock) -> None:
    waiting, pauses = WaitingPurges(pause_seconds=2), list[float]()
    for _ in range(12):
        waiting.add_put_off("sick")
        waiting.add("sick")  # by a sweep that finds it: it keeps its turn
        before = clock.now_seconds
        while not waiting.ready:
            clock.now_seconds += 1
        pauses.append(clock.now_seconds - before)
        assert (waiting.fresh, waiting.put_off(), waiting.put_off(but={"sick"})) == (0, 1, 0)
        assert await waiting.next() == "sick"
    assert pauses == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300, 300]
    waiting.put_off_no_more("sick")
    waiting.add("sick")
    assert (waiting.fresh, await waiting.next()) == (1, "sick")


async def test_a_pause_that_is_known_is_taken_as_it_is(clock: Clock) -> None:
    waiting = WaitingPurges(pause_seconds=2)
    waiting.add_put_off("late", pause_seconds=600)
    clock.now_seconds += 599
    assert waiting.ready == 0
    clock.now_seconds += 1
    assert waiting.ready == 1


async def test_who_waits_for_the_next_hears_of_a_new_one() -> None:
    waiting, got = WaitingPurges(pause_seconds=2), list[str]()

    async def wait() -> None:
        got.append(await waiting.next())

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            waiting.add_later("later", 3600)
            await anyio.wait_all_tasks_blocked()
            waiting.add("new")
    assert got == ["new"]
