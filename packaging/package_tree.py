"""What both packages hold, and their changelogs; packaging/build runs it.

package_tree.py version | tree FOLDER WHEELS | debian-changelog | rpm-changelog
"""

import gzip
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import NamedTuple

import wheels

CHECKOUT = Path(__file__).parent.parent
PACKAGING = CHECKOUT / "packaging"
MAINTAINER = "Piragua maintainers <maintainers@piragua.invalid>"
PRIVATE = "usr/lib/piragua"
_CLASSIFIERS = {"MIT License": "MIT", "Apache Software License": "Apache-2.0"}
"""Of those that name one licence: some older distributions say it in no other way."""
_COMPLETIONS = {
    "bash": ("usr/share/bash-completion/completions/piragua",),
    # Of Debian, and of EL.
    "zsh": ("usr/share/zsh/vendor-completions/_piragua", "usr/share/zsh/site-functions/_piragua"),
}
_COMMON_APACHE = """\
The text is in /usr/share/doc/piragua/LICENSE-APACHE, and on Debian in
/usr/share/common-licenses/Apache-2.0."""


class Release(NamedTuple):
    """A section of CHANGELOG.md. changes: a line of text each."""

    version: str
    date: datetime
    changes: list[str]


def version() -> str:
    """The version, from the one place that has it."""
    found = re.search('^__version__ = "([^"]+)"$', (CHECKOUT / "piragua/__init__.py").read_text(), re.MULTILINE)
    if found is None:
        raise SystemExit("piragua/__init__.py has no __version__")
    return found[1]


def built() -> datetime:
    """The time that everything in the packages bears."""
    return datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), UTC)


def releases() -> Iterator[Release]:
    """All sections of CHANGELOG.md, the newest first; one without a date is of now."""
    text = (CHECKOUT / "CHANGELOG.md").read_text()
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        head, _, body = section.partition("\n")
        found = re.match(r"\[(\d[^]]*)](?: - (\S+))?", head)
        if found is not None:
            date = datetime.fromisoformat(found[2]).replace(tzinfo=UTC) if found[2] else built()
            items = re.findall(r"^- (.*(?:\n  .*)*)", body, re.MULTILINE)
            yield Release(found[1], date, [" ".join(item.split()) for item in items])


def debian_changelog() -> str:
    """CHANGELOG.md in Debian's form."""
    return "\n".join(
        f"piragua ({each.version}) stable; urgency=medium\n\n"
        + "".join(f"  * {_wrapped(change, '    ')}\n" for change in each.changes)
        + f"\n -- {MAINTAINER}  {format_datetime(each.date)}\n"
        for each in releases()
    )


def rpm_changelog() -> str:
    """CHANGELOG.md in the form of a spec file, where % is doubled."""
    return "\n%changelog\n" + "\n".join(
        f"* {each.date:%a %b %d %Y} {MAINTAINER} - {each.version}-1\n"
        + "".join(f"- {_wrapped(change, '  ')}\n" for change in each.changes).replace("%", "%%")
        for each in releases()
    )


def _wrapped(text: str, indentation: str) -> str:
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + len(word) > 74:
            lines.append(line)
            line = ""
        line = f"{line} {word}" if line else word
    return f"\n{indentation}".join([*lines, line])


def make_tree(root: Path, wheel_folder: Path) -> None:
    """All files, as they are installed, but for the unit, whose place the distributions do not share."""
    if next(releases()).version != version():
        raise SystemExit(f"CHANGELOG.md does not begin with version {version()}")
    private, doc = root / PRIVATE, root / "usr/share/doc/piragua"
    chosen = wheels.chosen(wheel_folder)
    wheels.unpack(chosen, private)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(CHECKOUT / "piragua", private / "piragua", ignore=ignored)
    (private / "__main__.py").write_text('from piragua.cli.main import main\n\nmain(prog_name="piragua")\n')
    _copy(PACKAGING / "python", private / "python")
    _copy(PACKAGING / "launcher", root / "usr/bin/piragua")
    (root / "usr/sbin").mkdir()
    (root / "usr/sbin/piragua").symlink_to("../bin/piragua")
    _copy(CHECKOUT / "environment.example", root / "usr/share/piragua/environment")
    shutil.copytree(PACKAGING / "monitoring", root / "usr/share/piragua/monitoring")
    (root / "etc/piragua").mkdir(parents=True)
    for name in ("README.md", "LICENSE-APACHE", "LICENSE-GPL"):
        _copy(CHECKOUT / name, doc / name)
    shutil.copytree(CHECKOUT / "docs", doc / "docs")
    _write_gzip(doc / "CHANGELOG.md.gz", (CHECKOUT / "CHANGELOG.md").read_text())
    (doc / "copyright").write_text(copyright_text(private, wheels.owned(chosen)))
    for name in ("piragua.8", "piragua-environment.5"):
        # A Python that sees only what is packaged: what is missing there shows here.
        page = subprocess.run(
            ["/usr/bin/python3", "-I", "-S", "-B", str(PACKAGING / "manual.py"), str(private), name],
            check=True,
            capture_output=True,
            text=True,
        )
        _write_gzip(root / f"usr/share/man/man{name[-1]}/{name}.gz", page.stdout)
    for shell, places in _COMPLETIONS.items():
        script = subprocess.run(
            ["/usr/bin/python3", "-I", "-S", "-B", str(private), "completion", shell],
            check=True,
            capture_output=True,
            text=True,
        )
        for place in places:
            (root / place).parent.mkdir(parents=True)
            (root / place).write_text(script.stdout)
    _settle(root)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)


