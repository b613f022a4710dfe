"""What the command line does before anything is served."""

import subprocess
import sys
import types
from collections.abc import Callable

import pytest
from click.testing import CliRunner

from piragua import __version__
from piragua.cli.check import Wishes
from piragua.cli.main import main
from piragua.config import Settings
from piragua.errors import StorageError

LEAST = {"PIRAGUA_VOLUMES": "gv0", "PIRAGUA_ADMIN_KEY": "a-key"}


def with_module(monkeypatch: pytest.MonkeyPatch, name: str, **functions: Callable[[Settings], object]) -> None:
    """Puts a module of these functions in the place of piragua.<name>."""
    module = types.ModuleType(f"piragua.{name}")
    for function_name, function in functions.items():
        setattr(module, function_name, function)
    monkeypatch.setitem(sys.modules, f"piragua.{name}", module)
    monkeypatch.setattr(f"piragua.{name}", module, raising=False)


@pytest.mark.parametrize("command", ["serve", "check"])
def test_a_wrong_setting_is_one_sentence_and_exit_status_3(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIRAGUA_VOLUMES", "gv0")
    result = CliRunner().invoke(main, [command])
    assert result.exit_code == 3
    assert result.stderr.startswith("piragua: PIRAGUA_ADMIN_KEY ")
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_serve_serves_with_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Settings] = []
    with_module(monkeypatch, "service.serving", serve=served.append)
    result = CliRunner().invoke(main, ["serve"], env={**LEAST, "PIRAGUA_PORT": "81"})
    assert result.exit_code == 0
    assert [settings.port for settings in served] == [81]


def test_what_goes_wrong_on_purpose_is_one_sentence_and_exit_status_1(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(settings: Settings) -> None:
        raise StorageError("it does not work")

    with_module(monkeypatch, "service.serving", serve=fail)
    result = CliRunner().invoke(main, ["serve"], env=LEAST)
    assert result.exit_code == 1
    assert result.stderr == "piragua: it does not work\n"


@pytest.mark.parametrize("status", [0, 1])
def test_check_ends_with_what_was_found(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(settings: Settings, wishes: Wishes) -> int:
        assert not wishes.fix
        return status

    monkeypatch.setattr("piragua.cli.check.run", run)
    assert CliRunner().invoke(main, ["check"], env=LEAST).exit_code == status


def test_it_runs_as_a_module_and_says_its_version() -> None:
    argv = [sys.executable, "-m", "piragua", "--version"]
    result = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60)
    assert result.stdout == f"piragua, version {__version__}\n"
