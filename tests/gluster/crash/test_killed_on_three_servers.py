"""kill -9 at the steps that count, of an instance or a FUSE client, where every server has a copy."""

import pytest

from tests.gluster.crash.matrix import (
    BRICKS,
    CREATE,
    PURGE,
    Case,
    fuse_clients_killed,
    matrix_on,
    run,
    those_that_count,
)
from tests.support.pool import GlusterVolume

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("case", [CREATE, PURGE], ids=lambda case: case.name)
async def test_an_instance_killed_at_a_step_leaves_what_is_finished_or_undone(
    replicated: GlusterVolume, case: Case
) -> None:
    async with matrix_on(replicated, BRICKS, victims_node=1) as matrix:
        tried = await run(matrix, case, choose=those_that_count)
        print(f"{case.name}, 2 x 3 bricks: an instance killed at {tried} steps")
        assert not matrix.complaints, "\n".join(matrix.complaints)


@pytest.mark.parametrize("case", [CREATE, PURGE], ids=lambda case: case.name)
async def test_a_fuse_client_killed_at_a_step_breaks_no_directory(replicated: GlusterVolume, case: Case) -> None:
    await fuse_clients_killed(replicated, case)
