"""Starting and ending, as systemd and an administrator see it, and settings that really serve."""

import base64
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from lab.machine import wait_until
from tests.support.behind import quota_lock_held
from tests.support.calls import ask, go_client, told_by
from tests.support.frozen import environments, fuse_clients
from tests.support.heketi_clients.strict_go import HeketiError, StrictGoClient
from tests.support.heketi_clients.tokens import token
from tests.support.instance import ADMIN_KEY, CHECKOUT, USER_KEY, Instance
from tests.support.pool import GlusterVolume

LEAST = {"PIRAGUA_VOLUMES": "gv0", "PIRAGUA_ADMIN_KEY": "a key"}
SECRET = "a key that nobody else may read, of more than 32 bytes"


def serve(tmp_path: Path, **changed: str | None) -> subprocess.CompletedProcess[str]:
    """`piragua serve` with two right settings and those, to its end."""
    settings = {**LEAST, "PIRAGUA_MOUNT_ROOT": str(tmp_path), **changed}
    return subprocess.run(
        [sys.executable, "-m", "piragua", "serve"],
        env={"PATH": os.environ["PATH"], **{name: value for name, value in settings.items() if value is not None}},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"PIRAGUA_PROT": "8080"}, "PIRAGUA_PROT is not a setting; PIRAGUA_PORT is"),
        ({"PIRAGUA_ADMIN_KEY": None}, "PIRAGUA_ADMIN_KEY or PIRAGUA_ADMIN_KEY_FILE must give the admin key"),
        ({"PIRAGUA_ADMIN_KEY": "super_secret"}, "PIRAGUA_ADMIN_KEY gives the default key of the original"),
        ({"PIRAGUA_ADMIN_KEY": None, "JWT_SECRET": "super_secret"}, "JWT_SECRET gives the default key"),
        ({"PIRAGUA_ADMIN_KEY": None, "PIRAGUA_ADMIN_KEY_FILE": "/nowhere/key"}, "PIRAGUA_ADMIN_KEY_FILE names"),
        ({"PIRAGUA_TLS_CERT": "/nowhere/crt", "PIRAGUA_TLS_KEY": "/nowhere/key"}, "PIRAGUA_TLS_CERT names a file"),
        ({"PIRAGUA_PORT": "many"}, "PIRAGUA_PORT must be a whole number"),
        ({"PIRAGUA_VOLUMES": None}, "PIRAGUA_VOLUMES must name at least one Gluster volume"),
    ],
)
def test_a_wrong_setting_ends_the_start_with_one_sentence_and_status_3(
    changed: dict[str, str | None], says: str, tmp_path: Path
) -> None:
    ended = serve(tmp_path, **changed)
    assert ended.returncode == 3
    assert ended.stderr.startswith(f"piragua: {says}")
    assert ended.stderr.count("\n") == 1


def test_a_port_that_is_taken_is_said_in_one_sentence_with_status_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        ended = serve(tmp_path, PIRAGUA_HOST="127.0.0.1", PIRAGUA_PORT=port)
    assert ended.returncode == 1
    assert ended.stderr == f"piragua: cannot listen on 127.0.0.1 port {port}: Address already in use\n"
    assert os.listdir(tmp_path) == []


def test_sigterm_finishes_what_was_begun_takes_the_mount_away_and_ends_with_0(fresh_volume: GlusterVolume) -> None:
    instance = fresh_volume.start_instance()
    with quota_lock_held(fresh_volume.mount()):
        accepted = ask(instance, "POST", "/volumes", {"size": 1})
        assert accepted.status_code == 202
        os.kill(instance.pid, signal.SIGTERM)
        wait_until(lambda: instance.health() == 0, "the end of listening", 10)
        assert instance.is_running()
    assert instance.wait_until_ended() == 0
    assert instance.mounts() == []
    instance.start()
    instance.wait_until_healthy()
    done = told_by(instance, accepted.headers["location"])
    assert done.status_code == 303
    assert ask(instance, "GET", done.headers["location"]).status_code == 200


