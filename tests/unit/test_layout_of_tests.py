"""The tests' own house: laid out as the packages are, no name twice, and what is named is there."""

from collections import Counter

import pytest
import yaml  # type: ignore[import-untyped]

from tests.support.instance import CHECKOUT
from tests.support.schedule import LONGEST_FIRST, ON_PORT_8080

TESTS = CHECKOUT / "tests"
FILES = sorted(TESTS.rglob("test_*.py"))


def test_no_file_name_stands_twice() -> None:
    assert [name for name, times in Counter(file.name for file in FILES).items() if times > 1] == []


def test_every_test_either_needs_a_gluster_or_not() -> None:
    assert {file.relative_to(TESTS).parts[0] for file in FILES} == {"unit", "gluster"}


def test_folders_of_unit_tests_are_those_of_the_packages() -> None:
    folders = {file.parent.relative_to(TESTS / "unit") for file in FILES if "unit" in file.parts}
    assert [str(folder) for folder in folders if not (CHECKOUT / "piragua" / folder).is_dir()] == []


@pytest.mark.parametrize("names", [LONGEST_FIRST, ON_PORT_8080])
def test_files_that_are_scheduled_by_name_are_there(names: tuple[str, ...]) -> None:
    assert set(names) <= {file.name for file in FILES}


def test_before_a_commit_runs_what_the_gate_runs() -> None:
    gate = (TESTS / "check").read_text().splitlines()
    configured = yaml.safe_load((CHECKOUT / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repository in configured["repos"] for hook in repository["hooks"]]
    assert {hook["language"] for hook in hooks} == {"system"}
    assert {hook["pass_filenames"] for hook in hooks} == {False}
    commands = [hook["entry"].removeprefix(".venv/bin/") for hook in hooks]
    checks = gate[gate.index("ruff check .") : gate.index("lint-imports") + 1]
    assert commands == checks
    assert len(checks) == 4
