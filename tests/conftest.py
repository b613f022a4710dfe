"""Fixtures: Glusters to share, Glusters to break, and a Gluster volume for each test."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from lab.private_gluster import Node, PrivateGluster
from tests.core import make_own_files, uncached_mount
from tests.instance import Instance
from tests.pool import GlusterVolume, gluster_volume
from tests.tree.by_hand import ByHand, by_hand

LONGEST = ("test_packages.py", "test_quickstart.py", "test_crash_matrix.py", "test_rolling_restart.py")
ON_PORT_8080 = ("test_packages.py", "test_quickstart.py")
PROGRAMS = ("glusterd", "gluster", "mount.glusterfs", "ip", "mkfs.xfs", "nsenter", "unshare", "setfattr")


def pytest_sessionstart() -> None:
    """A machine that can't run the tests fails them: skipped ones would look like success."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a shell's background; programs would inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if os.geteuid() != 0:
        raise pytest.UsageError("the tests boot real Glusters and need root: run sudo tests/run")
    if missing:
        raise pytest.UsageError(f"the tests need {', '.join(missing)}: sudo tests/run installs what is missing")
    if not os.path.exists("/dev/fuse"):
        raise pytest.UsageError("the tests mount Gluster volumes and there is no /dev/fuse here")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that no worker is left alone with it in the end."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """The tests of a file stay with one worker; so do files that serve on the same port of this machine."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return "port 8080" if file.rsplit("/", 1)[-1] in ON_PORT_8080 else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """In place of xdist's own groups by marks, which pytest 9.2 does not know any more."""
    return ByFile(config, log)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The event loop that the service runs on."""
    return "asyncio"


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
