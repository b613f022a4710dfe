"""kill -9 of the FUSE client at the steps of every operation; in the normal suite are create and purge.

Run as `sudo tests/run tests/gluster/crash/every_fuse_client.py`.
"""

import pytest

from tests.gluster.crash.matrix import CASES, Case, fuse_clients_killed
from tests.support.pool import GlusterVolume

pytestmark = pytest.mark.anyio


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_fuse_client_killed_at_a_step_breaks_no_directory(replicated: GlusterVolume, case: Case) -> None:
    await fuse_clients_killed(replicated, case)
