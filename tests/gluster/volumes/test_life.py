"""The whole life of a volume on a real Gluster: made, mounted, filled, grown, deleted, and no trace left."""

import errno
import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.machine import wait_until
from lab.write_until_refused import write_until_refused
from tests.support.behind import (
    brick,
    directory,
    gfid,
    limits_bytes,
    quota_lock_held,
    recorded_gfids,
    volume_directories,
)
from tests.support.calls import ask, go_client, told_by
from tests.support.heketi_clients.strict_go import HeketiError
from tests.support.instance import Instance
from tests.support.limits import require_end_after
from tests.support.pool import GlusterVolume

GIB = 2**30
MIB = 2**20
GID = 4711
STRANGER = 12345


@pytest.fixture(scope="module")
def keeping(volume: GlusterVolume) -> Instance:
    """An instance whose deleted volumes stay in the trash for an hour, started under an odd umask."""
    before = os.umask(0o077)
    try:
        return volume.start_instance(settings={"PIRAGUA_TRASH_RETENTION": "1h"})
    finally:
        os.umask(before)


def refusal(call: Callable[[], object]) -> int:
    """The errno that the call fails with; 0 when it does not."""
    try:
        call()
    except OSError as error:
        return error.errno or 0
    return 0


def fill(file: Path, mib: int) -> None:
    """Take up that much at once."""
    with file.open("wb") as opened:
        os.posix_fallocate(opened.fileno(), 0, mib * MIB)


def as_pod(command: str, folder: Path, groups: list[int]) -> int:
    """The exit status of a shell command run in the folder by an unprivileged user with those groups."""
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        user=STRANGER,
        group=STRANGER,
        extra_groups=groups,
        umask=0o022,
        capture_output=True,
        check=False,
        timeout=30,
    )
    return done.returncode


@contextmanager
def gone_with_every_trace(volume: GlusterVolume, volume_id: str) -> Iterator[None]:
    """The volume, which is there now, has left no trace soon after what happens inside."""
    node = volume.pool.nodes[0]
    root = brick(node, volume.name)
    own = gfid(root / directory(volume_id))
    assert own in recorded_gfids(node, volume.name)
    yield
    wait_until(lambda: not (root / directory(volume_id)).exists(), f"purge of {volume_id}", timeout_seconds=30)
    assert own not in recorded_gfids(node, volume.name)
    assert f"/{directory(volume_id)}" not in node.gluster("volume", "quota", volume.name, "list")
    assert (root / ".piragua/purged" / volume_id).exists()
    assert not (root / ".piragua/names" / f"vol_{volume_id}").exists()


def test_a_volume_from_its_create_to_its_last_trace(volume: GlusterVolume, instance: Instance) -> None:
    go = go_client(instance)
    made = go.create({"size": 1, "gid": GID})
    assert made["name"] == f"{volume.name}/{directory(made['id'])}/vol_{made['id']}"
    assert (made["size"], made["gid"]) == (1, GID)
    assert go.info(made["id"]) == made
    assert made["id"] in go.list()

    deep = volume.deep_mount(made["name"])
    fill(deep / "first", 1000)
    last_mib = require_end_after(1024 - 1000, deep / "last")

    assert go.expand(made["id"], 1)["size"] == 2
    assert write_until_refused(deep / "more", most_mib=10) == (10, 0)
    fill(deep / "much more", 980)
    require_end_after(2048 - 1000 - last_mib - 10 - 980, deep / "the end")

    with gone_with_every_trace(volume, made["id"]):
        go.delete(made["id"])
        assert made["id"] not in go.list()
        assert made["id"] not in go.cluster_info(made["cluster"])["volumes"]
        answer = ask(instance, "GET", f"/volumes/{made['id']}")
        assert (answer.status_code, answer.content) == (404, b"Id not found\n")
    wait_until(
        lambda: refusal(lambda: os.listdir(deep)) in (errno.ESTALE, errno.ENOENT),
        "the mounted client being told that the directory is gone",
        timeout_seconds=10,
    )
    assert refusal(lambda: (deep / "new").touch()) in (errno.ESTALE, errno.ENOENT)


def test_a_pod_writes_through_its_group_and_only_so(volume: GlusterVolume, instance: Instance) -> None:
    deep = volume.deep_mount(go_client(instance).create({"size": 1, "gid": GID})["name"])
    assert as_pod("echo no > denied", deep, groups=[]) != 0
    assert as_pod("echo yes > mine && mkdir folder && echo deep > folder/file", deep, groups=[GID]) == 0
    assert (deep / "mine").read_text() == "yes\n"
    for path in ("mine", "folder", "folder/file"):
        status = (deep / path).stat()
        assert (status.st_uid, status.st_gid) == (STRANGER, GID), path
    assert stat.S_IMODE((deep / "folder").stat().st_mode) & stat.S_ISGID
    assert not (deep / "denied").exists()


def test_without_a_gid_only_root_writes(volume: GlusterVolume, instance: Instance) -> None:
    deep = volume.deep_mount(go_client(instance).create({"size": 1})["name"])
    (deep / "root's").write_text("text")
    assert as_pod('cat "root\'s"', deep, groups=[]) == 0
    assert as_pod("echo no > denied", deep, groups=[GID]) != 0


