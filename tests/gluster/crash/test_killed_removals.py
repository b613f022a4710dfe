"""kill -9 at every step of purges and sweeps: another instance finishes or undoes what is left."""

import pytest

from tests.gluster.crash.matrix import REMOVALS, Case, instances_killed
from tests.support.pool import GlusterVolume

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("case", REMOVALS, ids=lambda case: case.name)
async def test_an_instance_killed_at_any_step_leaves_what_is_finished_or_undone(
    volume: GlusterVolume, case: Case
) -> None:
    await instances_killed(volume, case)
