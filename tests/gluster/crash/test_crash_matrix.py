"""kill -9 at every step of every operation: another instance finishes or undoes what is left."""

from collections.abc import Iterator

import pytest

from lab.private_gluster import PrivateGluster
from tests.gluster.crash.matrix import (
    BRICKS,
    CASES,
    CREATE,
    PURGE,
    Case,
    fuse_clients_killed,
    matrix_on,
    run,
    those_that_count,
)
from tests.support.pool import GlusterVolume, gluster_volume

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def volume(one_node: PrivateGluster) -> Iterator[GlusterVolume]:
    with gluster_volume(one_node, bricks_per_node=BRICKS) as volume:
        yield volume
    one_node.delete_volume(volume.name)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_an_instance_killed_at_any_step_leaves_what_is_finished_or_undone(
    volume: GlusterVolume, case: Case
) -> None:
    async with matrix_on(volume, BRICKS) as matrix:
        tried = await run(matrix, case)
        print(f"{case.name}: an instance killed at {tried} steps")
        assert not matrix.complaints, "\n".join(matrix.complaints)


@pytest.mark.parametrize("case", [CREATE, PURGE], ids=lambda case: case.name)
async def test_so_it_is_with_copies_on_three_servers(replicated: GlusterVolume, case: Case) -> None:
    async with matrix_on(replicated, BRICKS, victims_node=1) as matrix:
        tried = await run(matrix, case, choose=those_that_count)
        print(f"{case.name}, 2 x 3 bricks: an instance killed at {tried} steps")
        assert not matrix.complaints, "\n".join(matrix.complaints)


@pytest.mark.parametrize("case", [CREATE, PURGE], ids=lambda case: case.name)
async def test_a_fuse_client_killed_at_a_step_breaks_no_directory(replicated: GlusterVolume, case: Case) -> None:
    await fuse_clients_killed(replicated, case)
