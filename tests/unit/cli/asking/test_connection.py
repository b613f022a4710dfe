"""Which server the command line asks, with whose key, and how a command ends."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.answering import server
from tests.support.terminal import CHECKOUT, Terminal, environment, piped

EMPTY: dict[str, Any] = {"/piragua/v1/operations": {"operations": []}}
SAID = "nothing is being done\n"
SECRET = "the-key-itself"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".config/piragua").mkdir(parents=True)
    return tmp_path


def configured(home: Path, text: str) -> Path:
    """The user's configuration file with that text."""
    file = home / ".config/piragua/client.toml"
    file.write_text(text)
    return file


def key_file(home: Path, mode: int = 0o600) -> Path:
    file = home / "key"
    file.write_text(f"{SECRET}\n")
    file.chmod(mode)
    return file


@pytest.mark.parametrize("words", [["--server", "URL", "operations"], ["operations", "--server", "URL"]])
def test_options_stand_before_or_after_the_command(words: list[str], home: Path) -> None:
    with server(EMPTY) as url:
        done = piped(*(url if word == "URL" else word for word in words), settings={"HOME": str(home)})
    assert (done.returncode, done.stdout, done.stderr) == (0, SAID, "")


def test_the_last_option_counts_then_the_environment_then_the_files(home: Path) -> None:
    file = configured(home, 'server = "http://127.0.0.1:3"')
    other = home / "other.toml"
    other.write_text('server = "http://127.0.0.1:4"')
    settings = {"HOME": str(home)}
    with_environment = {**settings, "PIRAGUA_SERVER": "http://127.0.0.1:2"}
    asked = {
        "http://127.0.0.1:1": piped(
            "--server", "http://x", "operations", "--server", "http://127.0.0.1:1", settings=with_environment
        ),
        "http://127.0.0.1:2": piped("operations", settings=with_environment),
        "http://127.0.0.1:3": piped("operations", settings=settings),
        "http://127.0.0.1:4": piped("--config", str(other), "operations", settings=settings),
    }
    for url, done in asked.items():
        assert (done.returncode, f"{url} cannot be asked" in done.stderr) == (5, True), done.stderr
    file.unlink()


def test_a_group_and_its_command_take_them_too() -> None:
    with server({"/piragua/v1/trash": {"trash": []}, "/piragua/v1/purge": {"clusters": []}}) as url:
        done = piped("trash", "--server", url, "list", settings={})
    assert done.stdout == "the trash is empty\n"


def test_the_key_comes_from_the_file_that_is_configured(home: Path) -> None:
    key_file(home)
    configured(home, 'key_file = "../../key"')
    done = piped("token", "GET", "/x", settings={"HOME": str(home)})
    assert (done.returncode, done.stderr) == (0, "")
    given = piped("token", "GET", "/x", settings={"PIRAGUA_ADMIN_KEY": SECRET})
    assert done.stdout.split(".")[0] == given.stdout.split(".")[0]


def test_a_key_that_everybody_can_read_is_warned_of(home: Path) -> None:
    file = key_file(home, 0o644)
    done = piped("token", "GET", "/x", "--key-file", str(file), settings={})
    assert (done.returncode, done.stderr) == (0, f"piragua: warning: everybody can read the key in {file}\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("server = 3", "server has to be a text in quotes"),
        ('sever = "x"', "sever is no setting; there are server, key_file, cacert"),
        ("server =", "cannot be read"),
        ('key = "secret"', "key is no setting"),
        ('key_file = "/none"', "key_file names a file that cannot be read"),
        ('server = "gluster1:8080"', "the server is given as http://host:port"),
        ('server = "http://[::1"', "the server is given as http://host:port"),
        ('server = "http://gluster1:web"', "the server is given as http://host:port"),
        ('server = "http://gluster1:80800"', "the server is given as http://host:port"),
        ('server = "http://gluster 1"', "the server is given as http://host:port"),
        ('server = "https://127.0.0.1"\ncacert = "/none"', "certificates cannot be read"),
    ],
)
def test_a_wrong_configuration_is_one_sentence_and_exit_status_3(text: str, said: str, home: Path) -> None:
    configured(home, text)
    done = piped("operations", settings={"HOME": str(home)})
    assert (done.returncode, said in done.stderr, done.stderr.count("\n")) == (3, True, 1), done.stderr


def test_a_configuration_file_that_is_named_has_to_be_there() -> None:
    done = piped("operations", "--config", "/none.toml", settings={})
    assert (done.returncode, done.stderr) == (3, "piragua: /none.toml: No such file or directory\n")


@pytest.mark.parametrize(
    ("status", "text", "exit_status"),
    [
        (400, "label 'A' is no label", 1),
        (401, "signature is invalid", 3),
        (404, "Id not found", 4),
        (409, "volume holds 3 GiB", 1),
        (429, "Too many operations", 5),
        (500, "it went wrong", 1),
        (503, "no quorum", 5),
    ],
)
def test_what_a_server_refuses_is_its_own_sentence(status: int, text: str, exit_status: int) -> None:
    with server({"/piragua/v1/operations": (status, {}, f"{text}\n".encode())}) as url:
        done = piped("operations", settings={"PIRAGUA_SERVER": url, "PIRAGUA_ADMIN_KEY": SECRET})
    assert (done.returncode, done.stdout, done.stderr) == (exit_status, "", f"piragua: {text}\n")


