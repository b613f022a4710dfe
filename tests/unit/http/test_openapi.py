"""The description of the routes is whole and true; /docs and /openapi.json are there only when wanted."""

from typing import Any

import pytest
from fastapi.routing import APIRoute

from tests.support.heketi_clients.front_end import FrontEnd

pytestmark = pytest.mark.anyio

OWN = {"/docs", "/openapi.json"}


async def described(front: FrontEnd | None = None) -> dict[str, Any]:
    reply = await (front or FrontEnd(api_docs=True)).ask("GET", "/openapi.json", role=None)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/json")
    document: dict[str, Any] = reply.json()
    return document


def routes(front: FrontEnd) -> list[APIRoute]:
    """All routes; newer versions of FastAPI keep a router whole that is included."""
    app = front.app
    included = [route for each in app.routes for route in getattr(each, "original_router", app).routes]
    found = {id(route): route for route in (*app.routes, *included) if isinstance(route, APIRoute)}
    return list(found.values())


@pytest.mark.parametrize("path", sorted(OWN))
async def test_without_the_setting_there_is_no_such_route(path: str) -> None:
    assert (await FrontEnd().ask("GET", path, role="admin")).status_code == 404
    assert (await FrontEnd().ask("GET", path, role=None)).status_code == 401


async def test_every_route_is_described_with_what_it_takes_and_answers() -> None:
    paths = (await described())["paths"]
    served = routes(FrontEnd())
    assert paths.keys() == {route.path_format for route in served}
    for route in served:
        assert route.summary, f"{route.path} says nothing of itself: see route_facts"
        for method in route.methods or ():
            operation = paths[route.path_format][method.lower()]
            assert operation["summary"] == route.summary
            assert ("requestBody" in operation) == bool(route.openapi_extra)
            assert "HTTPValidationError" not in str(operation)


async def test_errors_are_text_and_every_reference_leads_somewhere() -> None:
    document = await described()
    for methods in document["paths"].values():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    assert list(answer["content"]) == ["text/plain"]
    schemas = document["components"]["schemas"]
    references = _references(document)
    assert references
    assert all(each.removeprefix("#/components/schemas/") in schemas for each in references)


async def test_asynchronous_answers_are_told() -> None:
    paths = (await described())["paths"]
    create, poll = paths["/volumes"]["post"]["responses"], paths["/queue/{operation_id}"]["get"]["responses"]
    assert "Location" in create["202"]["headers"]
    assert "429" in create
    assert {"200", "204", "303", "404", "500"} <= poll.keys()
    assert "X-Pending" in poll["200"]["headers"]
    assert "Location" in poll["303"]["headers"]


async def test_who_may_is_told_and_is_true() -> None:
    """The roles that the description names, tried out."""
    front = FrontEnd(api_docs=True)
    document = await described(front)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            target = path
            for parameter in operation.get("parameters", ()):
                value = "ab1d8755-907d-44c3-9b32-0de2750c8e75" if parameter["name"] == "directory" else "abc"
                target = target.replace("{" + parameter["name"] + "}", value)
            without = await front.ask(method.upper(), target, "{}", role=None)
            by_user = await front.ask(method.upper(), target, "{}", role="user")
            assert (without.status_code == 401) == ("security" in operation), target
            refused = by_user.text == "Administrator access required\n"
            assert refused == operation.get("description", "").startswith("Role: admin."), target


async def test_without_authentication_no_token_is_described() -> None:
    document = await described(FrontEnd(api_docs=True, keys=None))
    assert "securitySchemes" not in document["components"]
    assert "'security'" not in str(document["paths"])
    assert "401" not in document["paths"]["/volumes"]["get"]["responses"]


async def test_the_page_for_people_names_every_route_and_loads_nothing() -> None:
    reply = await FrontEnd(api_docs=True).ask("GET", "/docs", role=None)
    assert reply.headers["content-type"].startswith("text/html")
    for path, methods in (await described())["paths"].items():
        for method in methods:
            assert f"<code>{method.upper()} {path}</code>" in reply.text
    assert "<script" not in reply.text
    assert "://" not in reply.text


def _references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(_references, value.values()))
    return set().union(*map(_references, value)) if isinstance(value, list) else set()
