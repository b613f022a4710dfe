"""What piragua/ imports is what pyproject.toml declares, and what the packages carry."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent.parent
MODULES = sorted((CHECKOUT / "piragua").rglob("*.py"))
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]


def called_alike(distribution: str) -> str:
    """A name as all its spellings are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def imported(module: Path) -> set[str]:
    """The first names of what it imports that is not Python's own, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            found |= {each.name.partition(".")[0] for each in node.names}
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - {"piragua"}


def declared() -> set[str]:
    return {called_alike(re.split(r"[^A-Za-z0-9._-]", each)[0]) for each in PROJECT["dependencies"]}


def test_every_distribution_that_is_imported_is_declared_and_no_other() -> None:
    of_module = packages_distributions()
    needed = {called_alike(of_module[name][0]) for module in MODULES for name in imported(module)}
    assert needed == declared()


def test_the_packages_carry_what_is_declared() -> None:
    lines = (CHECKOUT / "packaging/requirements.txt").read_text().splitlines()
    assert declared() <= {line.partition("==")[0] for line in lines if "==" in line}


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("import os, httpx._client", {"httpx"}),
        ("def f():\n    from jwt.algorithms import Algorithm", {"jwt"}),
        ("from piragua.errors import PiraguaError\nimport json", set()),
    ],
)
def test_imports_are_seen(code: str, names: set[str], tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(code)
    assert imported(tmp_path / "module.py") == names
