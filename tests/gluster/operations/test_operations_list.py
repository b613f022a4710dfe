"""What is in work, as administrators are told: on all servers, by whom, since when, and whether it waits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from socket import gethostname
from typing import Any

import anyio
import pytest

from piragua.tree.locking import locks
from tests.support.by_hand import ByHand, by_hand
from tests.support.core import Core, mounted_at, running_core, uncached_mount
from tests.support.lock_holder import lock_held
from tests.support.pool import GlusterVolume

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def two_instances(volume: GlusterVolume) -> AsyncIterator[tuple[Core, Core, ByHand]]:
    folder = uncached_mount(volume)
    async with mounted_at(volume, folder):
        pass
    with by_hand(volume, folder) as hand:
        async with running_core(volume, folder) as one, running_core(volume, folder) as other:
            yield one, other, hand


async def told_by(core: Core, count: int) -> list[dict[str, Any]]:
    """What it says is in work, once that is so much: instances tell each other in the background."""
    with anyio.fail_after(20):
        while True:
            told: list[dict[str, Any]] = (await core.http.get("/piragua/v1/operations")).json()["operations"]
            if len(told) == count:
                return told
            await anyio.sleep(0.05)


async def test_every_instance_tells_what_all_of_them_have_in_work(volume: GlusterVolume) -> None:
    async with two_instances(volume) as (one, other, hand):
        expanded, cloned = hand.volume_with(), hand.volume_with()
        assert await told_by(other, 0) == []
        for _ in range(2):
            await one.volumes._copies.acquire()
        with lock_held(hand.folder, locks.id_offset(expanded)):
            expand = await one.http.post(f"/volumes/{expanded}/expand", json={"expand_size": 1})
            clone = await one.http.post(f"/volumes/{cloned}/clone", json={})
            for core in (one, other):
                told = {each["kind"]: each for each in await told_by(core, 2)}
                assert {f"/queue/{each['id']}" for each in told.values()} == {
                    expand.headers["location"],
                    clone.headers["location"],
                }
                assert (told["expand"]["volume"], told["expand"]["state"]) == (expanded, "running")
                assert told["clone"]["state"] == "queued"
                for each in told.values():
                    assert each["server"] == gethostname()
                    assert 0 <= each["age_seconds"] < 60
                    assert datetime.fromisoformat(each["since"]) <= datetime.now(UTC)
        for _ in range(2):
            one.volumes._copies.release()
        for core in (one, other):
            await told_by(core, 0)
        for answer in (expand, clone):
            assert (await one.http.get(answer.headers["location"])).status_code == 303
