"""What a sweep has read at its beginning can be old by the time it comes to a volume."""

from types import SimpleNamespace
from typing import Any

import pytest

from piragua.pool.health import Health
from piragua.tree.record import Record
from piragua.tree.states import Observed
from piragua.upkeep.repair import Repair

pytestmark = pytest.mark.anyio

SIZE_BYTES = 2**30


async def test_a_volume_that_was_made_since_is_not_said_to_lack_its_record() -> None:
    on_record, locks_taken = set[str](), list[str]()

    async def limited_gfids(_volume: str) -> frozenset[str]:
        return frozenset(on_record)

    async def take_id(volume_id: str, **_: object) -> None:
        locks_taken.append(volume_id)
        raise AssertionError("its limit was about to be set again")

    mounted: Any = SimpleNamespace(
        gluster_volume="gv0",
        limit=returning(SIZE_BYTES),
        gfid=returning("a gfid"),
        has_lost_modes=returning(False),
        take_id=take_id,
        brick_count=returning(0),
        lookup=returning(True),
    )
    gluster_volume = SimpleNamespace(
        bricks=(), options={"features.quota": "on", "features.quota-deem-statfs": "on"}
    )
    topology: Any = SimpleNamespace(gluster_volume_now=returning(gluster_volume))
    gluster: Any = SimpleNamespace(limited_gfids=limited_gfids)
    pool_health: Any = SimpleNamespace(observe=returning(Health()))
    limits: Any = None
    repair = Repair(topology, gluster, limits, pool_health)
    await repair.round(mounted)
    on_record.add("a gfid")
    await repair.mend(mounted, Observed("a" * 32, record=Record(SIZE_BYTES, "vol"), published=True))
    assert not locks_taken


def returning(value: object) -> Any:
    async def answer(*_: object) -> object:
        return value

    return answer
