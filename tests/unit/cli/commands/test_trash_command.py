"""The command line's own part: tokens, TLS, what goes wrong on the way, which volume is meant."""

import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from click.testing import CliRunner, Result

from piragua.cli.main import main
from piragua.cli.output.persistent_volume import Binding, manifests
from piragua.config import Settings
from piragua.http.tokens import Keys, Leeway, Role, role_of
from piragua.remote.tokens import authorization
from tests.support.answering import server
from tests.support.terminal import Terminal

KEY = b"the key"
FIRST, SECOND = "ab12" + "0" * 28, "ab34" + "1" * 28


def run(url: str, *words: str, **environment: str) -> Result:
    return CliRunner().invoke(
        main, ["trash", "--server", url, *words], env={"PIRAGUA_ADMIN_KEY": "k", **environment}
    )


def entry(volume_id: str, name: str) -> dict[str, Any]:
    return {"id": volume_id, "cluster": "c", "gluster_volume": "gv0", "state": "restorable", "name": name}


@pytest.mark.parametrize("path", ["/piragua/v1/trash", f"/piragua/v1/trash/{FIRST}/restore"])
def test_its_tokens_are_the_administrators_for_one_request(path: str) -> None:
    now_seconds = int(time.time())
    header = authorization(KEY, "POST", path, now_seconds=now_seconds).encode()
    seen = role_of(
        header, method="POST", path=path.encode(), keys=Keys(KEY), now_seconds=now_seconds, leeway=Leeway()
    )
    assert seen is Role.ADMIN


def test_a_server_is_trusted_only_with_its_certificate(tmp_path: Path) -> None:
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=piragua"]
    argv += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(argv, check=True, capture_output=True, timeout=60)
    answers: dict[str, Any] = {"/piragua/v1/trash": {"trash": []}, "/piragua/v1/purge": {"clusters": []}}
    with server(answers, (certificate, key)) as url:
        trusted = CliRunner().invoke(main, ["trash", "--server", url, "--cacert", str(certificate), "list"])
        assert (trusted.exit_code, trusted.stdout) == (0, "the trash is empty\n"), trusted.stderr
        refused = run(url, "list")
        assert (refused.exit_code, "is not trusted" in refused.stderr) == (3, True)
        assert run(url, "list", "--insecure").exit_code == 0
    assert "--cacert" in run("https://127.0.0.1:1", "list", PIRAGUA_CACERT=str(tmp_path / "none")).stderr


def test_what_goes_wrong_is_one_sentence(tmp_path: Path) -> None:
    with server({"/piragua/v1/purge": {}}) as url:
        told = [
            run(url, "list"),
            run("http://127.0.0.1:1", "list"),
            run("ftp://somewhere", "list"),
            run(url, "restore", "a b"),
        ]
        wrong_key = CliRunner().invoke(
            main, ["trash", "--server", url, "--key-file", str(tmp_path / "none"), "list"]
        )
    for each in told:
        assert (each.stderr[:9], each.stderr.count("\n")) == ("piragua: ", 1)
    assert [each.exit_code for each in told] == [4, 5, 3, 4]
    assert wrong_key.exit_code == 3
    assert "Traceback" not in wrong_key.output


def test_a_volume_is_meant_by_its_id_its_name_or_what_its_id_begins_with() -> None:
    answers: dict[str, Any] = {
        "/piragua/v1/trash": {"trash": [entry(FIRST, "twice"), entry(SECOND, "twice"), entry("f" * 32, "once")]}
    }
    with server(answers) as url:
        dashed = "ffffffff-ffff-ffff-ffff-ffffffffffff"
        for wanted in ("once", "ffff", "f" * 32, dashed, f"gv0/{dashed}/once"):
            asked = run(url, "purge", wanted)
            assert f"{'f' * 32}  once" in asked.stderr, wanted
            assert (asked.exit_code, "nothing was done; --yes" in asked.stderr) == (2, True), "nobody can say yes"
        for wanted, told in (("twice", SECOND), ("ab12", FIRST), ("ab", "no volume in the trash")):
            assert told in run(url, "purge", wanted).stderr
        for wanted in ("----", "f---", "-f-f"):  # fewer than four digits mean nothing
            assert run(url, "purge", "--", wanted).exit_code == 4
        for wanted in ("onc", "ffff"):
            refused = run(url, "purge", wanted, "--yes")
            assert (refused.exit_code, "neither may be shortened" in refused.stderr) == (4, True)


def test_what_is_not_answered_with_yes_is_not_done() -> None:
    answers: dict[str, Any] = {"/piragua/v1/trash": {"trash": [entry(FIRST, "once")]}}
    asked: list[str] = []
    with server(answers, asked=asked) as url:
        for typed, status in (("\n", 1), ("no\n", 1), ("\x04", 1), ("\x03", 130)):
            settings = {"PIRAGUA_SERVER": url, "PIRAGUA_ADMIN_KEY": "k"}
            with Terminal("trash", "purge", "once", settings=settings) as terminal:
                terminal.until("for good? [y/N]")
                terminal.type(typed)
                assert terminal.end() == status
    assert {each for each in asked if not each.startswith("/")} == set()


def test_the_service_minds_no_variable_of_the_clients() -> None:
    Settings.from_environment(
        {
            "PIRAGUA_VOLUMES": "gv0",
            "PIRAGUA_ADMIN_KEY": "k",
            "PIRAGUA_SERVER": "http://x",
            "PIRAGUA_CACERT": "/x",
            "PIRAGUA_CLIENT_CONFIG": "/x",
        }
    )


def test_manifests_are_yaml_whatever_a_name_is() -> None:
    odd = 'a: "b" # {c} \n- é'
    volume = {"id": FIRST, "name": odd, "size": 3, "mount": {"glusterfs": {"hosts": ["10.0.0.1", "10.0.0.2"]}}}
    endpoints, service, persistent = yaml.safe_load_all(
        manifests(volume, Binding("pv", "ns", storage_class="slow"))
    )
    assert [each["ip"] for each in endpoints["subsets"][0]["addresses"]] == ["10.0.0.1", "10.0.0.2"]
    assert service["metadata"] == endpoints["metadata"] == {"name": "pv", "namespace": "ns"}
    assert persistent["spec"]["glusterfs"]["path"] == odd
    assert (persistent["spec"]["storageClassName"], "claimRef" in persistent["spec"]) == ("slow", False)
