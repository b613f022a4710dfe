"""Fixtures: Glusters to share, Glusters to break, and a Gluster volume for each test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lab.private_gluster import Node, PrivateGluster
from tests.support.by_hand import ByHand, by_hand
from tests.support.core import make_own_files, uncached_mount
from tests.support.instance import Instance
from tests.support.pool import GlusterVolume, gluster_volume


@pytest.fixture(scope="session")
def one_node() -> Iterator[PrivateGluster]:
    """A Gluster with one node for all tests: don't break it."""
    with PrivateGluster(nodes=1) as pool:
        yield pool


@pytest.fixture(scope="session")
def three_nodes() -> Iterator[PrivateGluster]:
    """A trusted pool of three nodes for all tests: don't break it."""
    with PrivateGluster(nodes=3) as pool:
        yield pool


@pytest.fixture(scope="module")
def pool() -> Iterator[PrivateGluster]:
    """A Gluster with one node for the tests of a file, to break and to mend."""
    with PrivateGluster() as pool:
        yield pool


@pytest.fixture
def node(pool: PrivateGluster) -> Node:
    """Its node."""
    return pool.nodes[0]


@pytest.fixture(scope="module")
def volume(one_node: PrivateGluster) -> Iterator[GlusterVolume]:
    """A Gluster volume of one brick for the tests of a file."""
    with gluster_volume(one_node) as volume:
        yield volume
    one_node.delete_volume(volume.name)


@pytest.fixture(scope="module")
def instance(volume: GlusterVolume) -> Instance:
    """A Piragua that serves it."""
    return volume.start_instance()


@pytest.fixture(scope="module")
def folder(volume: GlusterVolume) -> Path:
    """Where it is mounted without caches, with Piragua's own files made."""
    folder = uncached_mount(volume)
    make_own_files(volume, folder)
    return folder


@pytest.fixture
def hand(volume: GlusterVolume, folder: Path) -> Iterator[ByHand]:
    """Makes what shall be there before a test."""
    with by_hand(volume, folder) as hand:
        yield hand


@pytest.fixture
def fresh_volume(one_node: PrivateGluster) -> Iterator[GlusterVolume]:
    """A Gluster volume of one brick, quota on and strict, for this test alone."""
    with gluster_volume(one_node) as volume:
        yield volume
    one_node.delete_volume(volume.name)


@pytest.fixture
def fresh_replicated_volume(three_nodes: PrivateGluster) -> Iterator[GlusterVolume]:
    """A distributed-replicated Gluster volume (2 x 3), quota on and strict, for this test alone."""
    with gluster_volume(three_nodes, bricks_per_node=2) as volume:
        yield volume
    three_nodes.delete_volume(volume.name)


@pytest.fixture
def new_pool() -> Iterator[Callable[..., PrivateGluster]]:
    """Boots a Gluster (arguments as PrivateGluster) for this test alone, to break as it likes."""
    with ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(PrivateGluster(*args, **options))


@pytest.fixture
def new_volume(new_pool: object) -> Iterator[Callable[..., GlusterVolume]]:
    """Makes a Gluster volume (arguments as gluster_volume) in a pool of this test's own."""
    with ExitStack() as stack:  # new_pool is asked for so that pools end after what runs on them
        yield lambda *args, **options: stack.enter_context(gluster_volume(*args, **options))
