"""Who comes first when many wait."""

import anyio
import pytest

from piragua.tree.locking.fair_lock import FairLock

pytestmark = pytest.mark.anyio


async def order_of(wanted: list[tuple[str, bool]]) -> list[str]:
    """The order in which these get their turn, all of whom wait when the first ends."""
    lock, order = FairLock(), list[str]()
    await lock.take(urgent=True)

    async def work(name: str, urgent: bool) -> None:
        await lock.take(urgent=urgent)
        order.append(name)
        lock.release()

    async with anyio.create_task_group() as group:
        for name, urgent in wanted:
            group.start_soon(work, name, urgent)
            await anyio.wait_all_tasks_blocked()
        lock.release()
    assert not lock.held
    return order


async def test_creates_come_before_removals_each_in_order_of_arrival() -> None:
    wanted = [("remove 1", False), ("create 1", True), ("remove 2", False), ("create 2", True)]
    assert await order_of(wanted) == ["create 1", "create 2", "remove 1", "remove 2"]


async def test_a_removal_is_not_put_off_for_ever() -> None:
    creates = [(f"create {number}", True) for number in range(30)]
    order = await order_of([("remove", False), *creates])
    assert 0 < order.index("remove") < 15


async def test_who_leaves_the_queue_holds_nobody_up() -> None:
    lock = FairLock()
    await lock.take(urgent=True)
    with anyio.move_on_after(0.01):
        await lock.take(urgent=True)
    assert not lock.awaited
    async with anyio.create_task_group() as group:
        given_then_cancelled = anyio.CancelScope()

        async def work() -> None:
            with given_then_cancelled:
                await lock.take(urgent=False)
                lock.release()

        group.start_soon(work)
        await anyio.wait_all_tasks_blocked()
        lock.release()
        given_then_cancelled.cancel()
    assert not lock.held
