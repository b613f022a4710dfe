"""Write packaging/requirements.txt: what travels inside the packages, with versions and hashes.

    .venv/bin/python packaging/lock.py            what pyproject.toml asks for now; versions that are there stay
    .venv/bin/python packaging/lock.py --newer    the newest of everything

pip decides, for each Python that a target system has, from the dependencies in pyproject.toml; all of them have
to come to the same versions. The wheels are then in dist/wheels. Look at what changed before committing it.

`uv pip compile --generate-hashes` is no substitute. It writes the hash of every file of a release, for all systems
and Pythons, and packaging/build takes exactly one wheel for each hash. It decides for one Python at a time.
"""

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import wheels
from wheels import PYTHONS, REQUIREMENTS, platform_options

CHECKOUT = Path(__file__).parent.parent
_HEAD = """\
# What travels inside the packages; written by packaging/lock.py, read by packaging/build.
# One hash for what is plain Python, one for each Python for what is compiled.
"""


def main() -> None:
    """Writes the file; SystemExit when there is no answer, or the Pythons do not agree on one."""
    if sys.argv[1:] not in ([], ["--newer"]):
        sys.exit(__doc__)
    kept = [] if sys.argv[1:] else re.findall(r"^[^#\s]+==[^\s]+", REQUIREMENTS.read_text(), re.MULTILINE)
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    versions: dict[str, str] = {}
    hashes: dict[str, set[str]] = {}
    for python in PYTHONS:
        for each in resolved(project["dependencies"], python, kept):
            name, version = each["metadata"]["name"].lower().replace("_", "-"), each["metadata"]["version"]
            if versions.setdefault(name, version) != version:
                sys.exit(f"{name}: {versions[name]} and, with Python {python}, {version}")
            hashes.setdefault(name, set()).add(each["download_info"]["archive_info"]["hashes"]["sha256"])
    lines = [
        f"{name}=={versions[name]}" + "".join(f" \\\n    --hash=sha256:{each}" for each in sorted(hashes[name]))
        for name in sorted(versions)
    ]
    REQUIREMENTS.write_text(_HEAD + "\n".join(lines) + "\n")
    wheels.fetch(CHECKOUT / "dist/wheels")


def resolved(requirements: list[str], python: str, kept: list[str]) -> list[dict[str, Any]]:
    """What pip would install for that Python, as its report has it; SystemExit when it finds nothing.

    kept: versions to stay with, of what is needed at all.
    """
    with tempfile.TemporaryDirectory() as folder:
        report, constraints = Path(folder) / "report.json", Path(folder) / "constraints.txt"
        constraints.write_text("\n".join(kept))
        what = ["--dry-run", "--ignore-installed", "--quiet", "--target", folder, "--report", str(report)]
        where = ["--constraint", str(constraints), *platform_options(python)]
        argv = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            *what,
            *where,
            *requirements,
        ]
        if subprocess.run(argv, check=False).returncode != 0:
            sys.exit(f"pip finds no versions for Python {python}; --newer lets it take others than those there")
        installed: list[dict[str, Any]] = json.loads(report.read_text())["install"]
        return installed


if __name__ == "__main__":
    main()
