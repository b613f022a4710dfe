"""Shell scripts that install things tell first what they are for, to whoever asks."""

import shutil
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent.parent
SCRIPTS = ("lab/quickstart", "lab/serve", "tests/run", "tests/bench/run", "tests/storm/run")


@pytest.mark.parametrize("option", ["-h", "--help"])
@pytest.mark.parametrize("script", SCRIPTS)
def test_help_needs_nothing_but_the_script(script: str, option: str, tmp_path: Path) -> None:
    copy = tmp_path / script  # without anything else there, it can neither install nor start
    copy.parent.mkdir(parents=True)
    shutil.copy(CHECKOUT / script, copy)
    asked = subprocess.run([copy, option], capture_output=True, text=True, check=False, timeout=30, cwd=tmp_path)
    assert (asked.returncode, asked.stderr) == (0, "")
    assert f"sudo {script}" in asked.stdout.splitlines()[0]
    assert "Installs what is missing" in asked.stdout
    assert "pipefail" not in asked.stdout
    assert list(copy.parent.iterdir()) == [copy]


def test_the_gate_tells_what_it_is_for() -> None:
    argv = [str(CHECKOUT / "tests/check"), "--help"]
    asked = subprocess.run(
        argv, capture_output=True, text=True, check=False, timeout=30, env={"PATH": "/usr/bin:/bin"}
    )
    assert (asked.returncode, asked.stderr) == (0, "")
    assert "tests/check" in asked.stdout.splitlines()[0]
    assert "Runs as any user" in asked.stdout


def test_help_may_stand_behind_other_options() -> None:
    argv = [str(CHECKOUT / "tests/bench/run"), "--quick", "--help"]
    asked = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)
    assert (asked.returncode, asked.stderr) == (0, "")
    assert "--json" in asked.stdout
