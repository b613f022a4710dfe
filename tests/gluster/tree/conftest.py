"""A Gluster volume that the tests of this folder share, mounted twice: two servers are two mounts."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from lab.private_gluster import PrivateGluster
from tests.support.core import uncached_mount
from tests.support.pool import GlusterVolume, gluster_volume


class TwoMounts(NamedTuple):
    """The Gluster volume, and where its root is mounted."""

    volume: GlusterVolume
    first: Path
    second: Path


@pytest.fixture(scope="session")
def two_mounts(one_node: PrivateGluster) -> Iterator[TwoMounts]:
    with gluster_volume(one_node) as volume:
        yield TwoMounts(volume, uncached_mount(volume), uncached_mount(volume))
    one_node.delete_volume(volume.name)
