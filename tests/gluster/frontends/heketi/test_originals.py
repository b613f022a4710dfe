"""Volumes of the original Piragua, which are a directory in a directory and nothing more, and its paths."""

import errno
import json
import os
import subprocess
from pathlib import Path
from uuid import uuid4

import pytest

from lab.machine import wait_until
from lab.write_until_refused import write_until_refused
from tests.support.behind import brick, directory, gfid, limits_bytes, recorded_gfids
from tests.support.calls import ask, go_client, told_by
from tests.support.instance import Instance
from tests.support.pool import GlusterVolume

GIB = 2**30
MIB = 2**20
GID = 2345


class Original:
    """A volume as the original Piragua left it: mode 0570, no mark. limit: as `limit-usage` takes it, or none."""

    def __init__(self, volume: GlusterVolume, whole: Path, limit: str | None) -> None:
        self.uuid = str(uuid4())
        self.id = self.uuid.replace("-", "")
        self.name = f"vol_{self.uuid}"
        self.path = f"{volume.name}/{self.uuid}/{self.name}"
        self.inside = whole / self.uuid / self.name
        self.inside.mkdir(parents=True)
        os.chown(self.inside, 0, GID)
        self.inside.chmod(0o570)
        (self.inside / "data").write_bytes(bytes(3 * MIB))
        if limit is not None:
            volume.pool.nodes[0].gluster("volume", "quota", volume.name, "limit-usage", f"/{self.uuid}", limit)

    def spellings(self) -> list[str]:
        """Every path under which the API knows it."""
        return [f"/volumes/{self.id}", f"/volumes/{self.uuid}", f"/volumes/{self.path}"]


@pytest.fixture(scope="module")
def whole(volume: GlusterVolume) -> Path:
    return volume.mount()


@pytest.fixture(scope="module")
def found_at_start(volume: GlusterVolume, whole: Path) -> Original:
    return Original(volume, whole, "2560MB")


@pytest.fixture(scope="module")
def instance(volume: GlusterVolume, found_at_start: Original) -> Instance:
    return volume.start_instance()


@pytest.fixture
def limited(volume: GlusterVolume, whole: Path, instance: Instance) -> Original:
    """Made while the instance runs, with a limit of 2.5 GiB."""
    return Original(volume, whole, "2560MB")


@pytest.fixture
def unlimited(volume: GlusterVolume, whole: Path, instance: Instance) -> Original:
    return Original(volume, whole, None)


def finished(instance: Instance, method: str, path: str, body: dict[str, int] | None = None) -> int:
    """The status at the end of an operation."""
    accepted = ask(instance, method, path, body)
    assert accepted.status_code == 202, accepted.text
    return told_by(instance, accepted.headers["location"]).status_code


def test_an_original_is_listed_and_shown_as_it_stands(
    volume: GlusterVolume, instance: Instance, found_at_start: Original
) -> None:
    assert go_client(instance).list() == [found_at_start.id]
    assert go_client(instance).cluster_info(volume.name)["volumes"] == [found_at_start.id]
    shown = go_client(instance).info(found_at_start.id)
    assert (shown["id"], shown["name"]) == (found_at_start.id, found_at_start.path)
    assert (shown["size"], shown["gid"]) == (2, GID)
    answers = [ask(instance, "GET", path) for path in found_at_start.spellings()]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert len({answer.content for answer in answers}) == 1
    assert not marks(found_at_start)


def test_a_name_that_json_cannot_hold_hides_nothing_else(
    instance: Instance, whole: Path, found_at_start: Original
) -> None:
    volume_id = uuid4()
    inside = os.path.join(os.fsencode(whole), str(volume_id).encode(), b"vol_\xff\xe9")
    os.makedirs(inside)
    try:
        wait_until(lambda: volume_id.hex in go_client(instance).list(), "its id in the list", 60)
        refused = ask(instance, "GET", f"/volumes/{volume_id.hex}")
        assert (refused.status_code, "UTF-8" in refused.text) == (503, True)
        for path in ("/db/dump", "/db/check", "/internal/state/examine/gluster"):
            answer = ask(instance, "GET", path)
            assert answer.status_code == 200, answer.text
            assert found_at_start.id in answer.text or path == "/db/check"
    finally:
        os.rmdir(inside)
        os.rmdir(os.path.dirname(inside))


