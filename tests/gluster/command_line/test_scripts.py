"""The command line in scripts: every command on a real Gluster, in pipes, with JSON and exit statuses."""

import json
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from lab.machine import wait_until
from lab.write_until_refused import BYTES_PER_MIB
from piragua.models import BYTES_PER_GIB, dashed
from tests.support.behind import quota_lock_held
from tests.support.calls import go_client
from tests.support.instance import Instance
from tests.support.pool import GlusterVolume
from tests.support.terminal import PIRAGUA, begun, environment, piped

FILES = 20

Piragua = Callable[..., str]


@pytest.fixture
def piragua(settings: Mapping[str, str]) -> Piragua:
    """Runs a command that succeeds; what it printed."""

    def run(*words: str, status: int = 0) -> str:
        done = piped(*words, settings=settings)
        assert done.returncode == status, done.stdout + done.stderr
        assert "\x1b" not in done.stdout + done.stderr, "nobody looks"
        return done.stdout if status == 0 else done.stderr

    return run


def in_json(text: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(text)
    return answer


def made(piragua: Piragua, name: str, *words: str) -> dict[str, Any]:
    """A new volume of 1 GiB."""
    return in_json(piragua("volume", "create", "1", "--name", name, *words, "--json"))


def listed(piragua: Piragua, *words: str) -> list[str]:
    """Names of the volumes that a list shows, in its order."""
    return [each["name"] for each in in_json(piragua("volume", "list", *words, "--json"))["volumes"]]


def test_a_volume_from_its_creation_to_its_end(
    piragua: Piragua, instance: Instance, settings: Mapping[str, str]
) -> None:
    said = piragua("volume", "create", "2GiB", "--name", "life", "--label", "team=docs", "--gid", "2000")
    volume_id = said.split()[1].rstrip(":")
    assert said == f"created {volume_id}: life, 2 GiB\n"
    known = go_client(instance).info(volume_id)
    assert (known["size"], known["gid"]) == (2, 2000)

    assert piragua("volume", "expand", "life", "--by", "1") == f"expanded {volume_id}: life, 3 GiB\n"
    assert piragua("volume", "expand", "life", "--to", "5GiB") == f"expanded {volume_id}: life, 5 GiB\n"
    assert "has 5 GiB already" in piragua("volume", "expand", "life", "--to", "4", status=1)
    assert piragua("volume", "shrink", volume_id[:10], "--to", "2") == f"shrunk {volume_id}: life, 2 GiB\n"
    assert go_client(instance).info(volume_id)["size"] == 2

    assert piragua("volume", "delete", "life", "--yes") == f"deleted {volume_id}: life\n"
    assert "no volume has the id or the name" in piragua("volume", "show", "life", status=4)
    assert f"{volume_id}  life" in piragua("trash", "list")
    assert piragua("volume", "restore", "life").startswith(f"restored {volume_id}: ")
    assert in_json(piragua("volume", "show", "life", "--json"))["size_bytes"] == 2 * BYTES_PER_GIB

    piragua("volume", "delete", "life", "--yes")
    assert piragua("trash", "purge", "life", "--yes") == f"{volume_id} is being purged\n"
    refused = piped("trash", "restore", volume_id, settings=settings)
    assert refused.returncode in (1, 4), "it is being purged, or it is gone"


def test_a_volume_is_shown_with_all_that_is_known(piragua: Piragua, volume: GlusterVolume) -> None:
    new = made(piragua, "shown", "-l", "team=docs", "--files-limit", "1000", "--soft-limit", "70")
    shown = dict(line.split("  ", 1) for line in piragua("volume", "show", "shown").splitlines())
    assert {name: value.strip() for name, value in shown.items()}["labels"] == "team=docs"
    both = in_json(piragua("volume", "show", new["id"], "--json"))
    assert (both["files_limit"], both["soft_limit_percent"]) == (1000, 70)
    path = f"{volume.name}/{dashed(new['id'])}/shown"
    assert both["mount"]["device"].endswith(f":{path}")
    assert in_json(piragua("volume", "show", f"/{path}", "--json"))["id"] == new["id"]
    assert in_json(piragua("volume", "show", both["mount"]["device"], "--json"))["id"] == new["id"]


def test_labels_are_set_taken_away_and_searched_for(piragua: Piragua) -> None:
    made(piragua, "labelled_a", "-l", "squad=a", "-l", "tier=gold")
    made(piragua, "labelled_b", "-l", "squad=b")
    assert listed(piragua, "-l", "squad") == ["labelled_a", "labelled_b"]
    assert listed(piragua, "-l", "squad=a") == ["labelled_a"]
    assert listed(piragua, "-l", "squad", "-l", "tier=gold") == ["labelled_a"]
    assert piragua("volume", "label", "labelled_a", "tier-", "floor=2") == "floor=2\nsquad=a\n"
    assert piragua("volume", "label", "labelled_a", "--replace", "only=this") == "only=this\n"
    assert piragua("volume", "label", "labelled_a") == "only=this\n"
    assert "KEY=VALUE" in piragua("volume", "label", "labelled_a", "nonsense", status=2)
    assert piragua("volume", "label", "labelled_a", "Wrong=x", status=1).startswith("piragua: ")
    assert piragua("volume", "label", "labelled_a") == "only=this\n", "nothing was lost"


def test_a_claims_volume_is_found_by_its_namespace(piragua: Piragua) -> None:
    name = "prod_shop_orders_8d1f6c1e-4f0a-4b53-9d0e-0c2f7a1b2c3d"
    made(piragua, name)
    assert listed(piragua, "-l", "kubernetes/namespace=shop", "-l", "kubernetes/claim=orders") == [name]


def test_lists_are_chosen_from_and_ordered(piragua: Piragua) -> None:
    for name, size_gib in (("ordered_a", "3"), ("ordered_b", "1"), ("ordered_c", "2")):
        piragua("volume", "create", size_gib, "--name", name)
    chosen = ["--name", "ordered_*"]
    assert listed(piragua, *chosen) == ["ordered_a", "ordered_b", "ordered_c"]
    assert listed(piragua, *chosen, "--sort", "size", "--reverse") == ["ordered_a", "ordered_c", "ordered_b"]
    assert listed(piragua, *chosen, "--limit", "1") == ["ordered_a"]
    assert listed(piragua, *chosen, "--newer-than", "1h", "--state", "ready") == [
        "ordered_a",
        "ordered_b",
        "ordered_c",
    ]
    assert listed(piragua, *chosen, "--older-than", "1h") == []
    assert listed(piragua, *chosen, "--fuller-than", "90") == []
    lines = piragua("volume", "list", *chosen).splitlines()
    assert lines[0].split()[:3] == ["ID", "NAME", "SIZE"]
    assert [line.split()[1] for line in lines[1:]] == ["ordered_a", "ordered_b", "ordered_c"]
    assert piragua("volume", "list", "--name", "none_*") == "there are no such volumes\n"
    assert piragua("volume", "list", "--older-than", "a week", status=1).startswith("piragua: ")


def test_ids_are_for_xargs(piragua: Piragua, settings: Mapping[str, str]) -> None:
    ids = sorted(made(piragua, f"many_{number}")["id"] for number in range(3))
    assert sorted(piragua("volume", "list", "--name", "many_*", "--ids").split()) == ids
    program = " ".join(PIRAGUA)
    script = f"{program} volume list --name 'many_*' --ids | xargs {program} volume delete --yes --json"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", script], env=environment(settings), capture_output=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert sorted(json.loads(done.stdout)["deleted"]) == ids


def test_nothing_is_destroyed_where_nobody_can_be_asked(piragua: Piragua, instance: Instance) -> None:
    volume_id = made(piragua, "kept")["id"]
    assert piragua("volume", "delete", "kept", status=2).endswith(
        "piragua: nobody can be asked here, so nothing was done; --yes does it\n"
    )
    assert "neither may be shortened" in piragua("volume", "delete", "kep", volume_id[:8], "--yes", status=4)
    assert go_client(instance).info(volume_id)["id"] == volume_id


def test_one_that_is_unknown_keeps_all_from_being_deleted(piragua: Piragua, instance: Instance) -> None:
    volume_id = made(piragua, "stays")["id"]
    piragua("volume", "delete", "stays", "unknown", "--yes", status=4)
    assert go_client(instance).info(volume_id)["id"] == volume_id


def test_a_clone_says_how_far_it_is_in_plain_lines(
    piragua: Piragua, settings: Mapping[str, str], volume: GlusterVolume
) -> None:
    whole = volume.mount()
    data = whole / dashed(made(piragua, "source")["id"]) / "source"
    for number in range(FILES):
        (data / f"{number}").touch()
    with begun("volume", "clone", "source", "--name", "copy", settings=settings) as cloning:
        with quota_lock_held(whole):  # it cannot come to its end
            assert cloning.stderr
            said = next(line for line in cloning.stderr if "not begun" in line)
        answer, rest = cloning.communicate(timeout=60)
    assert cloning.returncode == 0, rest
    assert said == "cloning volume source: not begun yet\n"
    assert "\x1b" not in rest
    copy = in_json(piragua("volume", "show", "copy", "--json"))
    assert answer == f"cloned {copy['id']}: copy, 1 GiB\n"
    assert len(list((whole / dashed(copy["id"]) / "copy").iterdir())) == FILES


def test_usage_has_the_fullest_first(piragua: Piragua, volume: GlusterVolume) -> None:
    for name, written_mib in (("fuller", 60), ("full", 20)):
        new = made(piragua, name)
        data = volume.mount() / dashed(new["id"]) / name
        (data / "file").write_bytes(bytes(written_mib * BYTES_PER_MIB))

    def fullest() -> list[str]:
        return [each["name"] for each in in_json(piragua("usage", "--limit", "2", "--json"))["volumes"]]

    wait_until(lambda: fullest() == ["fuller", "full"], "what was written is counted", 120)
    lines = piragua("usage", "--limit", "2").splitlines()
    assert lines[0].split() == ["ID", "NAME", "FULL", "USED", "SIZE", "FILES", "NOTE"]
    assert lines[1].split()[1:7] == ["fuller", "6", "%", "60", "MiB", "1"]
    assert lines[-2].startswith(f"{volume.name}: ")
    assert lines[-1].startswith("gathered ")
    assert len(in_json(piragua("usage", "--all", "--json"))["volumes"]) > 2
    assert listed(piragua, "--fuller-than", "5") == ["fuller"]


def test_the_pool_is_shown(piragua: Piragua, volume: GlusterVolume, instance: Instance) -> None:
    clusters = in_json(piragua("cluster", "list", "--json"))["clusters"]
    assert [each["gluster_volume"] for each in clusters] == [volume.name]
    cluster = in_json(piragua("cluster", "show", volume.name, "--json"))
    assert cluster["capacity_bytes"] >= cluster["free_bytes"] > 0
    assert f"gluster volume  {volume.name}\n" in piragua("cluster", "show", cluster["id"][:8])

    (node,) = in_json(piragua("node", "list", "--json"))["nodes"]
    assert node["hostnames"]["storage"] == [volume.pool.nodes[0].address]
    line = piragua("node", "list").splitlines()[1].split()
    assert line[:1] + line[3:5] == [node["id"], "online", volume.name]
    assert node["devices"][0]["bricks"][0]["path"] in piragua("node", "show", volume.pool.nodes[0].address)
    assert "is no node" in piragua("node", "show", "nowhere", status=4)


def test_what_is_being_done_is_shown(piragua: Piragua) -> None:
    assert piragua("operations") == "nothing is being done\n"
    assert in_json(piragua("operations", "--json")) == {"operations": []}


def test_top_in_a_pipe_is_a_line_for_each_look(piragua: Piragua) -> None:
    lines = piragua("top", "--count", "2", "--interval", "0.2").splitlines()
    assert [line.split(",")[0] for line in lines] == ["0 operations", "0 operations"]
    assert "requests/s" in lines[1]
    first, second = map(json.loads, piragua("top", "--count", "2", "--interval", "0.2", "--json").splitlines())
    assert first["per_second"] is None
    assert second["per_second"]["requests.total"] > 0
    assert set(second) == {"status", "per_second", "operations", "usage"}


def test_purging_is_paused_and_resumed(piragua: Piragua, settings: Mapping[str, str]) -> None:
    assert piragua("trash", "pause") == "nothing is purged until `piragua trash resume`\n"
    told = piped("trash", "list", settings=settings)
    assert "is paused: `piragua trash resume` goes on" in told.stderr
    piragua("trash", "resume")
    assert piped("trash", "list", settings=settings).stderr == ""
    assert in_json(piragua("trash", "pause", "--json")) == {"state": "paused"}
    assert in_json(piragua("trash", "resume", "--json")) == {"state": "running"}


def test_a_program_that_purges_is_told_what_is_being_purged(piragua: Piragua) -> None:
    ids = [made(piragua, f"purged_{number}")["id"] for number in range(2)]
    piragua("volume", "delete", *ids, "--yes")
    assert in_json(piragua("trash", "purge", *ids, "--yes", "--json")) == {"purging": ids}


def test_a_token_is_good_for_curl(piragua: Piragua, instance: Instance) -> None:
    def status_of(header: str, path: str) -> str:
        argv = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-H", header, instance.url + path]
        return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60).stdout

    header = piragua("token", "GET", "/piragua/v1/volumes").rstrip("\n")
    assert status_of(header, "/piragua/v1/volumes?limit=1") == "200"
    assert status_of(header, "/volumes") == "401", "for one path only"
    whole = piragua("token", "GET", f"{instance.url}/volumes?x=y").rstrip("\n")
    assert status_of(whole, "/volumes") == "200"


