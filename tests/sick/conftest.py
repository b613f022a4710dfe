"""A Gluster for the tests of a file to break and to mend."""

from collections.abc import Iterator

import pytest
from private_gluster import Node, PrivateGluster

from tests.pool import GlusterVolume, gluster_volume


@pytest.fixture(scope="module")
def pool() -> Iterator[PrivateGluster]:
    """One node."""
    with PrivateGluster() as pool:
        yield pool


@pytest.fixture
def node(pool: PrivateGluster) -> Node:
    return pool.nodes[0]


@pytest.fixture
def volume(pool: PrivateGluster) -> Iterator[GlusterVolume]:
    """A Gluster volume for one test."""
    with gluster_volume(pool) as volume:
        yield volume
    pool.delete_volume(volume.name)
