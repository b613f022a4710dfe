"""What an administrator finds in the log: who asked for what, who changed what, and how it ended."""

import json
import re
import shlex
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from lab.machine import wait_until
from lab.private_gluster import PrivateGluster
from piragua.remote.tokens import authorization
from tests.support.calls import KEYS, ask, go_client, told_by
from tests.support.frozen import without_glusterd
from tests.support.heketi_clients.tokens import token
from tests.support.instance import ADMIN_KEY, USER_KEY, Instance
from tests.support.pool import GlusterVolume, gluster_volume

Line = dict[str, Any]
UNKNOWN = "0" * 31 + "1"


@pytest.fixture(scope="module")
def instance(one_node: PrivateGluster) -> Iterator[Instance]:
    with gluster_volume(one_node) as gluster:
        yield gluster.start_instance(settings={"PIRAGUA_LOG_FORMAT": "json", "PIRAGUA_LOG_LEVEL": "debug"})
    one_node.delete_volume(gluster.name)


def lines(instance: Instance) -> list[Line]:
    """All of the log; each line is one JSON object, whatever was asked."""
    return [json.loads(line) for line in instance.log.read_text().splitlines()]


def audit(instance: Instance) -> list[Line]:
    return [line for line in lines(instance) if line["logger"] == "piragua.audit"]


def awaited(instance: Instance, wanted: Callable[[Line], bool], what: str) -> Line:
    """The last line that is wanted."""
    found: list[Line] = []

    def is_there() -> bool:
        found[:] = [line for line in lines(instance) if wanted(line)]
        return bool(found)

    wait_until(is_there, what, 30)
    return found[-1]


def send(
    instance: Instance, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
) -> httpx.Response:
    """A request of the administrator's with further headers."""
    header = authorization(KEYS["admin"], method, path.partition("?")[0], now_seconds=int(time.time()))
    return httpx.request(
        method,
        instance.url + path,
        headers={"Authorization": header, **(headers or {})},
        content=None if body is None else json.dumps(body),
        timeout=60,
        trust_env=False,
    )


def test_a_change_can_be_followed_from_the_request_to_its_end(instance: Instance) -> None:
    answer = send(instance, "POST", "/volumes", {"size": 1, "name": "of-team-a"}, {"X-Request-ID": "ci-run-17"})
    operation = answer.headers["location"].rsplit("/", 1)[1]
    volume_id = told_by(instance, answer.headers["location"]).headers["location"].rsplit("/", 1)[1]

    def of_it(logger: str) -> Callable[[Line], bool]:
        return lambda line: line["logger"] == logger and line.get("request") == "ci-run-17"

    asked = awaited(instance, of_it("piragua.requests"), "the line of the request")
    who = {"request": "ci-run-17", "role": "admin", "operation": operation}
    assert asked.items() >= {**who, "method": "POST", "path": "/volumes", "status": 202}.items()
    assert re.fullmatch(r"[0-9.]+", asked["client"])
    assert 0 < asked["seconds"] < 60
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", asked["time"])

    trail = [line for line in lines(instance) if of_it("piragua.audit")(line)]
    assert [line["outcome"] for line in trail] in (["succeeded", "accepted"], ["accepted", "succeeded"])
    accepted = next(line for line in trail if line["outcome"] == "accepted")
    assert json.loads(accepted["body"]) == {"size": 1, "name": "of-team-a"}
    ended = next(line for line in trail if line["outcome"] == "succeeded")
    assert ended.items() >= {**who, "message": "create", "volume": volume_id}.items()
    assert any(
        line["message"] == f"create of volume {volume_id} done" and line["request"] == "ci-run-17"
        for line in lines(instance)
    ), "what is logged on the way says for which request it is"


def test_who_has_deleted_a_volume_and_that_its_data_is_gone(instance: Instance) -> None:
    made = go_client(instance).create({"size": 1})
    assert ask(instance, "DELETE", f"/volumes/{made['id']}", user="user").status_code == 401
    go_client(instance).delete(made["id"])
    awaited(
        instance,
        lambda line: (
            line["logger"] == "piragua.audit" and line["message"] == "purge" and line["volume"] == made["id"]
        ),
        "the end of the purge",
    )
    trail = [
        line for line in lines(instance) if line["logger"] == "piragua.audit" and line.get("volume") == made["id"]
    ]
    tried, *others = [line for line in trail if line["message"] == "DELETE /volumes/{volume_id}"]
    assert (tried["role"], tried["status"], tried["outcome"]) == ("user", 401, "refused")
    assert tried["error"] == "Administrator access required"
    assert [(line["role"], line["outcome"]) for line in others] == [("admin", "accepted")]
    done = next(line for line in trail if line["message"] == "delete")
    assert (done["role"], done["operation"], done["outcome"]) == ("admin", others[0]["operation"], "succeeded")
    assert trail[-1].items() >= {"message": "purge", "role": "piragua", "outcome": "succeeded"}.items()


def test_settings_that_were_changed_are_in_the_trail_and_looking_is_not(instance: Instance) -> None:
    before = len(lines(instance))
    level = {"loglevel": {"glusterfs": "debug"}}
    ask(instance, "POST", "/internal/logging", level)
    ask(instance, "GET", "/volumes")
    ask(instance, "GET", f"/volumes/{UNKNOWN}")
    wait_until(lambda: any(line.get("volume") == UNKNOWN for line in lines(instance)), "the last one's line", 30)
    new = lines(instance)[before:]
    (changed,) = [line for line in new if line["logger"] == "piragua.audit"]
    assert (changed["path"], changed["outcome"], json.loads(changed["body"])) == (
        "/internal/logging",
        "succeeded",
        level,
    )
    looked = [(line["path"], line["outcome"]) for line in new if line["logger"] == "piragua.requests"][1:]
    assert looked == [("/volumes", "succeeded"), (f"/volumes/{UNKNOWN}", "refused")]


