"""What administrators are shown as a whole: dump, check, examine, metrics; and records saved and put back."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from lab.machine import MachineError, wait_until
from piragua.models import BYTES_PER_GIB, dashed
from piragua.tree import layout
from tests.support.behind import limits_bytes
from tests.support.by_hand import ByHand, by_hand
from tests.support.calls import ask, go_client
from tests.support.core import uncached_mount
from tests.support.heketi_clients.heketi_cli import HeketiCli
from tests.support.heketi_clients.strict_go import HeketiError
from tests.support.instance import Instance
from tests.support.pool import GlusterVolume


@pytest.fixture(scope="module")
def instance(volume: GlusterVolume) -> Instance:
    return volume.start_instance(settings={"PIRAGUA_TRASH_RETENTION": "1h"})


@pytest.fixture
def hand(volume: GlusterVolume) -> Iterator[ByHand]:
    with by_hand(volume, uncached_mount(volume)) as each:
        yield each


def get(instance: Instance, path: str) -> Any:
    answer = ask(instance, "GET", path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json; charset=UTF-8")
    assert answer.text.endswith("\n}\n"), "indented, and one newline at the end"
    return answer.json()


def metrics(instance: Instance) -> dict[str, float]:
    """Values by what stands before them."""
    answer = httpx.get(f"{instance.url}/metrics", trust_env=False)
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = [line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def restore(instance: Instance, document: Path, *options: str) -> str:
    """What `piragua restore-records` prints on the server, with the instance's settings."""
    environment = [f"{name}={value}" for name, value in instance.environment.items()]
    command = [sys.executable, "-m", "piragua", "restore-records", str(document), *options]
    return instance.node.run(["env", *environment, *command])


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Where a test puts its copy of the records."""
    return tmp_path / "piragua-records.json"


def save(instance: Instance, document: Path) -> Any:
    answer = ask(instance, "GET", "/backup/db")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == 'attachment; filename="piragua-records.json"'
    document.write_bytes(answer.content)
    return answer.json()


def lose_record(hand: ByHand, volume_id: str) -> None:
    """All that Piragua remembers of a volume, and its limit, are lost; its data is there."""
    for attribute in (layout.RECORD_XATTR, layout.PUBLISHED_XATTR, layout.DELETION_XATTR):
        if attribute in os.listxattr(hand.path(volume_id)):
            os.removexattr(hand.path(volume_id), attribute)
    hand.quota("remove", f"/{dashed(volume_id)}")


def test_dump_shows_volumes_with_their_places_and_the_trash_apart(instance: Instance) -> None:
    client = go_client(instance)
    kept, deleted = client.create({"size": 2, "gid": 2000}), client.create({"size": 1})
    client.delete(deleted["id"])
    dump = get(instance, "/db/dump")
    (cluster,) = dump["clusterentries"].values()
    assert kept["id"] in cluster["Info"]["volumes"]
    entry = dump["volumeentries"][kept["id"]]
    assert entry["Info"]["size"] == 2
    assert entry["Info"]["gid"] == 2000
    assert entry["Info"]["mount"] == kept["mount"]
    (brick,) = (dump["brickentries"][each]["Info"] for each in entry["Bricks"])
    assert dump["nodeentries"][brick["node"]]["State"] == "online"
    assert dump["deviceentries"][brick["device"]]["Info"]["storage"]["total"] > 0
    assert deleted["id"] not in dump["volumeentries"]
    assert dump["directoryentries"][deleted["id"]]["State"] == "in the trash"
    assert dump["directoryentries"][deleted["id"]]["RetentionSeconds"] == 3600
    assert (dump["blockvolumeentries"], dump["pendingoperations"]) == ({}, {})


def test_check_is_clean_when_all_agrees_and_names_what_does_not(instance: Instance, hand: ByHand) -> None:
    clean = get(instance, "/db/check")
    assert clean["totalinconsistencies"] == 0, clean
    assert clean["volumes"]["inconsistencies"] is None
    lost, shrunk, unclear = (go_client(instance).create({"size": 1})["id"] for _ in range(3))
    (hand.path(unclear) / "stray").mkdir()
    os.removexattr(hand.path(unclear), layout.PUBLISHED_XATTR)
    foreign = hand.tell(hand.data(hand.data(hand.directory(), "one"), "two"))
    hand.tell(unclear)
    try:
        faults = dict[str, str]()

        def named() -> bool:
            """Limits that are wrong, unless a sweep of the instance has just put them right."""
            if f"/{dashed(lost)}" in limits_bytes(hand.volume.pool.nodes[0], hand.volume.name):
                hand.quota("remove", f"/{dashed(lost)}")
            hand.limit(shrunk, 2**20)
            faults.clear()
            faults.update(_faults(instance))
            return {lost, shrunk} <= faults.keys()

        wait_until(named, "wrong limits in the check", 60)
        assert faults[lost].endswith(f"limit-usage /{dashed(lost)} {BYTES_PER_GIB}")
        assert faults[shrunk].endswith(f"its limit is {2**20} bytes and its record says {BYTES_PER_GIB}")
        assert "unclear: " in faults[unclear]
        assert faults[foreign].endswith("has a volume's name and is not Piragua's")
        found = get(instance, "/db/check")
        assert (found["volumes"]["notok"], found["directories"]["notok"]) == (3, 1)
        assert found["totalinconsistencies"] == 4
        assert found["volumes"]["ok"] + found["volumes"]["notok"] == found["volumes"]["total"]
        examined = get(instance, "/internal/state/examine/gluster")
        assert examined["report"][0] == "OnDemand Examiner invoked while 0 ops are in flight"
        assert set(faults.values()) == set(examined["report"][1:])
        assert lost in examined["heketidb"]["volumeentries"]
        # Clients that walk the list end with a word about the one that nothing true can be told of.
        with pytest.raises(HeketiError, match=f"volume {unclear} is not in a clear state: unclear"):
            HeketiCli(go_client(instance)).volume_list()
        assert {lost, shrunk, unclear} <= get(instance, "/db/dump")["volumeentries"].keys()
        (cluster,) = examined["clusters"]
        assert [node["State"] for node in cluster["NodesData"]] == ["online"]
        # The command that a fault names mends it.
        hand.quota(*faults[lost].partition(f"quota {hand.volume.name} ")[2].split())
        assert lost not in _faults(instance)
    finally:
        hand.quota("limit-usage", f"/{dashed(shrunk)}", str(BYTES_PER_GIB))
        (hand.path(unclear) / "stray").rmdir()
        # Only the mark is missing now: it can be shown before a sweep puts that back.
        hand.tell(unclear)
        cli = HeketiCli(go_client(instance))
        assert [each for each in cli.volume_list() if unclear in each]
        (topology,) = cli.topology().values()
        assert unclear in {each["id"] for each in topology["volumes"]}
        hand.published(unclear)
        for name in ("one/file", "two/file"):
            (hand.path(foreign) / name).unlink(missing_ok=True)
        for name in ("one", "two"):
            (hand.path(foreign) / name).rmdir()
        hand.path(foreign).rmdir()


def _faults(instance: Instance) -> dict[str, str]:
    """What `db check` names, by the id that it names."""
    found = get(instance, "/db/check")
    sections = (found[section]["inconsistencies"] or () for section in ("volumes", "directories"))
    return {text.split()[1]: text for section in sections for text in section}


def test_check_says_so_when_limits_cannot_be_listed(instance: Instance, hand: ByHand) -> None:
    hand.quota("disable")
    try:
        found = {}

        def shown() -> bool:
            found.update(get(instance, "/db/check"))
            return bool(found["clusters"]["notok"])

        wait_until(shown, "quota being off in the check", 20)
        (text,) = found["clusters"]["inconsistencies"]
        assert f"gluster volume quota {hand.volume.name} enable" in text
    finally:
        hand.quota("enable")
        for path in [each for each in hand.folder.iterdir() if layout.id_of(each.name)]:
            hand.quota("limit-usage", f"/{path.name}", str(_recorded_bytes(path)))


def _recorded_bytes(path: Path) -> int:
    return int(json.loads(os.getxattr(path, layout.RECORD_XATTR))["size_bytes"])


def test_metrics_count_what_is_there(instance: Instance) -> None:
    client = go_client(instance)
    (gluster_volume_id,) = client.clusters()
    size = f'{{cluster="{gluster_volume_id}"}}'
    count, sizes, trash = (
        name + size for name in ("heketi_volumes_count", "piragua_volumes_size_bytes", "piragua_trash_volumes")
    )
    wait_until(lambda: metrics(instance).get(count) == len(client.list()), "the metrics of what is there", 30)
    before = metrics(instance)
    made = client.create({"size": 3})
    wait_until(lambda: metrics(instance)[count] == before[count] + 1, "the metrics of one volume more", 30)
    after = metrics(instance)
    assert after[sizes] - before[sizes] == 3 * BYTES_PER_GIB
    assert (after["heketi_up"], after["heketi_cluster_count"]) == (1, 1)
    (node_id,) = client.cluster_info(gluster_volume_id)["nodes"]
    (device,) = client.node_info(node_id)["devices"]
    (shown,) = [value for name, value in after.items() if name.startswith("heketi_device_size{")]
    assert shown == device["storage"]["total"]
    client.delete(made["id"])
    wait_until(lambda: metrics(instance)[trash] == before[trash] + 1, "the metrics of one deleted volume more", 30)


def test_lost_records_are_put_back_from_a_copy(instance: Instance, hand: ByHand, saved: Path) -> None:
    client = go_client(instance)
    made = client.create({"size": 2, "gid": 2000, "name": "of-value"})
    grown, deleted, untouched = (client.create({"size": 1}) for _ in range(3))
    client.delete(deleted["id"])
    document = save(instance, saved)
    assert document["format"] == "piragua-records"
    client.expand(grown["id"], 2)
    (hand.path(made["id"]) / "of-value" / "data").write_text("kept")
    for volume_id in (made["id"], deleted["id"]):
        lose_record(hand, volume_id)
        hand.tell(volume_id)
    (hand.folder / layout.NAMES / "of-value").unlink()
    # As after a copy without attributes, but the limit that was set later is there.
    os.removexattr(hand.path(grown["id"]), layout.RECORD_XATTR)

    said = restore(instance, saved)
    assert f"{made['id']}: to be put back: its record was lost" in said
    assert f"{untouched['id']}: left as it is: it has its record" in said
    assert "nothing was changed" in said
    assert layout.RECORD_XATTR not in os.listxattr(hand.path(made["id"])), "only said"

    done = restore(instance, saved, "--yes")
    assert f"{made['id']}: put back" in done
    assert client.info(made["id"]) == made
    assert limits_bytes(hand.volume.pool.nodes[0], hand.volume.name)[f"/{dashed(made['id'])}"] == 2 * BYTES_PER_GIB
    assert (hand.path(made["id"]) / "of-value" / "data").read_text() == "kept"
    assert ask(instance, "POST", "/volumes", {"size": 1, "name": "of-value"}).status_code == 500, "has its name"
    assert client.info(grown["id"])["size"] == 3, "what the copy did not know of is kept"
    assert ask(instance, "GET", f"/volumes/{deleted['id']}").status_code == 404
    entry = get(instance, "/db/dump")["directoryentries"][deleted["id"]]
    assert (entry["State"], entry["RetentionSeconds"]) == ("in the trash", 86400)
    assert "put back" not in restore(instance, saved, "--yes"), "nothing is left to do"
    assert client.info(untouched["id"]) == untouched
    assert not [each for each in instance.mounts() if ".restore-records" in each]


def test_what_administrators_set_is_in_the_copy_and_put_back_where_it_was_lost(
    instance: Instance, hand: ByHand, saved: Path
) -> None:
    (gluster_volume_id,) = go_client(instance).clusters()
    (node_id,) = go_client(instance).cluster_info(gluster_volume_id)["nodes"]
    (device,) = go_client(instance).node_info(node_id)["devices"]
    flags, tags = f"/clusters/{gluster_volume_id}/flags", {"change_type": "set", "tags": {"rack": "r7"}}
    for path in (f"/nodes/{node_id}/tags", f"/devices/{device['id']}/tags"):
        assert ask(instance, "POST", path, tags).status_code == 200
    assert ask(instance, "POST", flags, {"file": False}).status_code == 200
    assert ask(instance, "POST", "/piragua/v1/purge", {"state": "paused"}).status_code == 204
    assert ask(instance, "POST", "/admin", {"state": "local-client"}).status_code == 204
    document = save(instance, saved)
    (settings,) = [each["settings"] for each in document["gluster_volumes"]]
    assert settings["flags"] == {"file": False, "block": False}
    assert (settings["mode"]["state"], settings["purge"]["state"]) == ("local-client", "paused")
    assert settings["tags"] == {node_id: {"rack": "r7"}, device["id"]: {"rack": "r7"}}
    _lose_settings(hand)
    (hand.folder / layout.TAGS / f"{device['id']}.1").write_text('{"rack": "moved"}\n')
    try:
        assert get_line(instance, "/admin") == {"state": "normal"}
        said = restore(instance, saved)
        assert "mode local-client: to be put back: it was lost" in said
        assert "purge paused: to be put back: it was lost" in said
        assert f"tags of {device['id']}: left as it is: there are some" in said
        assert get_line(instance, "/admin") == {"state": "normal"}, "only said"
        restore(instance, saved, "--yes")
        assert get_line(instance, "/admin") == {"state": "local-client"}
        assert get_line(instance, f"/clusters/{gluster_volume_id}")["file"] is False
        assert os.getxattr(hand.folder / layout.OWN_DIRECTORY, "user.piragua.purge") == b'{"state": "paused"}'
        shown = get_line(instance, f"/nodes/{node_id}")
        assert (shown["tags"], shown["devices"][0]["tags"]) == ({"rack": "r7"}, {"rack": "moved"})
        assert "put back" not in restore(instance, saved, "--yes"), "nothing is left to do"
    finally:
        _lose_settings(hand)


def get_line(instance: Instance, path: str) -> Any:
    answer = ask(instance, "GET", path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _lose_settings(hand: ByHand) -> None:
    own = hand.folder / layout.OWN_DIRECTORY
    for attribute in os.listxattr(own):
        if attribute.startswith("user.piragua."):
            os.removexattr(own, attribute)
    for each in (hand.folder / layout.TAGS).iterdir():
        each.unlink()


def test_a_document_that_is_no_copy_is_refused_in_one_sentence(instance: Instance, saved: Path) -> None:
    saved.write_text('{"format": "something else"}')
    with pytest.raises(MachineError, match=r"piragua: not a copy of Piragua's records: .*something else"):
        restore(instance, saved, "--yes")
