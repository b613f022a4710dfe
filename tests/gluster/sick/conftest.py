"""Gluster volumes on a pool that the tests of a file may break."""

from collections.abc import Iterator

import pytest

from lab.private_gluster import PrivateGluster
from tests.support.pool import GlusterVolume, gluster_volume


@pytest.fixture
def volume(pool: PrivateGluster) -> Iterator[GlusterVolume]:
    """A Gluster volume for one test."""
    with gluster_volume(pool) as volume:
        yield volume
    pool.delete_volume(volume.name)