@pytest.mark.parametrize(("gid", "owner_and_mode"), [(GID, (0, GID, 0o2775)), (0, (0, 0, 0o755))])
def test_owner_and_mode_are_exact_even_with_an_odd_umask(
    volume: GlusterVolume, keeping: Instance, gid: int, owner_and_mode: tuple[int, int, int]
) -> None:
    made = go_client(keeping).create({"size": 1, "gid": gid})
    outer = brick(volume.pool.nodes[0], volume.name) / directory(made["id"])
    found = [
        (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode))
        for status in (outer.stat(), (outer / f"vol_{made['id']}").stat())
    ]
    assert found == [(0, 0, 0o755), owner_and_mode]


def test_a_deleted_volume_stays_in_the_trash_for_its_retention(
    volume: GlusterVolume, instance: Instance, keeping: Instance
) -> None:
    go = go_client(keeping)
    made = go.create({"size": 1, "gid": GID})
    deep = volume.deep_mount(made["name"])
    (deep / "precious").write_text("still here")
    go.delete(made["id"])
    for each in (keeping, instance):
        assert made["id"] not in go_client(each).list()
        answer = ask(each, "GET", f"/volumes/{made['id']}")
        assert (answer.status_code, answer.content) == (404, b"Id not found\n")
    assert (deep / "precious").read_text() == "still here"
    assert limits_bytes(volume.pool.nodes[0], volume.name)[f"/{directory(made['id'])}"] == GIB


def test_deleting_again_what_is_in_the_trash_ends_well(volume: GlusterVolume, keeping: Instance) -> None:
    go = go_client(keeping)
    made = go.create({"size": 1})
    go.delete(made["id"])
    answer = ask(keeping, "DELETE", f"/volumes/{made['id']}")
    assert (answer.status_code, answer.content) == (202, b"")
    assert told_by(keeping, answer.headers["location"]).status_code == 204
    by_path = ask(keeping, "DELETE", f"/volumes/{made['name']}")
    assert told_by(keeping, by_path.headers["location"]).status_code == 204
    assert directory(made["id"]) in volume_directories(volume.pool.nodes[0], volume.name)


def test_deleting_again_what_is_being_purged_ends_well(volume: GlusterVolume, instance: Instance) -> None:
    go = go_client(instance)
    made = go.create({"size": 1})
    outer = brick(volume.pool.nodes[0], volume.name) / directory(made["id"])
    with gone_with_every_trace(volume, made["id"]), quota_lock_held(volume.mount()):
        go.delete(made["id"])
        wait_until(lambda: not os.listdir(outer), "an emptied directory whose limit cannot go", 10)
        go.delete(made["id"])
        assert ask(instance, "GET", f"/volumes/{made['id']}").content == b"Id not found\n"
        assert outer.exists()


def test_what_another_instance_deleted_for_later_is_not_purged_now(
    volume: GlusterVolume, instance: Instance, keeping: Instance
) -> None:
    """The retention is that of the delete: an instance without one leaves it alone, though asked again."""
    made = go_client(keeping).create({"size": 1})
    go_client(keeping).delete(made["id"])
    go_client(instance).delete(made["id"])
    bystander = go_client(instance).create({"size": 1})
    with gone_with_every_trace(volume, bystander["id"]):
        go_client(instance).delete(bystander["id"])
    assert directory(made["id"]) in volume_directories(volume.pool.nodes[0], volume.name)


@pytest.mark.parametrize("volume_id", ["0123456789abcdef0123456789abcdef", "01234567-89ab-4def-8123-456789abcdef"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_id_that_never_was_is_not_found_to_the_byte(instance: Instance, method: str, volume_id: str) -> None:
    answer = ask(instance, method, f"/volumes/{volume_id}")
    assert (answer.status_code, answer.content) == (404, b"Id not found\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_purged_volume_is_not_found_when_it_is_deleted_again(volume: GlusterVolume, instance: Instance) -> None:
    go = go_client(instance)
    made = go.create({"size": 1})
    with gone_with_every_trace(volume, made["id"]):
        go.delete(made["id"])
    with pytest.raises(HeketiError, match=r"^Id not found$"):
        go.delete(made["id"])


def test_a_big_tree_does_not_delay_the_answer_to_a_delete(volume: GlusterVolume, instance: Instance) -> None:
    """The answer comes while the files are still there."""
    go = go_client(instance)
    made = go.create({"size": 1})
    inner = volume.mount() / directory(made["id"]) / f"vol_{made['id']}"
    for number in range(600):
        (inner / str(number)).touch()
    inside = brick(volume.pool.nodes[0], volume.name) / directory(made["id"]) / f"vol_{made['id']}"
    with gone_with_every_trace(volume, made["id"]):
        answer = ask(instance, "DELETE", f"/volumes/{made['id']}")
        left = len(os.listdir(inside))
        assert answer.status_code == 202
        assert ask(instance, "GET", answer.headers["location"]).status_code == 204
    assert left > 0


def test_fifty_creates_at_once_all_get_their_limits(volume: GlusterVolume, instance: Instance) -> None:
    clients = [go_client(instance) for _ in range(50)]
    with ThreadPoolExecutor(50) as threads:
        made = list(threads.map(lambda go: go.create({"size": 3, "gid": GID}), clients))
    assert len({each["id"] for each in made}) == 50
    assert not [line for go in clients for line in go.requests if not line.endswith((" 202", " 200", " 303"))]
    limits = limits_bytes(volume.pool.nodes[0], volume.name)
    assert {limits.get(f"/{directory(each['id'])}") for each in made} == {3 * GIB}
    whole = volume.mount()
    for each in made:
        seen = os.statvfs(whole / directory(each["id"]) / f"vol_{each['id']}")
        assert seen.f_blocks * seen.f_frsize == 3 * GIB
    assert {each["id"] for each in made} <= set(go_client(instance).list())
