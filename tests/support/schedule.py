"""Which tests share a worker, and in which order workers get them."""

from collections.abc import Sequence
from pathlib import PurePath

import pytest
from xdist.scheduler import LoadScopeScheduling

LONGEST_FIRST = (
    "test_packages.py",
    "test_quickstart.py",
    "test_glusterd.py",
    "test_races.py",
    "test_check_fix.py",
    "test_clone.py",
    "test_short_storm.py",
    "test_purge.py",
    "test_mount.py",
    "test_check.py",
    "test_killed_clones.py",
    "test_two_gluster_volumes.py",
    "test_killed_on_three_servers.py",
    "test_two_instances.py",
    "test_quota.py",
    "test_start.py",
    "test_private_gluster.py",
    "test_scripts.py",
    "test_killed_removals.py",
    "test_schemathesis.py",
)
"""Files that take about a minute or more, as measured: no worker is left alone with one in the end."""
ON_PORT_8080 = ("test_packages.py", "test_quickstart.py")
"""They serve on the same port of this machine, so they run one after the other."""


def in_order(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The tests with the longest files in front; all others stay in their order."""
    ranks = {name: rank for rank, name in enumerate(LONGEST_FIRST)}
    return sorted(items, key=lambda item: ranks.get(item.path.name, len(ranks)))


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """The tests of a file stay with one worker, which makes what they share only once.

    In place of xdist's own groups by marks, which pytest 9.2 does not know any more.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = PurePath(nodeid.split("::", 1)[0])
        return "port 8080" if file.name in ON_PORT_8080 else str(file)
