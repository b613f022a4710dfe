"""What `piragua check` says about a Gluster that the tests make up."""

import pytest

from piragua.check import preconditions
from piragua.cli import check, check_report
from piragua.config import ConfiguredVolume, Settings
from piragua.errors import GlusterUnavailable, NoSuchGlusterVolume, NotMounted, StorageError
from piragua.models import Brick, Durability, GlusterVolume, Peer
from piragua.pool.resolver import Names
from piragua.pool.topology import Topology

pytestmark = pytest.mark.anyio

SETTINGS = Settings(volumes=(ConfiguredVolume("gv0"),), disable_auth=True)
HEALTHY = {
    "features.quota": "on",
    "features.quota-deem-statfs": "on",
    "cluster.use-anonymous-inode": "off",
    "features.soft-timeout": "0",
    "features.hard-timeout": "0",
}


class FakeGluster:
    def __init__(
        self,
        *,
        options: dict[str, str] | None = None,
        started: bool = True,
        host: str = "10.0.0.1",
        error: StorageError | None = None,
    ) -> None:
        self.found = GlusterVolume(
            id="a" * 32,
            name="gv0",
            started=started,
            durability=Durability(),
            bricks=(Brick(host, "/brick", "1" * 32),),
            options=HEALTHY if options is None else options,
        )
        self.error = error

    async def volume(self, name: str) -> GlusterVolume:
        if self.error is not None:
            raise self.error
        return self.found

    async def peers(self) -> tuple[Peer, ...]:
        if isinstance(self.error, GlusterUnavailable):
            raise self.error
        return (Peer("1" * 32, (), connected=True, local=True),)

    async def set_option(self, volume: str, name: str, value: str) -> None:
        raise AssertionError("a question changes nothing")

    async def enable_quota(self, volume: str) -> None:
        raise AssertionError("a question changes nothing")

    async def set_quota_timeout(self, volume: str, which: str, seconds: int) -> None:
        raise AssertionError("a question changes nothing")


async def mounted(configured: ConfiguredVolume) -> str:
    return f"at /run/piragua/{configured.name}"


async def not_mounted(configured: ConfiguredVolume) -> str:
    raise NotMounted("/run/piragua/gv0", 0, "the Gluster volume gv0 is not mounted there")


async def failing(gluster: FakeGluster, prove_mount: preconditions.ProveMount = mounted) -> dict[str, str]:
    """What mends it, by the precondition that does not hold."""
    topology = Topology(gluster, ["gv0"], {}, names=Names(lookup=lambda name: []), own_address=lambda others: None)
    volume = await preconditions.gluster_volume(gluster, "gv0")
    found = await check.general(SETTINGS, gluster)
    found += await check.of_gluster_volume(SETTINGS.volumes[0], volume, gluster, topology, prove_mount)
    check_report.show(found, None)
    assert check_report.status(found) == (0 if all(finding.holds for finding in found) else 1)
    return {finding.precondition: finding.mend for finding in found if not finding.holds}


async def test_on_a_healthy_machine_everything_holds() -> None:
    assert await failing(FakeGluster()) == {}


@pytest.mark.parametrize(
    ("gluster", "precondition", "mend"),
    [
        (FakeGluster(started=False), "started", "gluster volume start gv0"),
        (FakeGluster(options=HEALTHY | {"features.quota": "off"}), "quota is on", "quota gv0 enable"),
        (
            FakeGluster(options=HEALTHY | {"features.quota-deem-statfs": "off"}),
            "statfs shows limits",
            "gluster volume set gv0 features.quota-deem-statfs on",
        ),
        (
            FakeGluster(options=HEALTHY | {"cluster.use-anonymous-inode": "yes"}),
            "no anonymous inodes",
            "gluster volume set gv0 cluster.use-anonymous-inode off",
        ),
        (
            FakeGluster(options=HEALTHY | {"features.soft-timeout": "60"}),
            "quota is strict below the soft limit",
            "gluster volume quota gv0 soft-timeout 0",
        ),
        (
            FakeGluster(options=HEALTHY | {"features.hard-timeout": "5"}),
            "quota is strict at the limit",
            "gluster volume quota gv0 hard-timeout 0",
        ),
        (FakeGluster(host="node1"), "address of node1", "PIRAGUA_STORAGE_ADDRESSES=node1="),
    ],
)
async def test_what_does_not_hold_is_named_with_what_mends_it(
    gluster: FakeGluster, precondition: str, mend: str
) -> None:
    failed = await failing(gluster)
    assert list(failed) == [f"gv0: {precondition}"]
    assert mend in failed[f"gv0: {precondition}"]


async def test_an_option_that_was_never_set_has_glusters_default_which_is_the_wrong_one() -> None:
    assert len(await failing(FakeGluster(options={}))) == 5


async def test_a_lost_mount_is_named() -> None:
    assert await failing(FakeGluster(), not_mounted) == {"gv0: mounted": "systemctl start piragua"}


async def test_without_a_gluster_it_still_answers_for_every_precondition() -> None:
    down = GlusterUnavailable(("pool", "list"), 0, "Connection failed.")
    failed = await failing(FakeGluster(error=down))
    assert failed["glusterd is reachable"] == "systemctl start glusterd"
    assert len(failed) == 8


async def test_a_volume_that_is_not_there_is_told_from_a_gluster_that_is_away() -> None:
    failed = await failing(FakeGluster(error=NoSuchGlusterVolume(("volume", "info"), 0, "no")))
    assert "glusterd is reachable" not in failed
    assert "PIRAGUA_VOLUMES" in failed["gv0: started"]


@pytest.mark.parametrize(
    ("now_seconds", "service", "holds"),
    [
        (1_800_000_000, (True, True), True),
        (1_800_000_000, (True, False), False),
        (1_800_000_000, (False, False), True),
        (1_800_000_000, None, True),
        (0, (True, True), False),
    ],
)
def test_a_clock_is_wrong_when_it_cannot_be_right_or_its_service_says_so(
    now_seconds: float, service: tuple[bool, bool] | None, holds: bool
) -> None:
    assert preconditions.clock(now_seconds, service).holds is holds
