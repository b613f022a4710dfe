"""What all tests have in common: what they need of the machine, in which order they run, and where."""

import os
import shutil
import signal
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

LONGEST = ("test_packages.py", "test_quickstart.py", "test_crash_matrix.py", "test_rolling_restart.py")
ON_PORT_8080 = ("test_packages.py", "test_quickstart.py")
PROGRAMS = ("glusterd", "gluster", "mount.glusterfs", "ip", "mkfs.xfs", "nsenter", "unshare", "setfattr")
NEED_GLUSTER = Path(__file__).parent / "gluster"


def pytest_sessionstart() -> None:
    """Ctrl-C ends tests in a shell's background too, where programs would inherit that it is ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that no worker is left alone with it in the end."""
    if any(item.path.is_relative_to(NEED_GLUSTER) for item in items):
        require_gluster()
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


def require_gluster() -> None:
    """A machine that can't run these tests fails them: skipped ones would look like success. UsageError."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if os.geteuid() != 0:
        raise pytest.UsageError("tests/gluster boots real Glusters and needs root: run sudo tests/run")
    if missing:
        raise pytest.UsageError(
            f"tests/gluster needs {', '.join(missing)}: sudo tests/run installs what is missing"
        )
    if not os.path.exists("/dev/fuse"):
        raise pytest.UsageError("tests/gluster mounts Gluster volumes and there is no /dev/fuse here")


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
