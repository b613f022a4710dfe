"""What all tests have in common: what they need of the machine, in which order they run, and how patiently."""

import os
import shutil
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer

from tests.support.schedule import ByFile, in_order

NEED_GLUSTER = Path(__file__).parent / "gluster"
PROGRAMS = ("glusterd", "gluster", "mount.glusterfs", "ip", "mkfs.xfs", "nsenter", "unshare", "setfattr")

# How fast the machine is says nothing about the code.
settings.register_profile("piragua", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("piragua")


def pytest_sessionstart() -> None:
    """Ctrl-C ends tests in a shell's background too, where programs would inherit that it is ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuses what this machine cannot run, and puts what takes longest in front."""
    if any(item.path.is_relative_to(NEED_GLUSTER) for item in items):
        require_gluster()
    items[:] = in_order(items)


def require_gluster() -> None:
    """A machine that can't run these tests fails them: skipped ones would look like success. UsageError."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if os.geteuid() != 0:
        raise pytest.UsageError("tests/gluster boots real Glusters and needs root: run sudo tests/run")
    if missing:
        programs = ", ".join(missing)
        raise pytest.UsageError(f"tests/gluster needs {programs}: sudo tests/run installs what is missing")
    if not os.path.exists("/dev/fuse"):
        raise pytest.UsageError("tests/gluster mounts Gluster volumes and there is no /dev/fuse here")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """The tests of a file stay together."""
    return ByFile(config, log)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The event loop that the service runs on."""
    return "asyncio"
