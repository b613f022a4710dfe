"""The private Gluster that all other tests rest on."""

import errno
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.deep_mount import NotDeepMounted
from lab.machine import MachineError, wait_until
from lab.private_gluster import PrivateGluster
from lab.write_until_refused import write_until_refused
from tests.support.limits import write_counted
from tests.support.pool import GlusterVolume, mounted

BOOT_AND_WAIT = """
import sys, time
from pathlib import Path
from lab.private_gluster import PrivateGluster
with PrivateGluster(folder=Path(sys.argv[1])) as pool:
    pool.create_volume("gv0")
    print(pool.nodes[0].pid, pool.nodes[0].address, flush=True)
    sys.stdin.read()
"""


def cable_to(address: str) -> int:
    """The index of the interface that leads there; no other interface ever has the same one again."""
    (route,) = told_by_ip("route", "get", address)
    (link,) = told_by_ip("link", "show", "dev", route["dev"])
    return int(link["ifindex"])


def cables() -> set[int]:
    """The indices of all interfaces here, those of pools that other tests boot meanwhile too."""
    return {int(link["ifindex"]) for link in told_by_ip("link")}


def told_by_ip(*arguments: str) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads(
        subprocess.run(["ip", "-json", *arguments], capture_output=True, check=True).stdout
    )
    return told


def test_a_mounted_volume_stops_a_writer_at_its_limit(fresh_volume: GlusterVolume) -> None:
    whole = fresh_volume.mount()
    (whole / "limited").mkdir()
    node = fresh_volume.pool.nodes[0]
    node.gluster("volume", "quota", fresh_volume.name, "limit-usage", "/limited", "5MB")
    deep = fresh_volume.deep_mount(f"{fresh_volume.name}/limited")
    assert write_counted(deep / "file", 5, most_mib=20) == (5, errno.EDQUOT)


def test_a_path_that_does_not_exist_is_not_mounted(fresh_volume: GlusterVolume) -> None:
    node = fresh_volume.pool.nodes[0]
    with pytest.raises(NotDeepMounted), mounted(node, f"{fresh_volume.name}/nowhere"):
        pass


def test_three_nodes_keep_three_copies_in_two_sets(fresh_replicated_volume: GlusterVolume) -> None:
    volume, pool = fresh_replicated_volume.name, fresh_replicated_volume.pool
    folder = fresh_replicated_volume.mount(node=1)
    for number in range(20):
        (folder / str(number)).write_text("text")
    sets = [{path.name for path in pool.nodes[0].brick(volume, n).glob("[0-9]*")} for n in range(2)]
    assert all(sets)
    assert sets[0] | sets[1] == {str(number) for number in range(20)}
    for node in pool.nodes[1:]:
        assert [{path.name for path in node.brick(volume, n).glob("[0-9]*")} for n in range(2)] == sets


def test_two_pools_live_beside_each_other(
    one_node: PrivateGluster, new_pool: Callable[..., PrivateGluster]
) -> None:
    other = new_pool()
    assert other.nodes[0].address != one_node.nodes[0].address
    other.create_volume("beside")
    assert "beside" not in one_node.nodes[0].gluster("volume", "list").split()


def test_a_brick_with_a_size_fills_up(
    new_pool: Callable[..., PrivateGluster], new_volume: Callable[..., GlusterVolume]
) -> None:
    volume = new_volume(new_pool(), brick_size_mib=64)
    _, refused = write_until_refused(volume.mount() / "file", most_mib=100)
    assert refused == errno.ENOSPC


def test_daemons_can_be_killed_and_brought_back(
    new_pool: Callable[..., PrivateGluster], new_volume: Callable[..., GlusterVolume]
) -> None:
    pool = new_pool()
    volume = new_volume(pool)
    node = pool.nodes[0]
    folder = volume.mount()
    node.kill_glusterd()
    with pytest.raises(MachineError, match="Connection failed"):
        node.gluster("volume", "list")
    (folder / "still").mkdir()
    node.start_glusterd()
    node.kill_bricks(volume.name)
    assert not pool.is_online(volume.name)
    node.gluster("volume", "start", volume.name, "force")
    wait_until(lambda: pool.is_online(volume.name), "all online again", timeout_seconds=30)


def test_a_pulled_cable_cuts_a_node_off_until_it_is_plugged_in(
    new_pool: Callable[..., PrivateGluster],
) -> None:
    pool = new_pool(nodes=3, ping_timeout_seconds=2)
    first, second, third = pool.nodes
    third.cable(up=False)
    wait_until(lambda: "Disconnected" in first.gluster("peer", "status"), "third node away", 60)
    assert second.address in first.gluster("peer", "status")
    third.cable(up=True)
    wait_until(lambda: "Disconnected" not in first.gluster("peer", "status"), "third node back", 60)


def test_nothing_is_left_when_the_one_who_booted_it_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BOOT_AND_WAIT, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout
        pid, address = owner.stdout.readline().decode().split()
        cable = cable_to(address)
        assert cable in cables()
        owner.send_signal(signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), "end of the node", timeout_seconds=20)
    wait_until(lambda: cable not in cables(), "end of the network", timeout_seconds=20)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
