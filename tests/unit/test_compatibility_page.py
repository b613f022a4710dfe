"""docs/heketi-compatibility.md leaves no route out, and none on it is made up."""

import re
from pathlib import Path

import pytest

from tests.heketi_clients.front_end import FrontEnd

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).parents[2] / "docs" / "heketi-compatibility.md"
_ROUTE = re.compile(r"((?:[A-Z]+, )*[A-Z]+ )?(/[^\s,|]*)")


def on_the_page() -> set[tuple[str, str]]:
    """Method and path of every route in the table; a path without methods has those before it."""
    table = PAGE.read_text().partition("## Routes")[2].partition("\n## ")[0]
    found = set()
    for row in table.splitlines():
        methods: list[str] = []
        for named, path in _ROUTE.findall(row.split("|")[1] if row.startswith("|") else ""):
            methods = named.strip().split(", ") if named else methods
            found |= {(method, _any_id(path)) for method in methods}
    return found


async def served() -> set[tuple[str, str]]:
    document = (await FrontEnd(api_docs=True).ask("GET", "/openapi.json", role=None)).json()
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    return {(method, _any_id(path)) for method, path in described | {("GET", "/docs"), ("GET", "/openapi.json")}}


def _any_id(path: str) -> str:
    return re.sub(r"\{\w+\}", "{id}", path)


async def test_every_route_is_on_the_page_and_every_one_there_is_served() -> None:
    assert on_the_page() == await served()