def test_after_kill_9_the_next_start_goes_on_with_the_mount_and_takes_it_away_at_its_end(
    fresh_volume: GlusterVolume,
) -> None:
    instance = fresh_volume.start_instance(settings={"PIRAGUA_USAGE_INTERVAL": "0"})
    node, path = instance.node, f"{instance.mount_root}/{fresh_volume.name}"
    volume_id = go_client(instance).create({"size": 1})["id"]
    before = fuse_clients(node, path)
    instance.kill9()
    assert instance.mounts() == [path]
    instance.start()
    instance.wait_until_healthy()
    assert go_client(instance).list() == [volume_id]
    assert fuse_clients(node, path) == before
    assert instance.terminate() == 0
    assert instance.mounts() == []
    wait_until(lambda: fuse_clients(node, path) == [], "end of the FUSE client", 10)


def test_one_newline_at_a_key_files_end_is_no_part_of_the_key(fresh_volume: GlusterVolume, tmp_path: Path) -> None:
    admin, user = tmp_path / "admin.key", tmp_path / "user.key"
    admin.write_text(f"{ADMIN_KEY}\n")
    user.write_text(USER_KEY)
    settings: dict[str, str | None] = {
        "PIRAGUA_ADMIN_KEY": None,
        "PIRAGUA_USER_KEY": None,
        "PIRAGUA_ADMIN_KEY_FILE": str(admin),
        "PIRAGUA_USER_KEY_FILE": str(user),
    }
    instance = fresh_volume.start_instance(settings=settings)
    assert len(go_client(instance).clusters()) == 1
    assert go_client(instance, "user").list() == []
    with pytest.raises(HeketiError, match="signature is invalid"):
        StrictGoClient(instance.url, "admin", f"{ADMIN_KEY}\n").clusters()


def test_the_originals_names_serve(fresh_volume: GlusterVolume) -> None:
    settings: dict[str, str | None] = {
        "PIRAGUA_VOLUMES": None,
        "PIRAGUA_HOST": None,
        "PIRAGUA_PORT": None,
        "PIRAGUA_ADMIN_KEY": None,
        "PIRAGUA_USER_KEY": None,
        "GLUSTER_VOL": fresh_volume.name,
        "ROCKET_ADDRESS": "0.0.0.0",  # noqa: S104 (the test calls from another machine)
        "ROCKET_PORT": "7979",
        "ROCKET_ENV": "prod",
        "JWT_SECRET": base64.b64encode(ADMIN_KEY.encode()).decode(),
    }
    instance = fresh_volume.start_instance(settings=settings)
    assert instance.url.endswith(":7979")
    made = go_client(instance).create({"size": 1})
    assert made["name"].startswith(f"{fresh_volume.name}/")
    with pytest.raises(HeketiError):
        go_client(instance, "user").list()