def test_a_wrong_key_is_said_to_be(instance: Instance) -> None:
    done = piped("volume", "list", settings={"PIRAGUA_SERVER": instance.url, "PIRAGUA_ADMIN_KEY": "wrong"})
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    without = piped("volume", "list", settings={"PIRAGUA_SERVER": instance.url})
    assert (without.returncode, "give the key with --key-file" in without.stderr) == (3, True)


def completed(settings: Mapping[str, str], *words: str) -> list[str]:
    """What bash offers for the last of the words."""
    program = " ".join(PIRAGUA)
    script = f"""
    piragua() {{ {program} "$@"; }}
    export -f piragua
    source <(piragua completion bash)
    COMP_WORDS=({" ".join(f"'{word}'" for word in words)})
    COMP_CWORD={len(words) - 1}
    _piragua_completion piragua
    printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], env=environment(settings), capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().split()


def test_bash_completes_commands_options_and_names(piragua: Piragua, settings: Mapping[str, str]) -> None:
    made(piragua, "completed_name")
    assert completed(settings, "piragua", "vol") == ["volume"]
    assert completed(settings, "piragua", "volume", "cr") == ["create"]
    assert "--fuller-than" in completed(settings, "piragua", "volume", "list", "--f")
    assert completed(settings, "piragua", "volume", "show", "completed_n") == ["completed_name"]
    nowhere = {**settings, "PIRAGUA_SERVER": "http://127.0.0.1:1"}
    assert completed(nowhere, "piragua", "volume", "show", "completed_n") == []