def _write_gzip(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as zipped:
        zipped.write(text.encode())


def _settle(root: Path) -> None:
    """Times and modes that depend on nothing here."""
    seconds = int(os.environ["SOURCE_DATE_EPOCH"])
    for path in [root, *root.rglob("*")]:
        if not path.is_symlink():
            executable = path.is_dir() or path.name in ("piragua", "python")
            path.chmod(0o755 if executable else 0o644)
        os.utime(path, (seconds, seconds), follow_symlinks=False)


def copyright_text(private: Path, owned: Mapping[str, Sequence[str]]) -> str:
    """Whose all of it is, with the licence text of each dependency, in Debian's machine-readable form.

    owned: see `wheels.owned`. SystemExit when a licence is unknown or missing in the spec file.
    """
    parts = [
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
        "Upstream-Name: piragua\n"
        "Source: https://github.com/gluster/piragua\n",
        "Files: *\n"
        "Copyright: the authors of Piragua\n"
        "License: Apache-2.0 or GPL-2\n"
        " The texts are in /usr/share/doc/piragua/LICENSE-APACHE and LICENSE-GPL, and on Debian in\n"
        " /usr/share/common-licenses/Apache-2.0 and /usr/share/common-licenses/GPL-2.\n",
    ]
    for metadata, files in owned.items():
        parts.append(_paragraph(private / metadata, files))
    return "\n".join(parts)


def _paragraph(info: Path, files: Sequence[str]) -> str:
    name = info.name.partition("-")[0]
    licence = _licence(info)
    texts = sorted(each for each in [*info.glob("LICEN[CS]E*"), *info.glob("licenses/**/*")] if each.is_file())
    if not texts:
        raise SystemExit(f"{info.name} has no licence text")
    patterns = " ".join(
        f"{PRIVATE}/{each}" + ("/*" if (info.parent / each).is_dir() else "") for each in [*files, info.name]
    )
    said = [each.read_text() for each in texts]
    full = "\n".join(_COMMON_APACHE if "Apache License\n" in each else each for each in said)
    lines = [line.strip(" #*") for each in said for line in each.splitlines()]
    owners = sorted({line for line in lines if re.match(r"copyright \D*\d{4}", line, re.IGNORECASE)})
    owner = "\n ".join(owners) or f"the authors of {name}"
    # Two of one name may differ in their owners, so each has a name of its own.
    short = f"{licence}-{name}".replace(" ", "-")
    body = "\n".join(f" {line}" if line.strip() else " ." for line in full.splitlines())
    return f"Files: {patterns}\nCopyright: {owner}\nLicense: {short}\n{body}\n"


def _licence(info: Path) -> str:
    """What the distribution says its licence is, which the spec file has to say too."""
    metadata = (info / "METADATA").read_text()
    found = re.search("^License(?:-Expression)?: (.+)$", metadata, re.MULTILINE)
    classified = re.search("^Classifier: License :: OSI Approved :: (.+)$", metadata, re.MULTILINE)
    licence = found[1] if found else _CLASSIFIERS.get(classified[1] if classified else "")
    if licence is None:
        raise SystemExit(f"{info.name} does not say its licence")
    told = re.search("^License: .+$", (PACKAGING / "rpm/piragua.spec").read_text(), re.MULTILINE)
    known = re.findall(r"[^() ]+", told[0] if told else "")
    for each in re.findall(r"[^() ]+", licence):
        if each not in (*known, "AND", "OR"):
            raise SystemExit(f"packaging/rpm/piragua.spec does not name {each}, the licence of {info.name}")
    return licence


def main() -> None:
    """Does what the first argument says."""
    match sys.argv[1:]:
        case ["version"]:
            print(version())
        case ["tree", folder, wheel_folder]:
            make_tree(Path(folder), Path(wheel_folder))
        case ["debian-changelog"]:
            print(debian_changelog(), end="")
        case ["rpm-changelog"]:
            print(rpm_changelog(), end="")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
