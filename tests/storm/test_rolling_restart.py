"""All bricks are restarted, server by server, while clients work: every lock is lost (glusterfs 10.3)."""

from collections.abc import Callable

import pytest
from private_gluster import PrivateGluster

from tests.pool import GlusterVolume
from tests.storm.faults import RollingRestart
from tests.storm.report import report
from tests.storm.storm import storm

BRICKS_PER_NODE = 2


@pytest.mark.timeout(900)
def test_nothing_is_lost_when_all_bricks_are_restarted_one_server_after_the_other(
    new_pool: Callable[..., PrivateGluster], new_volume: Callable[..., GlusterVolume]
) -> None:
    volume = new_volume(new_pool(nodes=3), bricks_per_node=BRICKS_PER_NODE)
    result = storm(volume, 1, 300, clients=4, bricks_per_node=BRICKS_PER_NODE, kind=RollingRestart)
    print(report(result))
    assert result.wrong == []
    assert result.faults.total() == len(volume.pool.nodes)
