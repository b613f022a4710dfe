"""Which of several Gluster volumes gets a new volume, and the words when none takes it."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import cast

import pytest

from piragua.errors import (
    GlusterUnavailable,
    Ineligible,
    NoneFits,
    NotFound,
    NotMounted,
    NotServed,
    OutOfSpace,
    PiraguaError,
    StorageError,
    Unsupported,
)
from piragua.frontends.heketi import error_table as heketi
from piragua.frontends.v1 import error_table as v1
from piragua.http.error_table import ErrorTable
from piragua.models import Durability, GlusterVolume, GlusterVolumeFlags, Layout, VolumeSpec
from piragua.pool.topology import Topology
from piragua.volumes.backend import Backend
from piragua.volumes.choice import Candidates, choose, require_eligible

pytestmark = pytest.mark.anyio

DOWN = GlusterUnavailable(("volume", "info"), 0, "Connection failed.")
REPLICATE = Durability(Layout.REPLICATE, replica=3)
NO_SPACE = OutOfSpace("No space")
UNTYPED = Ineligible(takes_others=True)
DISABLED = Ineligible(takes_others=False)
TABLES = pytest.mark.parametrize("table", [heketi.TABLE, v1.TABLE], ids=["heketi", "v1"])


class FakePool:
    """Gluster volumes by name: durability and free bytes; None: it is away, -1: only its mount is."""

    def __init__(self, volumes: Mapping[str, tuple[Durability, int] | None]) -> None:
        self._volumes = volumes
        self.backends = cast(Mapping[str, Backend], {name: self._backend(name) for name in volumes})
        self.topology = cast(Topology, self)

    async def gluster_volume_now(self, id_or_name: str) -> GlusterVolume:
        for name, volume in self._volumes.items():
            if id_or_name in (name, f"id-{name}"):
                if volume is None:
                    raise DOWN
                return GlusterVolume(f"id-{name}", name, True, volume[0])
        raise NotFound("Id not found")

    def _backend(self, name: str) -> SimpleNamespace:
        async def free_bytes() -> int:
            volume = self._volumes[name]
            assert volume is not None
            if volume[1] < 0:
                raise NotMounted(name, 0, "not mounted")
            return volume[1]

        return SimpleNamespace(mounted=lambda: SimpleNamespace(free_bytes=free_bytes))


async def chosen(pool: FakePool, durability: Durability, *clusters: str) -> list[str]:
    choice = await choose(
        VolumeSpec(1, gluster_volumes=clusters, durability=durability), pool.backends, pool.topology
    )
    return [cluster.name for cluster in choice.candidates]


POOL = FakePool(
    {
        "plain": (Durability(), 900),
        "small": (REPLICATE, 100),
        "large": (REPLICATE, 500),
        "two": (Durability(Layout.REPLICATE, replica=2), 700),
        "unmounted": (REPLICATE, -1),
    }
)


async def test_the_durability_that_was_asked_for_comes_first_and_then_the_most_room() -> None:
    assert await chosen(POOL, REPLICATE) == ["large", "small", "unmounted", "two", "plain"]
    assert await chosen(POOL, Durability()) == ["plain", "two", "large", "small", "unmounted"]


async def test_a_request_chooses_among_those_that_it_names() -> None:
    assert await chosen(POOL, REPLICATE, "plain") == ["plain"]
    assert await chosen(POOL, REPLICATE, "plain", "id-small", "small") == ["small", "plain"]
    with pytest.raises(NotServed) as refused:
        await chosen(POOL, REPLICATE, "plain", "nothing")
    assert refused.value.wanted == "nothing"


async def test_one_that_is_away_is_left_out_while_there_is_another() -> None:
    pool = FakePool({"gone": None, "plain": (Durability(), 1)})
    assert await chosen(pool, REPLICATE) == ["plain"]
    only = await choose(VolumeSpec(1, gluster_volumes=("gone",)), pool.backends, pool.topology)
    assert only.refusal({}) is DOWN


def refusal(*errors: PiraguaError, away: StorageError | None = None) -> PiraguaError:
    refusals = {f"c{n}": error for n, error in enumerate(errors)}
    choice = Candidates((), (*(["x"] if away else []), *refusals), {"x": away} if away else {})
    return choice.refusal(dict(reversed(refusals.items())))


def test_a_single_one_refuses_in_its_own_words() -> None:
    assert refusal(NO_SPACE) is NO_SPACE
    assert refusal(UNTYPED) is UNTYPED
    assert isinstance(refusal(), NotServed)


@TABLES
def test_several_refuse_with_a_line_each(table: ErrorTable) -> None:
    """Items C83 and C84 of the recording."""
    assert told(table, refusal(UNTYPED, DISABLED)) == (
        "No eligible cluster for volume\n"
        "Cluster c0: Cluster does not support requested volume type\n"
        "Cluster c1: Cluster has disabled all volume types"
    )
    several = refusal(NO_SPACE, UNTYPED, away=DOWN)
    assert isinstance(several, NoneFits)
    assert told(table, several) == (
        "Unable to create volume on any cluster:\n"
        "Cluster x: gluster volume info: Connection failed.\n"
        "Cluster c0: No space\n"
        "Cluster c1: Cluster does not support requested volume type"
    )


@TABLES
def test_what_is_not_served_is_told_by_its_name(table: ErrorTable) -> None:
    assert told(table, refusal()) == "No clusters configured"
    assert told(table, NotServed("gv9")) == "Cluster id gv9 not found"


def told(table: ErrorTable, error: PiraguaError) -> str:
    return table.row_of(error).text_of(error)


def test_what_is_wrong_with_the_request_or_passes_is_said_as_such() -> None:
    unsupported = Unsupported("Volume option 'x' cannot be set")
    assert refusal(unsupported, Unsupported("other")) is unsupported
    assert refusal(DOWN, StorageError("off")) is DOWN


@pytest.mark.parametrize(
    ("flags", "refused"),
    [
        (GlusterVolumeFlags(), None),
        (GlusterVolumeFlags(file=True, block=True), None),
        (GlusterVolumeFlags(file=False, block=True), UNTYPED),
        (GlusterVolumeFlags(file=False, block=False), DISABLED),
    ],
)
def test_flags_keep_new_volumes_away(flags: GlusterVolumeFlags, refused: Ineligible | None) -> None:
    if refused is None:
        require_eligible(flags)
    else:
        with pytest.raises(Ineligible, match=f"^{refused}$"):
            require_eligible(flags)
