"""The mode of all instances, where one of several Gluster volumes is away or was never told."""

import json

import pytest

from piragua.errors import MountError, NotMounted, NotReady
from piragua.models import Mode
from piragua.shared_settings.modes import Modes
from tests.support.shared_settings_in_memory import KeptInMemory

pytestmark = pytest.mark.anyio

NORMAL, LOCAL, READ_ONLY = Mode.NORMAL, Mode.LOCAL_CLIENT, Mode.READ_ONLY


def two() -> tuple[KeptInMemory, KeptInMemory]:
    return KeptInMemory("gv0"), KeptInMemory("gv1")


def instance(*volumes: KeptInMemory, now_seconds: float = 1000) -> Modes:
    return Modes([each.as_mount() for each in volumes], clock=lambda: now_seconds)


@pytest.mark.parametrize(("before", "after"), [(READ_ONLY, NORMAL), (NORMAL, READ_ONLY), (LOCAL, NORMAL)])
async def test_a_mode_is_set_while_a_gluster_volume_is_away_and_that_learns_of_it(
    before: Mode, after: Mode
) -> None:
    first, second = two()
    setter, other, of_the_second = instance(first, second), instance(first, second), instance(second)
    await setter.set(before)
    assert [await each.current() for each in (setter, other, of_the_second)] == [before] * 3
    second.away = True
    await setter.set(after)
    started_now = instance(first, second)
    assert [await each.current() for each in (setter, other, started_now)] == [after] * 3
    second.away = False
    assert await of_the_second.current() is before, "nobody has told it yet"
    assert await other.current() is after
    assert await of_the_second.current() is after
    assert first.settings == second.settings


async def test_where_none_can_be_reached_it_is_refused() -> None:
    first, second = two()
    modes = instance(first, second)
    await modes.set(READ_ONLY)
    first.away = second.away = True
    with pytest.raises(NotMounted):
        await modes.set(NORMAL)
    assert await modes.current() is READ_ONLY
    first.away, first.read_only = False, True
    with pytest.raises(MountError, match="read-only file system"):
        await modes.set(NORMAL)
    assert await modes.current() is READ_ONLY


async def test_while_none_could_be_read_yet_nobody_says_that_all_may_be_changed() -> None:
    """An instance that has just started must not let changes in where somebody has set "read-only"."""
    first, second = two()
    await instance(first, second).set(READ_ONLY)
    first.away = second.away = True
    started_now = instance(first, second)
    with pytest.raises(NotReady):
        await started_now.current()
    second.away = False
    assert await started_now.current() is READ_ONLY


async def test_the_last_one_counts_however_far_clocks_are_apart() -> None:
    first, second = two()
    ahead, behind = instance(first, second, now_seconds=10**9), instance(first, second, now_seconds=5)
    await ahead.set(READ_ONLY)
    second.away = True
    await behind.set(NORMAL)
    second.away = False
    assert [await each.current() for each in (ahead, behind)] == [NORMAL, NORMAL]


async def test_what_was_set_where_it_could_be_counts_though_the_setter_knew_nothing_of_the_rest() -> None:
    first, second = two()
    await instance(first, second, now_seconds=1000).set(READ_ONLY)
    first.away = True
    await instance(first, second, now_seconds=2000).set(NORMAL)
    first.away, second.away = False, True
    assert await instance(first, second).current() is READ_ONLY
    second.away = False
    assert await instance(first, second).current() is NORMAL


async def test_of_modes_of_an_earlier_version_the_strictest_counts() -> None:
    first, second = two()
    first.settings["mode"] = b'{"state": "local-client"}'
    second.settings["mode"] = b'{"state": "normal"}'
    modes = instance(first, second)
    assert await modes.current() is LOCAL
    await modes.set(NORMAL)
    assert await modes.current() is NORMAL


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"\xff", b'{"state": "later"}', b'{"state": "normal", "number": 1.5}', b'{"number": 3}'],
)
async def test_what_cannot_be_read_lets_nothing_be_changed_until_it_is_set_anew(data: bytes) -> None:
    first, second = two()
    modes = instance(first, second)
    await modes.set(NORMAL)
    second.settings["mode"] = data
    assert await modes.current() is READ_ONLY
    assert second.settings["mode"] == data, "it is not overwritten by whoever reads it"
    await modes.set(NORMAL)
    assert await modes.current() is NORMAL
    assert json.loads(second.settings["mode"])["state"] == "normal"
