"""Whether limits can be set and seen: who makes volumes, who repairs them and who checks them agree."""

from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from piragua.check import gluster_volume as check
from piragua.check.options import OPTIONS, has_option
from piragua.errors import NotMounted, StorageError
from piragua.models import Durability, GlusterVolume
from piragua.pool.health import Health
from piragua.pool.requirements import require_files_limits, require_limits
from piragua.upkeep.repair import Repair

pytestmark = pytest.mark.anyio

QUOTA, STATFS = "features.quota", "features.quota-deem-statfs"
VALUES = [
    (None, False),
    ("on", True),
    ("ON", True),
    ("true", True),
    ("Yes", True),
    ("enable", True),
    ("1", True),
    ("off", False),
    ("no", False),
    ("0", False),
    ("disable", False),
]


def volume(**options: str | None) -> GlusterVolume:
    found = {name.replace("__", ".").replace("_", "-"): value for name, value in options.items()}
    return GlusterVolume(
        id="a" * 32,
        name="gv0",
        started=True,
        durability=Durability(),
        bricks=(),
        options={name: value for name, value in found.items() if value is not None},
    )


TABLE = [
    pytest.param(volume(features__quota="on", features__quota_deem_statfs=value), seen, id=f"statfs {value}")
    for value, seen in VALUES
] + [
    pytest.param(volume(features__quota=value, features__quota_deem_statfs="on"), seen, id=f"quota {value}")
    for value, seen in VALUES
]


@pytest.mark.parametrize(("gluster_volume", "seen"), TABLE)
def test_a_volume_is_made_only_where_its_limit_is_seen(gluster_volume: GlusterVolume, seen: bool) -> None:
    allowed = False
    with suppress(StorageError):
        require_limits(gluster_volume)
        allowed = True
    assert allowed is seen


@pytest.mark.parametrize(("gluster_volume", "seen"), TABLE)
async def test_limits_are_repaired_only_where_they_are_seen(gluster_volume: GlusterVolume, seen: bool) -> None:
    any_part: Any = SimpleNamespace(
        gluster_volume_now=returning(gluster_volume), observe=returning(Health()), limited_gfids=returning(())
    )
    mounted: Any = SimpleNamespace(gluster_volume="gv0", brick_count=returning(0))
    assert await Repair(any_part, any_part, any_part, any_part).round(mounted) is seen


@pytest.mark.parametrize(("gluster_volume", "seen"), TABLE)
async def test_limits_are_checked_only_where_they_are_seen(gluster_volume: GlusterVolume, seen: bool) -> None:
    looked_at = list[str]()

    async def quota_daemons(name: str) -> dict[str, bool]:
        looked_at.append(name)
        return {}

    async def not_mounted() -> None:
        raise NotMounted("/run/piragua/gv0", 0, "it is not mounted there")

    tools: Any = SimpleNamespace(gluster=SimpleNamespace(quota_daemons=quota_daemons))
    mount: Any = SimpleNamespace(check=not_mounted)
    await check.daemons_and_volumes(gluster_volume, mount, tools, ())
    assert bool(looked_at) is seen


@pytest.mark.parametrize(("gluster_volume", "seen"), TABLE)
def test_the_options_are_found_wrong_only_where_limits_are_not_seen(
    gluster_volume: GlusterVolume, seen: bool
) -> None:
    any_gluster: Any = None
    options = [option for option in OPTIONS if option.option in (QUOTA, STATFS)]
    assert len(options) == 2
    found = [has_option("gv0", gluster_volume, option, any_gluster).holds for option in options]
    assert all(found) is seen


@pytest.mark.parametrize(("value", "seen"), VALUES)
def test_files_are_limited_by_the_same_words(value: str | None, seen: bool) -> None:
    allowed = False
    with suppress(StorageError):
        require_files_limits(volume(features__inode_quota=value))
        allowed = True
    assert allowed is seen


def returning(value: object) -> Any:
    async def answer(*_: object) -> object:
        return value

    return answer
