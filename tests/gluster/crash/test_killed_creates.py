"""kill -9 at every step of creates and of answers about them: another instance ends or undoes what is left."""

import pytest

from tests.gluster.crash.matrix import CREATES, Case, instances_killed
from tests.support.pool import GlusterVolume

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("case", CREATES, ids=lambda case: case.name)
async def test_an_instance_killed_at_any_step_leaves_what_is_finished_or_undone(
    volume: GlusterVolume, case: Case
) -> None:
    await instances_killed(volume, case)
