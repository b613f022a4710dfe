"""What the README, the operations page and the unit file say, held against the code and each other."""

import configparser
import re
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from piragua.cli.main import EXIT_WRONG_SETTING
from tests.support.documents import OPERATIONS, README, block
from tests.support.instance import CHECKOUT


def test_the_unit_file_starts_it_and_lets_it_end_as_it_is_built() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(CHECKOUT / "systemd/piragua.service")
    service = unit["Service"]
    assert service["ExecStart"] == "/usr/bin/piragua serve"
    assert service["EnvironmentFile"] == "-/etc/piragua/environment"
    assert int(service["RestartPreventExitStatus"]) == EXIT_WRONG_SETTING
    assert int(service["TimeoutStopSec"]) > 60
    assert "ln -s /opt/piragua/bin/piragua /usr/bin/piragua" in README


@pytest.mark.parametrize("document", [README, OPERATIONS], ids=["README", "operations"])
def test_the_storage_class_asks_as_the_provisioner_can(document: str) -> None:
    written = block("apiVersion: v1", document)
    assert {each["kind"] for each in yaml.safe_load_all(written)} == {"Secret", "StorageClass"}
    assert "provisioner: kubernetes.io/glusterfs" in written
    assert "type: kubernetes.io/glusterfs" in written
    parameters = dict(re.findall(r"^  (\w+): (\S+)$", written.split("parameters:")[1], re.MULTILINE))
    assert parameters["restuser"] == "admin"
    secret = dict(re.findall(r"^  (name|namespace): (\S+)$", written.split("---")[0], re.MULTILINE))
    assert (parameters["secretName"], parameters["secretNamespace"]) == (secret["name"], secret["namespace"])
    assert re.match(r"https?://piragua\.example\.com:8080$", parameters["resturl"])


def test_every_file_that_is_named_is_there() -> None:
    for path in re.findall(r"\]\(([^):#]+)(?:#[^)]*)?\)", README):
        assert (CHECKOUT / path).exists(), path
    for path in re.findall(r"(?<!/)(?:lab|packaging|systemd|tests)/[\w.]+", README):
        assert (CHECKOUT / path).exists(), path


PAGES = [*CHECKOUT.glob("*.md"), *sorted((CHECKOUT / "docs").glob("*.md"))]
NAMING_WHAT_IS_THERE = [page for page in PAGES if page.name != "CHANGELOG.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for file, anchor in re.findall(r"\]\((?!https?:)([^)\s#]*)(?:#([^)\s]+))?\)", page.read_text()):
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), file
        if anchor:
            assert anchor in anchors_of(target), f"{file}#{anchor}"


@pytest.mark.parametrize("page", NAMING_WHAT_IS_THERE, ids=lambda page: page.name)
def test_every_path_that_a_page_names_is_there(page: Path) -> None:
    named = re.compile(r"(?<![\w/.~<-])(?:lab|packaging|systemd|tests|docs|piragua)/[\w./-]*\w")
    for path in named.findall(page.read_text()):
        if not path.startswith("piragua/v1"):
            assert (CHECKOUT / path).exists(), path


def anchors_of(page: Path) -> set[str]:
    """Of its headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    texts = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower() for heading in headings]
    return {re.sub(r"[^\w\- ]", "", text).replace(" ", "-") for text in texts}