def test_a_request_id_is_given_back_to_whoever_sent_one_and_to_nobody_else(instance: Instance) -> None:
    assert "x-request-id" not in ask(instance, "GET", "/volumes").headers
    for good in ("7b1c0c7a-6b3f-4dd8-9f31-0f4f3a5f1f1e", "a", "A_b-" * 16):
        assert send(instance, "GET", "/volumes", headers={"X-Request-ID": good}).headers["x-request-id"] == good
    for bad in ("", "two words", "x" * 65, "a.b", "request=forged", 'quote"'):
        given = send(instance, "GET", "/volumes", headers={"X-Request-ID": bad}).headers["x-request-id"]
        assert re.fullmatch("[0-9a-f]{16}", given)
    refused = httpx.get(f"{instance.url}/volumes", headers={"X-Request-ID": "of-mine"}, trust_env=False)
    assert (refused.status_code, refused.headers["x-request-id"]) == (401, "of-mine")


def test_keys_and_tokens_stay_out_wherever_they_are_put(instance: Instance) -> None:
    secret = token("admin", KEYS["admin"], "GET", "/volumes", now_seconds=int(time.time()))
    refused = token("admin", b"another key", "GET", "/volumes", now_seconds=int(time.time()))
    for each in (secret, refused, ADMIN_KEY, USER_KEY):
        in_path = f"{instance.url}/volumes/{quote(each)}"
        send(instance, "GET", f"/volumes?token={each}")
        httpx.get(in_path, trust_env=False)
        httpx.get(in_path, headers={"Authorization": f"bearer {secret}"}, trust_env=False)
        for header in ("X-Request-ID", "X-Forwarded-For", "User-Agent", "Cookie", "Authorization"):
            headers = {
                header: each,
                **({} if header == "Authorization" else {"Authorization": f"bearer {secret}"}),
            }
            httpx.get(f"{instance.url}/volumes", headers=headers, trust_env=False)
        send(instance, "POST", "/volumes", {"size": 1, "name": each.replace(" ", "_")})
        send(instance, "POST", "/volumes", {"size": 1, "clusters": [each]})
        send(instance, "POST", "/internal/logging", {"loglevel": {each: each}})
    log = instance.log.read_text()
    assert [each for each in (secret, refused, ADMIN_KEY, USER_KEY) if each in log] == []
    assert [each.split(".")[0] for each in (secret, refused) if each.split(".")[0] in log] == []


def test_nobody_can_write_a_line_of_his_own(fresh_volume: GlusterVolume) -> None:
    instance = fresh_volume.start_instance()
    forged = "x\ninfo piragua.audit role=admin outcome=succeeded: DELETE\r\x1b[2K\u2028 outcome=succeeded"
    for body in ({"size": 1, "name": forged}, {"size": 1, "clusters": [forged]}, {"loglevel": {forged: forged}}):
        send(instance, "POST", "/internal/logging" if "loglevel" in body else "/volumes", body)
    httpx.get(f"{instance.url}/{quote(forged)}", trust_env=False)
    send(instance, "GET", "/volumes")
    log = instance.log.read_text()
    assert all(each.isprintable() or each == "\n" for each in log)
    for line in log.splitlines():
        head = re.match(r"\S+Z (debug|info|warning|error) piragua[a-z_.]*", line)
        assert head is not None, line
    trail = [line for line in log.splitlines() if line.split(" ")[2] == "piragua.audit"]
    outcomes = [dict(field.split("=", 1) for field in shlex.split(line)[3:] if "=" in field) for line in trail]
    assert [each["outcome"] for each in outcomes] == ["refused"] * 3


def test_audit_lines_are_written_at_every_level(fresh_volume: GlusterVolume) -> None:
    instance = fresh_volume.start_instance(settings={"PIRAGUA_LOG_LEVEL": "error"})
    go_client(instance).create({"size": 1})
    assert {line.split(" ")[2] for line in instance.log.read_text().splitlines()} == {"piragua.audit"}


def test_trouble_with_gluster_is_told_once_with_its_cause_and_when_it_is_over(
    new_volume: Callable[..., GlusterVolume], new_pool: Callable[..., PrivateGluster]
) -> None:
    pool = new_pool(nodes=1)
    instance = new_volume(pool).start_instance()
    go_client(instance).create({"size": 1})
    (node,) = pool.nodes
    with without_glusterd(node):
        trouble = "Gluster does not do its work"
        wait_until(lambda: trouble in instance.log.read_text(), "the trouble in the log", 60)
        wait_until(
            lambda: ask(instance, "GET", "/clusters").status_code == 503, "the end of what is remembered", 60
        )
        assert [ask(instance, "GET", "/clusters").status_code for _ in range(5)] == [503] * 5
        log = instance.log.read_text().splitlines()
    (told,) = [line for line in log if trouble in line]
    assert "gluster daemon is operational" in told
    causes = [line.split("'/clusters': ")[1] for line in log if " warning piragua.http.gates" in line]
    assert causes
    assert len(causes) == len(set(causes)), "six requests at least, each cause once"
    assert len([line for line in log if "path=/clusters status=503" in line]) >= 6, "and a line for each request"
    wait_until(lambda: instance.health() == 200, "health", 60)
    wait_until(lambda: "Gluster does its work again after" in instance.log.read_text(), "its end in the log", 30)
