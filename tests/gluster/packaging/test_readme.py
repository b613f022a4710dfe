"""The commands of the README do on a real Gluster what it says."""

import re
import subprocess

from lab.private_gluster import PrivateGluster
from tests.support.behind import directory
from tests.support.calls import go_client
from tests.support.check import check
from tests.support.documents import block
from tests.support.instance import ADMIN_KEY
from tests.support.pool import GlusterVolume, gluster_volume


def run_in_a_shell(script: str) -> str:
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_commands_that_prepare_a_gluster_volume_are_all_that_a_check_wants(one_node: PrivateGluster) -> None:
    node = one_node.nodes[0]
    with gluster_volume(one_node, quota=False) as volume:
        commands = block("gluster volume quota gv0 enable").replace("gv0", volume.name)
        assert len(commands.splitlines()) == 5
        for command in commands.splitlines():
            node.run(["sh", "-c", command])
        instance = volume.start_instance()
        answer = check(node, volume.name, {"PIRAGUA_MOUNT_ROOT": instance.mount_root})
        assert answer.status == 0, answer.text
    one_node.delete_volume(volume.name)


def test_the_curl_lines_do_what_they_say_one_after_the_other(fresh_volume: GlusterVolume) -> None:
    instance = fresh_volume.start_instance()
    written = block("key='the admin key'")
    functions, calls = written[: written.index("api POST /volumes")], written[written.index("api POST /volumes") :]
    functions = functions.replace("the admin key", ADMIN_KEY).replace("http://127.0.0.1:8080", instance.url)
    create, poll, show, *others = [line.split("  #")[0].strip() for line in calls.strip().splitlines()]

    def call(line: str, **known: str) -> str:
        for name, value in known.items():
            line = line.replace(f"<{name}>", value)
        return run_in_a_shell(f"{functions}\n{line}").lower()

    def finished(accepted: str) -> str:
        """The last answer about the operation."""
        operation = re.search(r" 202 .*location: /queue/(\w+)", accepted, re.DOTALL)
        assert operation is not None, accepted
        told = [call(poll, operation=operation[1])]
        while "x-pending: true" in told[-1]:
            told.append(call(poll, operation=operation[1]))
            assert len(told) < 20
        return told[-1]

    made = re.search(r" 303 .*location: /volumes/(\w+)", finished(call(create)), re.DOTALL)
    assert made is not None
    assert f'"name":"{fresh_volume.name}/{directory(made[1])}/' in call(show, id=made[1])
    assert len(others) >= 3
    for line in others:
        answer = call(line, id=made[1])
        if line.startswith("api GET"):
            assert made[1] in answer, line
        else:
            assert (" 204 " if line.startswith("api DELETE") else " 303 ") in finished(answer), line
    assert made[1] not in go_client(instance).list()


def test_what_lies_on_the_gluster_volume_is_what_is_drawn(fresh_volume: GlusterVolume) -> None:
    instance = fresh_volume.start_instance()
    made = go_client(instance).create({"size": 1})
    drawn = re.findall(r"^(/\S+)", block("/<id>/"), re.MULTILINE)
    name = made["name"].split("/")[-1]
    root = fresh_volume.mount()
    there = {f"/{path.relative_to(root)}" for path in [*root.iterdir(), *(root / directory(made["id"])).iterdir()]}
    meant = {each.rstrip("/").replace("<id>", directory(made["id"])).replace("<name>", name) for each in drawn}
    assert there == meant
