"""The house's own rules: arrows between packages, imports that do nothing, calls that are never made."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent.parent
PACKAGE = CHECKOUT / "piragua"
MODULES = sorted(PACKAGE.rglob("*.py"))

# a line that points up, or to a sibling
OFFENCES = {
    "tree": "from piragua.volumes.volumes import Volumes",
    "gluster": "from piragua.tree.proven_mount import ProvenMount",
    "volumes": "from piragua.operations.operations import Operations",
    "operations": "from piragua.volumes.volumes import Volumes",
    "inventory": "from piragua.service.service import Service",
    "config": "from piragua.http.tokens import Keys",
    "errors.py": "from piragua.models import Volume",
    "upkeep/purging": "import piragua.http.app",
    "http": "from piragua.frontends.front_end import FrontEnd",
    "frontends/v1": "from piragua.frontends.heketi.schemas import VolumeCreate",
    "frontends/heketi": "from piragua.volumes.volumes import Volumes",
}

HEKETI_MAY_STAND_IN = re.compile(
    # what others read: metrics, the annotation, options of a StorageClass, the struct in an error of Go's
    r"heketi_\w+|gluster\.kubernetes\.io/heketi-volume-id|user\.heketi\.|HeketiJwtClaims"
    # and sentences on the wire
    r"|Heketi's is told|Heketi's API has no words for|as in Heketi's API"
)

_WATCH = """
import importlib, os, sys, threading
touched = []
def watch(event, arguments):
    if event in ("subprocess.Popen", "os.posix_spawn", "socket.connect", "socket.bind", "os.mkdir", "os.remove"):
        touched.append((event, arguments))
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        touched.append((event, arguments))
sys.dont_write_bytecode = True
sys.addaudithook(watch)
threads, before = threading.active_count(), dict(os.environ)
for name in sys.argv[1:]:
    importlib.import_module(name)
assert not touched, touched
assert threading.active_count() == threads
assert dict(os.environ) == before
"""


def contract(folder: Path) -> subprocess.CompletedProcess[str]:
    """import-linter on the package in that folder, with the project's own contract."""
    program = Path(sys.executable).with_name("lint-imports")
    argv, environment = [str(program), "--no-cache"], {"PYTHONPATH": str(folder)}
    return subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package and its contract, to be spoilt."""
    shutil.copytree(PACKAGE, tmp_path / "piragua", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)
    return tmp_path


def name_of(module: Path) -> str:
    """What the module is imported as."""
    parts = module.relative_to(CHECKOUT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_no_arrow_points_up(copy: Path) -> None:
    kept = contract(copy)
    assert kept.returncode == 0, kept.stdout + kept.stderr


@pytest.mark.parametrize("where", OFFENCES)
def test_an_arrow_that_points_up_fails_the_build(where: str, copy: Path) -> None:
    spoilt = copy / "piragua" / where
    module = spoilt if spoilt.is_file() else spoilt / "spoilt.py"
    with module.open("a") as file:
        file.write(f"\n{OFFENCES[where]}\n")
    broken = contract(copy)
    assert broken.returncode != 0
    assert "BROKEN" in broken.stdout


def test_a_module_outside_of_the_house_fails_the_build(copy: Path) -> None:
    (copy / "piragua" / "shed.py").write_text("")
    assert contract(copy).returncode != 0


def test_importing_does_nothing() -> None:
    names = [name for name in map(name_of, MODULES) if name != "piragua.__main__"]
    argv = [sys.executable, "-c", _WATCH, *names]
    done = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def calls() -> Iterator[tuple[str, str, ast.Call]]:
    """Every call in the package: module, what is called as it is written, and the call itself."""
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Call):
                yield name_of(module), ast.unparse(node.func), node


def test_nothing_is_renamed_and_no_tree_is_removed_recursively() -> None:
    forbidden = re.compile(r"(os|shutil)\.(rename|renames|replace|removedirs|rmtree|move)$")
    assert [(where, what) for where, what, _ in calls() if forbidden.search(what)] == []


def test_only_the_tree_touches_the_gluster_volume() -> None:
    changing = re.compile(r"os\.(mkdir|makedirs|rmdir|unlink|remove|setxattr|removexattr|chmod|chown|mknod)$")
    wrong = {where for where, what, _ in calls() if changing.search(what)}
    of_this_host = {"piragua.mounting.fuse_client"}  # it takes mount points away
    assert {where for where in wrong if not where.startswith("piragua.tree.")} == of_this_host


def test_no_shell_is_ever_used() -> None:
    for where, what, call in calls():
        assert what not in ("os.system", "os.popen", "asyncio.create_subprocess_shell"), where
        assert not [each for each in call.keywords if each.arg == "shell"], where


def test_attributes_are_set_plainly() -> None:
    """XATTR_CREATE and XATTR_REPLACE fail on the bare copy of a brick that returns (glusterfs 10.3)."""
    for where, what, call in calls():
        if what == "os.setxattr":
            assert len(call.args) == 3, where
            assert call.keywords == [], where


def test_programs_are_run_in_few_places() -> None:
    runs = re.compile(r"(subprocess\.\w+|create_subprocess_exec|subprocess_exec)$")
    where = {where for where, what, _ in calls() if runs.search(what)}
    assert where == {"piragua.gluster.child", "piragua.mounting.glusterfs", "piragua.check.preconditions"}


def words_of(module: Path) -> Iterator[str]:
    """Every name and every text of a module, without comments and docstrings."""
    tree = ast.parse(module.read_text())
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value
        for field in ("id", "attr", "name", "arg", "module", "asname"):
            name = getattr(node, field, None)
            if isinstance(name, str):
                yield name


def test_heketis_words_stand_with_its_front_end() -> None:
    own = (PACKAGE / "frontends/heketi", PACKAGE / "frontends/registry.py")  # the list has its name
    elsewhere = [module for module in MODULES if not any(map(module.is_relative_to, own))]
    found = [(name_of(module), word) for module in elsewhere for word in words_of(module)]
    assert [each for each in found if "heketi" in HEKETI_MAY_STAND_IN.sub("", each[1]).lower()] == []
