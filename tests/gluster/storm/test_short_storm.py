"""The storm in short: what dies and when comes from the seed. The long one: tests/storm/run."""

import random
from collections.abc import Callable

import pytest

from lab.private_gluster import PrivateGluster
from tests.storm.faults import ThenRollingRestart
from tests.storm.report import report
from tests.storm.storm import storm
from tests.support.pool import GlusterVolume

BRICKS_PER_NODE = 2
CLIENTS = 8


@pytest.mark.timeout(900)
def test_nothing_is_lost_in_a_short_storm_and_a_rolling_restart_of_all_bricks(
    new_pool: Callable[..., PrivateGluster], new_volume: Callable[..., GlusterVolume]
) -> None:
    seed = random.randrange(10**6)
    print(f"the seed is {seed}")
    volume = new_volume(new_pool(nodes=3), bricks_per_node=BRICKS_PER_NODE)
    result = storm(volume, seed, 400, CLIENTS, BRICKS_PER_NODE, ThenRollingRestart)
    print(report(result))
    assert result.wrong == []
    assert result.faults.total() > len(volume.pool.nodes), "that many are the rolling restart's"
