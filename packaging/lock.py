"""Write packaging/requirements.txt: what travels inside the packages, with versions and hashes.

    .venv/bin/python packaging/lock.py

pip decides, for each Python that a target system has, from the dependencies in pyproject.toml; all of them have
to come to the same versions. Run it to take newer ones, and look at what changed before committing it.
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from wheels import PYTHONS, REQUIREMENTS, platform_options

CHECKOUT = Path(__file__).parent.parent
_HEAD = """\
# What travels inside the packages; written by packaging/lock.py, read by packaging/build.
# One hash for what is plain Python, one for each Python for what is compiled.
"""


def main() -> None:
    """Writes the file; SystemExit when the Pythons do not agree on a version."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    versions: dict[str, str] = {}
    hashes: dict[str, set[str]] = {}
    for python in PYTHONS:
        for each in resolved(project["dependencies"], python):
            name, version = each["metadata"]["name"].lower().replace("_", "-"), each["metadata"]["version"]
            if versions.setdefault(name, version) != version:
                sys.exit(f"{name}: {versions[name]} and, with Python {python}, {version}")
            hashes.setdefault(name, set()).add(each["download_info"]["archive_info"]["hashes"]["sha256"])
    lines = [
        f"{name}=={versions[name]}" + "".join(f" \\\n    --hash=sha256:{each}" for each in sorted(hashes[name]))
        for name in sorted(versions)
    ]
    REQUIREMENTS.write_text(_HEAD + "\n".join(lines) + "\n")


def resolved(requirements: list[str], python: str) -> list[dict[str, Any]]:
    """What pip would install for that Python, as pip's installation report has it."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        what = ["--dry-run", "--ignore-installed", "--quiet", "--target", folder, "--report", str(report)]
        subprocess.run(
            [sys.executable, "-m", "pip", "install", *what, *platform_options(python), *requirements], check=True
        )
        installed: list[dict[str, Any]] = json.loads(report.read_text())["install"]
        return installed


if __name__ == "__main__":
    main()
