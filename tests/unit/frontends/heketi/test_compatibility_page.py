"""docs/heketi-compatibility.md leaves no route, command or parameter out, and none on it is made up."""

import re
from pathlib import Path

import pytest

from tests.support.heketi_clients.front_end import FrontEnd

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).parents[4] / "docs" / "heketi-compatibility.md"
VERDICTS = {"same", "better", "different", "refused", "added", "not there"}

# Every command of heketi-cli, and the requests that it is about (docs/heketi-wire.md, 6.3).
COMMANDS = {
    "volume create": ["POST /volumes"],
    "volume list": ["GET /volumes", "GET /volumes/{id}"],
    "volume info": ["GET /volumes/{id}"],
    "volume expand": ["POST /volumes/{id}/expand"],
    "volume delete": ["DELETE /volumes/{id}"],
    "volume clone": ["POST /volumes/{id}/clone"],
    "volume endpoint patch": ["GET /volumes/{id}"],
    "volume set-block-hosting-restriction": ["POST /volumes/{id}/block-restriction"],
    "cluster list": ["GET /clusters", "GET /clusters/{id}"],
    "cluster info": ["GET /clusters/{id}"],
    "cluster create": ["POST /clusters"],
    "cluster delete": ["DELETE /clusters/{id}"],
    "cluster setflags": ["POST /clusters/{id}/flags"],
    "node list": ["GET /clusters", "GET /clusters/{id}"],
    "node info": ["GET /nodes/{id}"],
    "node add": ["POST /nodes"],
    "node delete": ["DELETE /nodes/{id}"],
    **{f"node {state}": ["POST /nodes/{id}/state"] for state in ("enable", "disable", "remove")},
    **{f"node {change}": ["POST /nodes/{id}/tags"] for change in ("settags", "rmtags")},
    "device info": ["GET /devices/{id}"],
    "device add": ["POST /devices"],
    "device delete": ["DELETE /devices/{id}"],
    **{f"device {state}": ["POST /devices/{id}/state"] for state in ("enable", "disable", "remove")},
    **{f"device {change}": ["POST /devices/{id}/tags"] for change in ("settags", "rmtags")},
    "device resync": ["GET /devices/{id}/resync"],
    "topology info": ["GET /clusters", "GET /clusters/{id}", "GET /volumes/{id}", "GET /nodes/{id}"],
    "topology load": ["POST /clusters", "POST /nodes", "POST /devices"],
    "blockvolume list": ["GET /blockvolumes"],
    "blockvolume info": ["GET /blockvolumes/{id}"],
    "blockvolume create": ["POST /blockvolumes"],
    "blockvolume expand": ["POST /blockvolumes/{id}/expand"],
    "blockvolume delete": ["DELETE /blockvolumes/{id}"],
    "brick evict": ["POST /bricks/to-evict/{id}"],
    "server operations info": ["GET /operations", "GET /operations/pending/{id}"],
    "server operations list": ["GET /operations/pending"],
    "server operations cleanup": ["POST /operations/pending/cleanup"],
    "server mode get": ["GET /admin"],
    "server mode set": ["POST /admin"],
    "server state examine gluster": ["GET /internal/state/examine/gluster"],
    "db dump": ["GET /db/dump"],
    "db check": ["GET /db/check"],
    "loglevel get": ["GET /internal/logging"],
    "loglevel set": ["POST /internal/logging"],
    "setup-openshift-heketi-storage": ["POST /volumes", "GET /backup/db"],
}

# docs/heketi-wire.md, 7.4.
PARAMETERS = {
    *("resturl", "restuser", "restuserkey", "secretname", "secretnamespace", "restauthenabled", "clusterid"),
    *("gidmin", "gidmax", "volumetype", "volumeoptions", "volumenameprefix", "snapfactor", "customepnameprefix"),
}
_ROUTE = re.compile(r"((?:[A-Z]+, )*[A-Z]+ )?(/[^\s,|]*)")


def rows(heading: str) -> list[tuple[str, str]]:
    """First cell and verdict of each row of the table under that heading."""
    table = PAGE.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    cells = [[cell.strip() for cell in row.split("|")[1:]] for row in table.splitlines() if row.startswith("|")]
    return [(row[0], row[1]) for row in cells[2:]]


def on_the_page() -> dict[tuple[str, str], str]:
    """The verdict on every route, by method and path; a path without methods has those before it."""
    found: dict[tuple[str, str], str] = {}
    for cell, verdict in rows("Routes"):
        methods: list[str] = []
        for named, path in _ROUTE.findall(cell):
            methods = named.strip().split(", ") if named else methods
            found |= {(method, _any_id(path)): verdict for method in methods}
    return found


def commands_on_the_page() -> dict[str, str]:
    """The verdict on every command; words behind a comma stand for the last one before it."""
    found: dict[str, str] = {}
    for cell, verdict in rows("heketi-cli"):
        first, *others = cell.split(", ")
        before = first.rpartition(" ")[0]
        found |= {command.strip(): verdict for command in (first, *(f"{before} {other}" for other in others))}
    return found


async def served() -> set[tuple[str, str]]:
    document = (await FrontEnd(api_docs=True).ask("GET", "/openapi.json", role=None)).json()
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    return {(method, _any_id(path)) for method, path in described | {("GET", "/docs"), ("GET", "/openapi.json")}}


def _any_id(path: str) -> str:
    return re.sub(r"\{\w+\}", "{id}", path)


async def test_every_route_is_on_the_page_and_every_one_there_is_served() -> None:
    assert on_the_page().keys() == await served()


def test_every_command_is_on_the_page_and_refused_where_its_routes_are() -> None:
    commands, routes = commands_on_the_page(), on_the_page()
    assert commands.keys() == COMMANDS.keys()
    for command, requests in COMMANDS.items():
        verdicts = {routes[method, path] for method, _, path in (each.partition(" ") for each in requests)}
        if any(verdict.startswith("refused") for verdict in verdicts):
            assert commands[command] == "refused", command
        elif commands[command] in ("same", "better"):
            assert verdicts <= {"same", "better"}, command


def test_every_parameter_of_a_storage_class_is_on_the_page() -> None:
    named = [name for cell, _ in rows("StorageClass parameters") for name in cell.split(", ")]
    assert sorted(named) == sorted(PARAMETERS)


@pytest.mark.parametrize("heading", ["Routes", "heketi-cli", "StorageClass parameters"])
def test_every_verdict_is_one_of_those_that_the_page_explains(heading: str) -> None:
    for cell, verdict in rows(heading):
        assert verdict.split(",")[0].removesuffix(" names") in VERDICTS, cell
