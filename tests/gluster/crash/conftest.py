"""The Gluster volumes: on one server, and with copies on three."""

from collections.abc import Iterator

import pytest

from lab.private_gluster import PrivateGluster
from tests.gluster.crash.matrix import BRICKS
from tests.support.pool import GlusterVolume, gluster_volume


@pytest.fixture(scope="module")
def volume(one_node: PrivateGluster) -> Iterator[GlusterVolume]:
    with gluster_volume(one_node, bricks_per_node=BRICKS) as volume:
        yield volume
    one_node.delete_volume(volume.name)


@pytest.fixture(scope="module")
def replicated(three_nodes: PrivateGluster) -> Iterator[GlusterVolume]:
    with gluster_volume(three_nodes, bricks_per_node=BRICKS) as volume:
        yield volume
    three_nodes.delete_volume(volume.name)