def marks(original: Original) -> dict[str, str]:
    """Piragua's extended attributes of `/<id>`."""
    told = subprocess.run(
        ["getfattr", "--dump", "--absolute-names", "--match=^user.piragua", str(original.inside.parent)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    lines = [line.partition("=") for line in told.splitlines() if line.startswith("user.")]
    return {name: value.strip('"').replace('\\"', '"') for name, _, value in lines}


@pytest.mark.parametrize("spelling", [0, 1, 2])
def test_an_original_grows_and_is_remembered_from_then_on(
    volume: GlusterVolume, instance: Instance, limited: Original, spelling: int
) -> None:
    path = limited.spellings()[spelling]
    assert finished(instance, "POST", f"{path}/expand", {"expand_size": 1}) == 303
    assert go_client(instance).info(limited.id)["size"] == 3
    assert limits_bytes(volume.pool.nodes[0], volume.name)[f"/{limited.uuid}"] == 3 * GIB
    marked = marks(limited)
    record = json.loads(marked["user.piragua.volume"])
    assert (record["size_bytes"], record["name"], record["gid"]) == (3 * GIB, limited.name, GID)
    assert "user.piragua.published" in marked
    assert finished(instance, "POST", f"{path}/expand", {"expand_size": 2}) == 303
    assert go_client(instance).info(limited.id)["size"] == 5
    assert limited.id in go_client(instance).list()


def test_the_mounted_original_gets_the_room(volume: GlusterVolume, instance: Instance, whole: Path) -> None:
    tight = Original(volume, whole, "1GB")
    pod = volume.deep_mount(tight.path)
    with (pod / "filled").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 1016 * MIB)
    assert write_until_refused(pod / "refused", most_mib=20)[1] == errno.EDQUOT
    go_client(instance).expand(tight.id, 1)
    assert write_until_refused(pod / "more", most_mib=20) == (20, 0)


@pytest.mark.parametrize("spelling", [0, 1, 2])
def test_an_original_is_deleted_and_purged_with_its_limit(
    volume: GlusterVolume, instance: Instance, limited: Original, spelling: int
) -> None:
    outer = brick(volume.pool.nodes[0], volume.name) / limited.uuid
    own = gfid(outer)
    assert finished(instance, "DELETE", limited.spellings()[spelling]) == 204
    answers = [ask(instance, "GET", path) for path in limited.spellings()]
    assert {(answer.status_code, answer.content) for answer in answers} == {(404, b"Id not found\n")}
    assert limited.id not in go_client(instance).list()
    wait_until(lambda: not outer.exists(), "purge", timeout_seconds=30)
    assert own not in recorded_gfids(volume.pool.nodes[0], volume.name)


def test_an_original_that_has_grown_is_deleted_as_any_other(
    volume: GlusterVolume, instance: Instance, limited: Original
) -> None:
    go = go_client(instance)
    go.expand(limited.id, 1)
    go.delete(limited.id)
    outer = brick(volume.pool.nodes[0], volume.name) / limited.uuid
    wait_until(lambda: not outer.exists(), "purge", timeout_seconds=30)


def test_without_a_limit_its_size_is_its_use_and_it_grows_after_the_command_that_sets_one(
    volume: GlusterVolume, instance: Instance, unlimited: Original
) -> None:
    go = go_client(instance)
    assert go.info(unlimited.id)["size"] == 1
    refused = ask(instance, "POST", f"/volumes/{unlimited.id}/expand", {"expand_size": 1})
    assert refused.status_code == 400
    command = refused.text[refused.text.index("gluster volume quota") :].strip()
    assert command == f"gluster volume quota {volume.name} limit-usage /{unlimited.uuid} SIZE"
    assert not marks(unlimited)
    volume.pool.nodes[0].run(command.replace("SIZE", "4GB").split())
    assert go.expand(unlimited.id, 1)["size"] == 5


def test_without_a_limit_it_is_deleted_all_the_same(
    volume: GlusterVolume, instance: Instance, unlimited: Original
) -> None:
    outer = brick(volume.pool.nodes[0], volume.name) / unlimited.uuid
    go_client(instance).delete(unlimited.id)
    wait_until(lambda: not outer.exists(), "purge", timeout_seconds=30)


def test_new_volumes_answer_at_the_original_s_paths(volume: GlusterVolume, instance: Instance) -> None:
    made = go_client(instance).create({"size": 1, "name": "by-path"})
    path = f"/volumes/{made['name']}"
    assert ask(instance, "GET", path).json() == made
    assert finished(instance, "POST", f"{path}/expand", {"expand_size": 1}) == 303
    assert ask(instance, "GET", path).json()["size"] == 2
    assert finished(instance, "DELETE", path) == 204
    assert ask(instance, "GET", path).content == b"Id not found\n"


def test_a_wrong_path_to_a_volume_changes_nothing(volume: GlusterVolume, instance: Instance) -> None:
    """And never says `Id not found`, on which Kubernetes would forget a volume that is there."""
    made = go_client(instance).create({"size": 1, "name": "right"})
    wrong = [
        f"/volumes/{volume.name}/{directory(made['id'])}/left",
        f"/volumes/another/{directory(made['id'])}/right",
    ]
    answers = [ask(instance, "DELETE", path) for path in wrong]
    answers += [ask(instance, "GET", path) for path in wrong]
    answers += [ask(instance, "POST", f"{path}/expand", {"expand_size": 1}) for path in wrong]
    assert {(answer.status_code, answer.content) for answer in answers} == {(404, b"Invalid path or request\n")}
    assert go_client(instance).info(made["id"]) == made
