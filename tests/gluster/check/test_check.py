"""`piragua check` on a real Gluster: every precondition fails for its real cause, and what is printed mends it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.machine import wait_until
from lab.private_gluster import Node, PrivateGluster
from tests.support.check import check
from tests.support.frozen import without_glusterd
from tests.support.instance import Instance
from tests.support.pool import GlusterVolume, gluster_volume

ADMINISTRATORS_MOUNT = "/run/mounted-by-the-administrator"
PREPARED = ("features.quota-deem-statfs on", "cluster.use-anonymous-inode off")


def run_printed(node: Node, command: str) -> None:
    """Runs what was printed, as it stands."""
    node.run(["sh", "-c", command])


@pytest.fixture
def volume(pool: PrivateGluster) -> Iterator[GlusterVolume]:
    """A Gluster volume on which all is as it has to be."""
    with gluster_volume(pool) as volume:
        for option in PREPARED:
            pool.nodes[0].gluster("volume", "set", volume.name, *option.split())
        yield volume
    pool.delete_volume(volume.name)


def served(volume: GlusterVolume) -> tuple[Instance, dict[str, str | None]]:
    """An instance that runs, and the settings that it has in common with the check."""
    instance = volume.start_instance()
    return instance, {"PIRAGUA_MOUNT_ROOT": instance.mount_root}


def everything(node: Node, volume: GlusterVolume) -> dict[str, object]:
    """What a check must leave as it is."""
    processes = (path for path in (node.root / "proc").glob("[0-9]*"))
    brick = node.brick(volume.name, 0)
    return {
        "mounts": Path(f"/proc/{node.pid}/mountinfo").read_text(),
        "volumes": node.gluster("volume", "info"),
        "limits": node.gluster("volume", "quota", volume.name, "list", check=False),
        "brick": sorted(str(path) for path in brick.rglob("*") if ".glusterfs" not in path.parts),
        "root": {name: os.getxattr(brick, name) for name in os.listxattr(brick) if "quota" not in name},
        "processes": sorted((path / "cmdline").read_text() for path in processes if os.path.exists(path)),
    }


def test_when_all_holds_it_says_so_ends_with_0_and_has_changed_nothing(volume: GlusterVolume, node: Node) -> None:
    _, settings = served(volume)
    before = everything(node, volume)
    answer = check(node, volume.name, settings)
    assert (answer.failed, answer.status) == ({}, 0), answer.text
    assert answer.held == {
        "keys",
        "clock",
        "glusterd is reachable",
        "started",
        "quota is on",
        "statfs shows limits",
        "no anonymous inodes",
        "quota is strict below the soft limit",
        "quota is strict at the limit",
        "mounted",
        "quotad runs",
        "the pool is well",
        "nothing waits to be healed",
        "Piragua's own files",
        "directories are on the bricks of this server",
        "directories have their owner and mode",
        "what every directory is, is clear",
        "nothing is left over",
        "every volume has a record",
        "limits are as recorded",
        "this server knows every limit",
        "no stale limits",
        f"address of {node.address}",
    }
    wait_until(lambda: everything(node, volume) == before, "everything as before", 10)


@pytest.mark.parametrize(
    ("breaking", "precondition"),
    [
        ("quota {} disable", "quota is on"),
        ("set {} features.quota-deem-statfs off", "statfs shows limits"),
        ("set {} cluster.use-anonymous-inode yes", "no anonymous inodes"),
        ("reset {} cluster.use-anonymous-inode", "no anonymous inodes"),
        ("quota {} soft-timeout 60", "quota is strict below the soft limit"),
        ("quota {} hard-timeout 5", "quota is strict at the limit"),
        ("stop {} force", "started"),
    ],
)
def test_the_gluster_command_that_is_printed_mends_it(
    volume: GlusterVolume, node: Node, breaking: str, precondition: str
) -> None:
    at = f"{volume.name}={ADMINISTRATORS_MOUNT}"
    with mounted_by_the_administrator(node, volume.name):
        node.gluster("volume", *breaking.format(volume.name).split())
        broken = check(node, at)
        assert broken.status == 1
        assert precondition in broken.failed, broken.text
        for mend in filter(None, broken.failed.values()):
            run_printed(node, mend)
        mended = check(node, at)
        assert (mended.failed, mended.status) == ({}, 0), broken.text + mended.text


def test_a_gluster_volume_whose_quota_was_never_on_is_mended_line_by_line(
    pool: PrivateGluster, node: Node
) -> None:
    with gluster_volume(pool, quota=False) as volume, mounted_by_the_administrator(node, volume.name):
        at = f"{volume.name}={ADMINISTRATORS_MOUNT}"
        broken = check(node, at)
        assert set(broken.failed) == {
            "quota is on",
            "statfs shows limits",
            "no anonymous inodes",
            "quota is strict below the soft limit",
            "quota is strict at the limit",
            "volumes can be judged",
        }
        for mend in filter(None, broken.failed.values()):
            run_printed(node, mend)
        assert check(node, at).status == 0
    pool.delete_volume(volume.name)


@contextmanager
def mounted_by_the_administrator(node: Node, source: str) -> Iterator[None]:
    node.run(["mkdir", "-p", ADMINISTRATORS_MOUNT])
    node.run(["mount", "-t", "glusterfs", f"localhost:/{source}", ADMINISTRATORS_MOUNT])
    try:
        yield
    finally:
        while f" {ADMINISTRATORS_MOUNT} " in Path(f"/proc/{node.pid}/mountinfo").read_text():
            node.run(["umount", "--lazy", ADMINISTRATORS_MOUNT])


def test_a_mount_that_is_missing_or_wrong_is_mended_by_what_is_printed(
    pool: PrivateGluster, volume: GlusterVolume, node: Node
) -> None:
    at = f"{volume.name}={ADMINISTRATORS_MOUNT}"
    with gluster_volume(pool) as other, mounted_by_the_administrator(node, other.name):
        wrong = check(node, at)
        assert wrong.status == 1
        assert list(wrong.failed) == ["mounted"]
        assert f"not the Gluster volume {volume.name}, but localhost:/{other.name}" in wrong.text
        run_printed(node, wrong.failed["mounted"])
        assert check(node, at).status == 0
        node.run(["umount", "--lazy", ADMINISTRATORS_MOUNT])
        missing = check(node, at)
        assert list(missing.failed) == ["mounted"]
        assert "is not mounted there" in missing.text
        run_printed(node, missing.failed["mounted"])
        assert check(node, at).status == 0
    pool.delete_volume(other.name)


def test_a_mount_that_piragua_makes_is_there_while_it_runs(volume: GlusterVolume, node: Node) -> None:
    instance, settings = served(volume)
    assert check(node, volume.name, settings).status == 0
    assert instance.terminate() == 0
    answer = check(node, volume.name, settings)
    assert (answer.failed, answer.status) == ({"mounted": "systemctl start piragua"}, 1)
    instance.start()
    instance.wait_until_healthy()
    assert check(node, volume.name, settings).status == 0


def test_without_glusterd_nothing_is_claimed_to_hold_that_is_not_known(volume: GlusterVolume, node: Node) -> None:
    _, settings = served(volume)
    with without_glusterd(node):
        answer = check(node, volume.name, settings)
    assert answer.status == 1
    assert answer.failed["glusterd is reachable"] == "systemctl start glusterd"
    assert answer.held == {"keys", "clock", "mounted"}
    assert check(node, volume.name, settings).status == 0


def test_a_gluster_volume_that_is_not_there_is_called_by_its_setting(node: Node) -> None:
    answer = check(node, "missing")
    assert answer.status == 1
    assert answer.failed["missing: started"].startswith("PIRAGUA_VOLUMES=")


def test_an_address_that_kubernetes_would_not_take_is_mended_by_the_printed_setting(
    volume: GlusterVolume, node: Node
) -> None:
    name = f"by-name-{volume.name}"
    folder = node.brick_device(name, 0)
    folder.mkdir()
    node.gluster("volume", "create", name, f"{node.hostname}:{folder}/brick", "force")
    hosts = Path(f"{node.root}/etc/hosts")
    resolving = hosts.read_text()
    # As Debian has it; and of two addresses nobody could say which one is meant.
    hosts.write_text(f"127.0.0.1 localhost\n127.0.1.1 {node.hostname}\n")
    node.run(["ip", "link", "add", "spare0", "type", "veth", "peer", "name", "spare1"])
    node.run(["ip", "addr", "add", "10.254.254.1/32", "dev", "spare0"])
    try:
        broken = check(node, name)
        mend = broken.failed[f"{name}: address of {node.hostname}"]
        setting, value = mend.replace("<its address>", node.address).split("=", 1)
        mended = check(node, name, {setting: value})
    finally:
        hosts.write_text(resolving)
        node.run(["ip", "link", "del", "spare0"])
        node.gluster("volume", "delete", name)
        node.remove_bricks(name)
    assert broken.status == 1
    assert f"address of {node.hostname}: {node.address}" in mended.text


@pytest.mark.parametrize(("says", "holds"), [("yes", True), ("no", False)])
def test_the_clock_is_as_good_as_its_time_service_says(
    volume: GlusterVolume, node: Node, tmp_path: Path, says: str, holds: bool
) -> None:
    timedatectl = tmp_path / "timedatectl"
    timedatectl.write_text(f"#!/bin/sh\necho NTP=yes\necho NTPSynchronized={says}\n")
    timedatectl.chmod(0o755)
    _, settings = served(volume)
    path = f"{tmp_path}:{os.environ['PATH']}"
    answer = check(node, volume.name, {**settings, "PATH": path})
    assert answer.status == (0 if holds else 1)
    assert answer.failed == ({} if holds else {"clock": "timedatectl timesync-status"})


def test_without_a_key_it_says_which_setting_is_wrong(node: Node) -> None:
    answer = check(node, "gv0", {"PIRAGUA_ADMIN_KEY": None})
    assert answer.status == 3
    assert answer.text.startswith("piragua: PIRAGUA_ADMIN_KEY or PIRAGUA_ADMIN_KEY_FILE must give")


def test_of_two_gluster_volumes_each_is_looked_at(volume: GlusterVolume, node: Node) -> None:
    with mounted_by_the_administrator(node, volume.name):
        answer = check(node, f"{volume.name}={ADMINISTRATORS_MOUNT},missing")
    assert answer.status == 1
    assert all(each.startswith("missing: ") for each in answer.failed)
    assert "started" in answer.held