def test_a_page_of_what_stands_before_a_server_is_not_its_sentence() -> None:
    page = (502, {"Content-Type": "text/html; charset=utf-8"}, b"<html><body>Bad Gateway</body></html>")
    with server({"/piragua/v1/operations": page}) as url:
        done = piped("operations", settings={"PIRAGUA_SERVER": url})
    assert (done.returncode, done.stderr) == (5, f"piragua: {url} answered 502\n")


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b'"x"', b"{}", b'{"operations": {}}', b'{"operations": [1]}', b"\xff\x00", b""]
)
def test_an_answer_that_is_none_of_piraguas_is_said_to_be(body: bytes) -> None:
    with server({"/piragua/v1/operations": (200, {}, body)}) as url:
        done = piped("operations", settings={"PIRAGUA_SERVER": url})
    assert done.returncode == 3
    assert (
        done.stderr == f"piragua: {url}/piragua/v1/operations answered what Piragua does not: is it a server of"
        " Piragua?\n"
    )


def test_a_server_that_has_no_such_route_is_said_to_be_older() -> None:
    with server({"/piragua/v1/operations": (404, {}, b"Invalid path or request\n")}) as url:
        done = piped("operations", settings={"PIRAGUA_SERVER": url})
    assert (done.returncode, "older than this program" in done.stderr) == (4, True)


def test_what_an_answer_says_never_reaches_the_terminal_as_orders() -> None:
    evil = "\x1b]0;owned\x07\x1b[31m\u202e\x9b2J\r\nname"
    operation = {"id": evil, "kind": evil, "volume": evil, "state": evil, "age_seconds": 1, "server": evil}
    volume = {"id": evil, "name": evil, "labels": {evil: evil}, "state": evil, "gluster_volume": evil}
    answers = {
        "/piragua/v1/operations": {"operations": [operation]},
        "/piragua/v1/volumes?sort=name&order=asc&limit=1000": {"volumes": [volume]},
        "/piragua/v1/trash": (500, {}, evil.encode()),
    }
    with server(answers) as url:
        for words in (["operations"], ["volume", "list"], ["trash", "list"]):
            done = piped(*words, settings={"PIRAGUA_SERVER": url})
            with Terminal(*words, settings={"PIRAGUA_SERVER": url, "NO_COLOR": "1"}) as terminal:
                terminal.end()
            for text in (done.stdout, done.stderr, terminal.shown):
                assert all(each.isprintable() for each in text.replace("\n", "")), repr(text)
            assert "\x1b]" not in terminal.raw
        as_json = piped("operations", "--json", settings={"PIRAGUA_SERVER": url}).stdout
    assert as_json.isascii()
    assert json.loads(as_json)["operations"] == [operation]


def test_ctrl_c_is_130_and_one_sentence() -> None:
    with server({"/piragua/v1/trash": {"trash": [{"id": "f" * 32, "gluster_volume": "g", "state": "s"}]}}) as url:
        with Terminal("trash", "purge", "ffff", settings={"PIRAGUA_SERVER": url}) as terminal:
            terminal.until("[y/N]")
            terminal.type("\x03")
            assert terminal.end() == 130
    assert terminal.shown.endswith("piragua: interrupted\n")
    assert "Traceback" not in terminal.shown


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    volumes = [{"id": f"{number:032x}", "name": "n" * 200} for number in range(5000)]
    with server({"/piragua/v1/volumes?sort=name&order=asc&limit=1000": {"volumes": volumes}}) as url:
        script = f"{sys.executable} -m piragua volume list --server {url} | head -1"
        done = subprocess.run(
            ["bash", "-c", script], env=environment({}), capture_output=True, text=True, timeout=60, check=True
        )
    assert (done.stdout.count("\n"), done.stderr) == (1, "")


@pytest.mark.parametrize("words", [["--version"], ["serve"], ["volume", "--help"]])
def test_tables_are_loaded_only_to_be_shown(words: list[str]) -> None:
    script = f"""
import sys
sys.argv = ["piragua", *{words}]
import atexit
atexit.register(lambda: print([name for name in sys.modules if name.split(".")[0] in ("rich", "pygments")]))
from piragua.cli.main import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=CHECKOUT,
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.endswith("[]\n"), done.stderr


def test_the_version_is_said_without_what_serves() -> None:
    script = "import sys; import piragua.cli.main; print([n for n in ('pydantic', 'fastapi') if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=CHECKOUT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "[]\n"


def test_a_token_is_a_header_for_curl() -> None:
    settings = {"PIRAGUA_ADMIN_KEY": SECRET}
    done = piped("token", "get", "/volumes", settings=settings)
    assert (done.returncode, done.stdout.startswith("Authorization: bearer ey")) == (0, True)
    assert done.stdout.count("\n") == 1
    assert piped("token", "GET", "volumes", settings=settings).returncode == 2
    assert piped("token", "GET", "/volumes", settings={}).returncode == 3


def test_an_answer_without_what_is_needed_is_said_to_be() -> None:
    with server({"/piragua/v1/operations": {"operations": [{"kind": "create", "age_seconds": "long"}]}}) as url:
        done = piped("operations", settings={"PIRAGUA_SERVER": url})
    assert done.returncode == 1
    assert done.stderr.startswith(f"piragua: an answer of {url} is not understood (TypeError: ")
    assert done.stderr.count("\n") == 1


def test_a_variable_that_is_not_set_is_no_name() -> None:
    done = piped("volume", "create", "1GiB", "--name", "", settings={})
    assert (done.returncode, "--name" in done.stderr) == (2, True)
