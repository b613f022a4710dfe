"""`piragua check --fix` on real Glusters: without --fix it only says what is wrong, with it that is mended."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lab.machine import wait_until
from lab.private_gluster import Node, PrivateGluster
from piragua.cli.check import Wishes
from piragua.models import BYTES_PER_GIB, dashed
from piragua.tree import layout, record
from tests.gluster.check.test_check import ADMINISTRATORS_MOUNT, PREPARED, mounted_by_the_administrator
from tests.support.behind import brick, limits_bytes, recorded_gfids
from tests.support.by_hand import MAKERS, ByHand, by_hand, record_of
from tests.support.calls import go_client
from tests.support.check import Answer, check
from tests.support.core import make_own_files, uncached_mount
from tests.support.instance import CHECKOUT
from tests.support.pool import GlusterVolume, gluster_volume, mounted

KEPT_XATTRS = ("user.", "trusted.gfid", "trusted.glusterfs.quota.limit-set")
QUICK = ("--fix", "--settled-seconds", "0.1")
_HEAL_IS_WAITED_FOR_SECONDS = Wishes.heal_seconds


@dataclass
class Site:
    """A Gluster volume without a service, so that nothing but the check mends it, and directories made by hand."""

    volume: GlusterVolume
    hand: ByHand

    def node(self, number: int = 0) -> Node:
        return self.volume.pool.nodes[number]

    def check(self, *options: str, node: int = 0, timeout_seconds: float = 60) -> Answer:
        where = f"{self.volume.name}={ADMINISTRATORS_MOUNT}"
        answer = check(self.node(node), where, None, *options, timeout_seconds=timeout_seconds)
        assert "/.check" not in Path(f"/proc/{self.node(node).pid}/mountinfo").read_text()
        return answer

    def unchanged_check(self, *options: str, node: int = 0) -> Answer:
        """A check without --fix, which leaves everything as it is."""
        before = self.everything()
        answer = self.check(*options, node=node)
        assert self.everything() == before, answer.text
        return answer

    def everything(self) -> dict[str, object]:
        """Directories with owners, modes and marks on every brick, files of ours, quota.conf, and options."""
        seen: dict[str, object] = {"options": self.node().gluster("volume", "info", self.volume.name)}
        for node in self.volume.pool.nodes:
            conf = node.root / f"var/lib/glusterd/vols/{self.volume.name}/quota.conf"
            seen[f"quota.conf of {node.hostname}"] = conf.read_bytes()
            for number in range(5):
                root = brick(node, self.volume.name, number)
                if root.is_dir():
                    seen[str(root)] = dict(_tree(root))
        return seen

    def mended(self, *options: str, node: int = 0, timeout_seconds: float = 60) -> Answer:
        """A check with --fix, after which nothing is wrong."""
        answer = self.check(*QUICK, *options, node=node, timeout_seconds=timeout_seconds)
        assert (answer.failed, answer.status) == ({}, 0), answer.text
        return answer

    def limit(self, volume_id: str) -> int | None:
        return limits_bytes(self.node(), self.volume.name).get(f"/{dashed(volume_id)}")

    def record(self, volume_id: str) -> record.Record:
        return record.decode(os.getxattr(self.hand.path(volume_id), layout.RECORD_XATTR))

    def has(self, volume_id: str, attribute: str) -> bool:
        return attribute in os.listxattr(self.hand.path(volume_id))


def _tree(root: Path) -> Iterator[tuple[str, object]]:
    for path in [root, *root.rglob("*")]:
        if ".glusterfs" in path.parts:
            continue
        status = path.lstat()
        marks = {name: os.getxattr(path, name) for name in os.listxattr(path) if name.startswith(KEPT_XATTRS)}
        yield (
            str(path),
            (status.st_mode, status.st_uid, status.st_gid, marks, path.is_file() and path.read_bytes()),
        )


@pytest.fixture
def site(pool: PrivateGluster) -> Iterator[Site]:
    with site_on(pool) as site:
        yield site


@contextmanager
def site_on(pool: PrivateGluster) -> Iterator[Site]:
    with gluster_volume(pool) as volume, mounted_by_the_administrator(pool.nodes[0], volume.name):
        for option in PREPARED:
            pool.nodes[0].gluster("volume", "set", volume.name, *option.split())
        folder = uncached_mount(volume)
        make_own_files(volume, folder)
        with by_hand(volume, folder) as hand:
            yield Site(volume, hand)
    pool.delete_volume(volume.name)


def as_json(site: Site, *options: str) -> dict[str, Any]:
    """What `--json` prints on standard output; the log goes elsewhere."""
    words = f"{sys.executable} -m piragua check --json {' '.join(options)} 2>/dev/null"
    settings = f"PIRAGUA_VOLUMES={site.volume.name}={ADMINISTRATORS_MOUNT} PIRAGUA_ADMIN_KEY=key"
    printed = site.node().run(["sh", "-c", f"PYTHONPATH={CHECKOUT} {settings} {words}"], check=False)
    found: dict[str, Any] = json.loads(printed)
    return found


def test_limits_are_put_back_as_the_records_say_and_larger_ones_are_recorded(site: Site) -> None:
    volumes = [site.hand.volume_with() for _ in range(3)]
    in_trash = MAKERS["trash"](site.hand)
    site.hand.quota("disable")
    site.hand.quota("enable")
    lowered, raised = site.hand.volume_with(), site.hand.volume_with()
    site.hand.limit(lowered, 5 * 2**20)
    site.hand.limit(raised, 3 * BYTES_PER_GIB)
    for timeout in ("soft-timeout", "hard-timeout"):  # which quota forgot as well
        site.hand.quota(timeout, "0")

    found = site.unchanged_check()
    assert set(found.failed) == {"limits are as recorded"}, found.text
    assert "6 of 6 volumes have none or another one" in found.text
    assert f"{lowered} (/{dashed(lowered)}): has a limit of {5 * 2**20} bytes" in found.text
    assert found.status == 1
    findings = as_json(site)
    [wrong] = [each for each in findings["findings"] if not each["holds"]]
    assert (wrong["gluster_volume"], wrong["name"]) == (site.volume.name, "limits are as recorded")
    assert len(wrong["items"]) == 6
    assert findings["deeds"] == []
    assert not findings["well"]

    mended = site.mended()
    assert [site.limit(each) for each in (*volumes, in_trash, lowered)] == [BYTES_PER_GIB] * 5
    assert site.limit(raised) == site.record(raised).size_bytes == 3 * BYTES_PER_GIB
    for volume_id in (*volumes, lowered):
        assert f"warning piragua.check.limits: volume {volume_id}: its limit was " in mended.text


def test_a_stale_record_that_keeps_quota_list_from_printing_anything_is_removed(site: Site) -> None:
    kept = site.hand.volume_with()
    gfids = set()
    for _ in range(2):
        doomed = site.hand.limit(site.hand.directory())
        gfids.add(bytes.fromhex(site.hand.gfid(doomed)))
        site.hand.path(doomed).rmdir()
    assert site.hand.quota("list") == "", "the last record is stale"
    assert recorded_gfids(site.node(), site.volume.name) > gfids

    found = site.unchanged_check()
    assert set(found.failed) == {"no stale limits"}, found.text
    assert all(f"gfid {each.hex()}" in found.text for each in gfids)
    site.mended()
    assert f"/{dashed(kept)}" in site.hand.quota("list")
    kept_gfid = bytes.fromhex(site.hand.gfid(kept))
    assert recorded_gfids(site.node(), site.volume.name) == {kept_gfid}
    assert [path.name for path in site.hand.folder.iterdir() if len(path.name) == 36] == [dashed(kept)]


def test_an_administrators_own_limits_are_no_stale_ones(site: Site) -> None:
    (site.hand.folder / "not-ours").mkdir()
    site.hand.quota("limit-usage", "/not-ours", "1GB")
    assert site.unchanged_check().status == 0
    site.mended()
    assert "/not-ours" in site.hand.quota("list")


def test_what_crashes_left_is_brought_to_its_end_and_what_is_in_work_is_left_alone(site: Site) -> None:
    made = {
        kind: MAKERS[kind](site.hand)
        for kind in ("complete", "clone given up", "given up, limit", "leftover, limit", "returned", "being made")
    }
    being_purged = site.hand.lock(MAKERS["returned"](site.hand))  # between its tombstone and its last step
    found = site.unchanged_check()
    assert set(found.failed) == {"nothing is left over"}, found.text
    assert "5 directories are" in found.text
    site.mended()
    assert site.has(made["complete"], layout.PUBLISHED_XATTR)
    deletion = record.decode_deletion(os.getxattr(site.hand.path(made["clone given up"]), layout.DELETION_XATTR))
    assert deletion is not None
    for kind in ("given up, limit", "leftover, limit", "returned"):
        assert not site.hand.path(made[kind]).exists(), kind
    assert os.listxattr(site.hand.path(made["being made"])) == [layout.RECORD_XATTR]
    assert site.hand.data_path(being_purged).is_dir()
    limited = {dashed(made["complete"]), dashed(made["clone given up"]), dashed(being_purged)}
    assert limits_bytes(site.node(), site.volume.name).keys() == {f"/{each}" for each in limited}


def test_what_is_unclear_is_kept_until_somebody_chooses(site: Site) -> None:
    kept, discarded = MAKERS["unclear"](site.hand), MAKERS["unclear, two directories"](site.hand)
    restored, newer = MAKERS["gone unreadable"](site.hand), MAKERS["record newer"](site.hand)
    foreign = MAKERS["not ours, a file"](site.hand)
    found = site.unchanged_check()
    assert set(found.failed) == {"what every directory is, is clear"}
    for volume_id in (kept, discarded, restored):
        assert f"--keep {volume_id}: " in found.text
    for volume_id in (kept, discarded, restored, newer):
        assert f"--discard {volume_id}: " in found.text
    assert f"{foreign} (/{dashed(foreign)}): not Piragua's" in found.text

    before = site.everything()
    assert site.check(*QUICK).status == 1
    assert site.everything() == before, "nobody has chosen"
    chosen = site.check(*QUICK, "--keep", kept, "--keep", dashed(restored), "--discard", discarded)
    assert chosen.status == 1, "two are still unclear"
    assert "2 are unclear" in chosen.text
    assert site.has(kept, layout.PUBLISHED_XATTR)
    assert site.limit(kept) == BYTES_PER_GIB
    assert (site.hand.path(kept) / f"vol_{kept}" / "file0").read_text() == "kept"
    assert os.getxattr(site.hand.path(restored), layout.DELETION_XATTR) == record.NOT_DELETED
    assert record.decode_deletion(os.getxattr(site.hand.path(discarded), layout.DELETION_XATTR)) is not None
    assert (site.hand.path(discarded) / f"vol_{discarded}" / "file0").read_text() == "kept"
    assert (site.hand.path(foreign) / "file").read_text() == "whose?"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--keep", "0" * 32), "are for --fix"),
        (("--fix", "--discard", "../etc"), "not the id of a volume"),
        (("--fix", "--keep", "0" * 32, "--discard", "0" * 32), "both"),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused(
    pool: PrivateGluster, options: tuple[str, ...], reason: str
) -> None:
    answer = check(pool.nodes[0], "gv0", None, *options)
    assert answer.status == 2
    assert reason in answer.text


def test_volumes_of_the_original_get_records_where_their_size_is_known(site: Site) -> None:
    original, unlimited = MAKERS["original"](site.hand), MAKERS["original, no limit"](site.hand)
    half = MAKERS["original, half adopted"](site.hand)
    found = site.unchanged_check()
    assert set(found.failed) == {"every volume has a record"}
    assert f"limit-usage /{dashed(unlimited)} SIZE" in found.text
    answer = site.check(*QUICK)
    assert list(answer.failed) == ["every volume has a record"], "nobody knows the size of one"
    for volume_id in (original, half):
        written = site.record(volume_id)
        assert (written.size_bytes, written.name) == (BYTES_PER_GIB, f"vol_{volume_id}")
        assert site.has(volume_id, layout.PUBLISHED_XATTR)
    assert not site.has(unlimited, layout.RECORD_XATTR)
    site.hand.limit(unlimited)
    site.mended()
    assert site.record(unlimited).size_bytes == BYTES_PER_GIB


def test_directories_get_onto_a_brick_that_was_added(site: Site) -> None:
    gid = 2000
    ids = [site.hand.volume_with(replace(record_of("0" * 32), gid=gid), files=1) for _ in range(2)]
    for volume_id in ids:
        os.chown(site.hand.data_path(volume_id), 0, gid)
        site.hand.data_path(volume_id).chmod(0o2775)
    paths = [f"{dashed(each)}/{site.hand.data_path(each).name}" for each in ids]
    node = site.node()
    node.gluster("volume", "add-brick", site.volume.name, node.make_brick(site.volume.name, 1, None), "force")
    wait_until(lambda: site.volume.pool.is_online(site.volume.name), "the new brick online", 20)

    found = site.unchanged_check()
    assert set(found.failed) == {"directories are on the bricks of this server"}, found.text
    assert all(f"{node.brick(site.volume.name, 1)}: /{dashed(each)}" in found.text for each in ids)
    site.mended()
    for path in paths:
        data = brick(node, site.volume.name, 1) / path
        assert (data.stat().st_gid, data.stat().st_mode & 0o7777) == (gid, 0o2775)
        with mounted(node, f"{site.volume.name}/{path}") as folder:
            assert (folder / "file0").read_text() == "kept"


def test_a_dead_quotad_and_options_that_are_wrong_are_mended_and_what_is_behind_them(site: Site) -> None:
    volume_id = site.hand.volume_with()
    site.hand.limit(volume_id, 2**20)
    gluster = partial(site.node().gluster, "volume")
    gluster("set", site.volume.name, "cluster.use-anonymous-inode", "yes")
    gluster("quota", site.volume.name, "hard-timeout", "5")
    site.node().kill_quotad()
    found = site.unchanged_check()
    assert set(found.failed) == {
        "no anonymous inodes",
        "quota is strict at the limit",
        "quotad runs",
        "volumes can be judged",
    }, found.text
    gluster("set", site.volume.name, "features.quota-deem-statfs", "off")
    assert "statfs shows limits" in site.unchanged_check().failed
    site.mended()
    assert site.limit(volume_id) == BYTES_PER_GIB


def test_limits_that_this_servers_quota_conf_lacks_are_set_again(site: Site) -> None:
    kept, lost = site.hand.volume_with(), site.hand.volume_with()
    lost_gfid = bytes.fromhex(site.hand.gfid(lost))
    # as after its glusterd was down when the limit was set (test_server_away.py), but sooner
    conf = site.node().root / f"var/lib/glusterd/vols/{site.volume.name}/quota.conf"
    conf.write_bytes(conf.read_bytes().replace(lost_gfid + b"\1", b""))
    assert site.limit(lost) is None
    found = site.unchanged_check()
    assert set(found.failed) == {"this server knows every limit"}, found.text
    assert f"{lost} (/{dashed(lost)}): {BYTES_PER_GIB} bytes" in found.text
    assert kept not in found.text
    site.mended()
    assert site.limit(lost) == site.limit(kept) == BYTES_PER_GIB


def test_it_works_beside_a_service_that_runs(site: Site) -> None:
    instance = site.volume.start_instance()
    client = go_client(instance)
    volume_id = str(client.create({"size": 1})["id"])
    site.hand.quota("remove", f"/{dashed(volume_id)}")
    answer = check(site.node(), site.volume.name, {"PIRAGUA_MOUNT_ROOT": instance.mount_root}, *QUICK)
    assert (answer.failed, answer.status) == ({}, 0), answer.text
    assert site.limit(volume_id) == BYTES_PER_GIB
    client.expand(volume_id, 1)
    assert site.limit(volume_id) == 2 * BYTES_PER_GIB
    client.delete(volume_id)


@pytest.mark.timeout(600)  # a minute for each server that tries to heal it while the option is on
def test_heals_that_never_end_because_of_anonymous_inodes_end(new_pool: Callable[..., PrivateGluster]) -> None:
    pool = new_pool(nodes=3)
    with site_on(pool) as site:
        name = site.volume.name
        site.node().gluster("volume", "set", name, "cluster.use-anonymous-inode", "yes")
        doomed, kept = site.hand.volume_with(), site.hand.volume_with(files=1)
        pool.nodes[2].kill_bricks(name)
        wait_until(lambda: not _reaches_all(site), "the brick missed", 30)
        site.hand.quota("remove", f"/{dashed(doomed)}")
        site.hand.data_path(doomed).rmdir()
        site.hand.path(doomed).rmdir()
        assert "the pool is well" in site.check().failed
        site.node().gluster("volume", "start", name, "force")
        wait_until(lambda: _reaches_all(site), "the brick back", 60)
        site.node().gluster("volume", "heal", name)

        found = site.check()
        assert set(found.failed) == {"no anonymous inodes", "nothing waits to be healed"}, found.text
        site.mended(timeout_seconds=_HEAL_IS_WAITED_FOR_SECONDS + 60)
        for node in pool.nodes:
            assert {path.name for path in brick(node, name).iterdir() if len(path.name) == 36} == {dashed(kept)}


def _reaches_all(site: Site) -> bool:
    """Whether the test's own mount is connected to every brick; `volume status` can be wrong for a minute."""
    clients = (site.hand.folder / ".meta/graphs/active").glob(f"{site.volume.name}-client-*/private")
    return all("connected = 1" in client.read_text() for client in clients)