def certificate(folder: Path, address: str) -> tuple[Path, Path]:
    """A certificate for that address, which vouches for itself, and its key."""
    cert, key = folder / "tls.crt", folder / "tls.key"
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=piragua"]
    subprocess.run(
        [*argv, "-addext", f"subjectAltName=IP:{address}", "-keyout", str(key), "-out", str(cert)],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return cert, key


def test_with_a_certificate_it_serves_https_and_nothing_else(fresh_volume: GlusterVolume, tmp_path: Path) -> None:
    address = fresh_volume.pool.nodes[0].address
    cert, key = certificate(tmp_path, address)
    settings = {"PIRAGUA_TLS_CERT": str(cert), "PIRAGUA_TLS_KEY": str(key)}
    instance = fresh_volume.start_instance(settings=settings, wait=False)
    url = instance.url.replace("http://", "https://")
    trust = ssl.create_default_context(cafile=str(cert))
    with httpx.Client(verify=trust, trust_env=False, timeout=30) as client:

        def healthy() -> bool:
            try:
                return client.get(f"{url}/health").status_code == 200
            except httpx.TransportError:
                return False

        wait_until(healthy, f"{url}/health", 30)
        bearer = token("admin", ADMIN_KEY.encode(), "GET", "/clusters", now_seconds=int(time.time()))
        assert (
            len(client.get(f"{url}/clusters", headers={"Authorization": f"bearer {bearer}"}).json()["clusters"])
            == 1
        )
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{instance.url}/live", timeout=5, trust_env=False)


def test_a_key_or_token_gets_neither_into_the_log_nor_into_another_process(fresh_volume: GlusterVolume) -> None:
    settings: dict[str, str | None] = {
        "PIRAGUA_ADMIN_KEY": None,
        "JWT_SECRET": base64.b64encode(SECRET.encode()).decode(),
        "PIRAGUA_LOG_LEVEL": "debug",
        "PIRAGUA_LOG_FORMAT": "json",
    }
    instance = fresh_volume.start_instance(settings=settings)
    StrictGoClient(instance.url, "admin", SECRET, poll_seconds=0.05).create({"size": 1})
    tokens = [
        token("admin", key, "GET", "/volumes", now_seconds=int(time.time()) + late)
        for key, late in ((SECRET.encode(), 0), (b"another key", 0), (SECRET.encode(), -10_000))
    ]
    for value in [*(f"bearer {each}" for each in tokens), SECRET, f"bearer {SECRET}", f"Basic {USER_KEY}"]:
        httpx.get(f"{instance.url}/volumes", headers={"Authorization": value}, timeout=30, trust_env=False)
    secrets = [SECRET, USER_KEY, base64.b64encode(SECRET.encode()).decode(), *tokens]

    holders = [pid for pid, all_of_it in environments(instance.node).items() if USER_KEY.encode() in all_of_it]
    assert len(holders) == 1, "only the instance itself"
    assert instance.terminate() == 0
    log = instance.log.read_text()
    assert [each for each in secrets if each in log] == []
    lines = [json.loads(line) for line in log.splitlines()]
    assert {"debug", "info"} <= {line["level"] for line in lines}


@pytest.mark.parametrize("trusted", [None, "10.0.0.0/8,198.18.0.0/15"])
def test_what_a_proxy_or_a_liar_says_in_headers_changes_no_answer(
    fresh_volume: GlusterVolume, trusted: str | None
) -> None:
    instance = fresh_volume.start_instance(settings={"PIRAGUA_TRUSTED_PROXIES": trusted})
    forged = {
        "X-Forwarded-Host": "evil.example.com",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-For": "127.0.0.1",
        "X-Forwarded-Prefix": "/evil",
        "Forwarded": "for=127.0.0.1;host=evil.example.com;proto=https",
    }

    def answer(method: str, path: str, headers: dict[str, str]) -> httpx.Response:
        bearer = token("admin", ADMIN_KEY.encode(), method, path, now_seconds=int(time.time()))
        all_headers = {"Authorization": f"bearer {bearer}", **headers}
        content = '{"size": 1}' if method == "POST" else None
        return httpx.request(
            method, instance.url + path, headers=all_headers, content=content, timeout=30, trust_env=False
        )

    assert re.fullmatch("/queue/[0-9a-f]+", answer("POST", "/volumes", forged).headers["location"])
    for path in ("/volumes/", "/clusters/", "/nowhere"):
        honest, lied_to = answer("GET", path, {}), answer("GET", path, forged)
        assert (lied_to.status_code, lied_to.content) == (honest.status_code, honest.content)
        assert lied_to.headers.get("location") == honest.headers.get("location")
    unsigned = httpx.get(f"{instance.url}/volumes", headers=forged, timeout=30, trust_env=False)
    assert unsigned.status_code == 401


def test_without_authentication_everybody_is_let_in_only_when_that_was_said(fresh_volume: GlusterVolume) -> None:
    settings: dict[str, str | None] = {
        "PIRAGUA_ADMIN_KEY": None,
        "PIRAGUA_USER_KEY": None,
        "PIRAGUA_DISABLE_AUTH": "true",
    }
    instance = fresh_volume.start_instance(settings=settings)
    assert httpx.get(f"{instance.url}/volumes", timeout=30, trust_env=False).json() == {"volumes": []}
    assert "authentication is off" in instance.log.read_text()


def test_two_instances_cannot_take_one_port(fresh_volume: GlusterVolume) -> None:
    instance = fresh_volume.start_instance()
    with Instance(
        instance.node, fresh_volume.name, {"PIRAGUA_PORT": instance.environment["PIRAGUA_PORT"]}
    ) as second:
        assert second.wait_until_ended(30) == 1
        assert second.mounts() == []
    assert instance.health() == 200
