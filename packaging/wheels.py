"""The dependencies that travel inside the packages: fetched once, proven by their hashes, unpacked."""

import hashlib
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

PYTHONS = ("3.11", "3.12", "3.13")
"""Of Debian 12 and EL 9; of Ubuntu 24.04 and EL 9; of Debian 13."""

REQUIREMENTS = Path(__file__).parent / "requirements.txt"


def platform_options(python: str) -> list[str]:
    """pip's options for that Python on the oldest target system, whatever runs pip."""
    platforms = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
    chosen = [word for platform in platforms for word in ("--platform", platform)]
    return ["--only-binary=:all:", "--implementation", "cp", "--python-version", python, *chosen]


def fetch(folder: Path) -> None:
    """Has pip put all wheels of the lock file into the folder, unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    if _wanted_hashes() - _present(folder).keys():
        for python in PYTHONS:
            options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
            places = ["--dest", str(folder), "--requirement", str(REQUIREMENTS)]
            subprocess.run(
                [sys.executable, "-m", "pip", "download", *options, *platform_options(python), *places], check=True
            )
    chosen(folder)


def chosen(folder: Path) -> list[Path]:
    """The wheels of the lock file. RuntimeError when there is none for one of its hashes."""
    wanted, present = _wanted_hashes(), _present(folder)
    if missing := wanted - present.keys():
        raise RuntimeError(f"no wheel has the hash {', '.join(sorted(missing))} of {REQUIREMENTS.name}")
    return sorted(present[each] for each in wanted)


def _wanted_hashes() -> set[str]:
    return set(re.findall(r"--hash=sha256:([0-9a-f]{64})", REQUIREMENTS.read_text()))


def _present(folder: Path) -> dict[str, Path]:
    """Wheels by their hash."""
    return {hashlib.sha256(wheel.read_bytes()).hexdigest(): wheel for wheel in folder.glob("*.whl")}


def unpack(wheels: list[Path], folder: Path) -> None:
    """What the wheels install, beside each other. RuntimeError for two that differ in one file.

    Those of one version for several Pythons share what is plain; the compiled parts have names of their own.
    """
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for member in _wanted(archive):
                target = folder / member.filename
                # A module is no program, whatever its first line says.
                content = re.sub(rb"\A#!.*", b"#", archive.read(member))
                if target.exists() and target.read_bytes() != content and ".dist-info/" not in member.filename:
                    raise RuntimeError(f"{wheel.name} has another {member.filename} than the wheels before it")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)


def owned(wheels: list[Path]) -> dict[str, list[str]]:
    """By the name of each distribution's folder of metadata, what else it puts beside it."""
    found: dict[str, set[str]] = {}
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            tops = {member.filename.partition("/")[0] for member in _wanted(archive)}
        [metadata] = [top for top in tops if top.endswith(".dist-info")]
        found.setdefault(metadata, set()).update(tops - {metadata})
    return {metadata: sorted(tops) for metadata, tops in sorted(found.items())}


def _wanted(archive: zipfile.ZipFile) -> Iterator[zipfile.ZipInfo]:
    """Files to install. Lists of what was installed would be wrong here; what is hidden no program needs."""
    for member in archive.infolist():
        top, _, rest = member.filename.partition("/")
        if ".." in member.filename.split("/") or member.filename.startswith("/"):
            raise RuntimeError(f"{archive.filename} would write to {member.filename}")
        if top.endswith(".data"):
            raise RuntimeError(f"{archive.filename} has a {top}, which nobody here unpacks")
        hidden = any(part.startswith(".") for part in member.filename.split("/"))
        listing = top.endswith(".dist-info") and rest in ("RECORD", "WHEEL", "REQUESTED", "INSTALLER")
        if not member.is_dir() and not listing and not hidden and not member.filename.endswith(".pyi"):
            yield member


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["fetch", where]:
            fetch(Path(where))
        case ["are-there", where]:
            sys.exit(bool(_wanted_hashes() - _present(Path(where)).keys()))
        case _:
            sys.exit("wheels.py fetch|are-there FOLDER")
