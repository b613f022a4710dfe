"""The OpenAPI description of the routes, made from the routes."""

import re
from collections.abc import Iterable, Iterator
from copy import copy
from typing import Any

from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from piragua import __version__
from piragua.http.path_space import May
from piragua.http.route_facts import BODY, QUERY, text
from piragua.http.route_marks import Mark, marks_of

Json = dict[str, Any]

_SCHEMES = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": (
            "A JSON Web Token, signed with HMAC-SHA-256 (384, 512) and the key of the role in `iss` (`admin` or"
            " `user`). Claims: `iss`, `exp`, `iat`, and `qsh`, the SHA-256 in hex of the method, `&` and the"
            " path without its query: a token is good for one method and path."
        ),
    }
}
_ALWAYS = {
    "500": text("A defect: the log of the server that answered says more"),
    "503": text(
        "Gluster or its mount does not answer, or changes are switched off for maintenance: ask again later"
    ),
}
_WITH_ID = {"404": text("No such id, or none that an id can be")}
_WITH_BODY = {
    "400": text("The body asks for something that cannot be"),
    "408": text("The body did not come in time"),
    "413": text("The body is too long"),
    "422": text("The body is not the JSON that is expected"),
}
_WITH_TOKEN = {
    "400": text("What the text says"),
    "401": text("No token, a wrong one, or the role may not do this"),
}


def description(routes: Iterable[APIRoute], *, may: May, with_tokens: bool, about: str) -> Json:
    """The description. may: who may do what. with_tokens False: no path needs one. about: what it all is."""
    found = list(routes)
    document = get_openapi(
        title="Piragua",
        version=__version__,
        description=about,
        routes=[_without_body(route) for route in found],
        separate_input_output_schemas=False,
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for fastapis_own in ("HTTPValidationError", "ValidationError"):
        schemas.pop(fastapis_own, None)
    schemas.update(_schemas([body[0] for body in map(_body, found) if body is not None]))
    if with_tokens:
        document["components"]["securitySchemes"] = _SCHEMES
    for route, method, operation in _operations(found, document):
        needs_token = with_tokens and Mark.WITHOUT_TOKEN not in marks_of(route.endpoint)
        _complete(operation, route, method, may, token=needs_token)
    return document


def _body(route: APIRoute) -> tuple[type[BaseModel], bool] | None:
    """The model of the body that the route reads by itself, and whether there has to be one."""
    return (route.openapi_extra or {}).get(BODY)


def _without_body(route: APIRoute) -> APIRoute:
    """FastAPI cannot write a model that it knows nothing of."""
    bare = copy(route)
    bare.openapi_extra = None
    return bare


def _schemas(models: list[type[BaseModel]]) -> Json:
    wanted = [(model, "validation") for model in dict.fromkeys(models)]
    _, schemas = models_json_schema(wanted, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    definitions: Json = schemas.get("$defs", {})
    return definitions


def _operations(routes: list[APIRoute], document: Json) -> Iterator[tuple[APIRoute, str, Json]]:
    for route in routes:
        for method in sorted(route.methods or ()):
            yield route, method, document["paths"][route.path_format][method.lower()]


def _complete(operation: Json, route: APIRoute, method: str, may: May, *, token: bool) -> None:
    """Adds what is the same for many routes, and takes away what FastAPI supposes."""
    answers = operation["responses"]
    answers.pop("422", None)
    body = _body(route)
    if body is not None:
        model, required = body
        schema = {"$ref": f"#/components/schemas/{model.__name__}"}
        operation["requestBody"] = {"required": required, "content": {"application/json": {"schema": schema}}}
    of_path = operation.get("parameters", ())
    for parameter in of_path:
        pattern = route.param_convertors[parameter["name"]].regex
        parameter["schema"] = {"type": "string", "pattern": f"^(?:{pattern})$"}
    shared = _ALWAYS | (_WITH_BODY if body else {}) | (_WITH_ID if of_path else {})
    of_query = (route.openapi_extra or {}).get(QUERY)
    if of_query:
        operation["parameters"] = [*of_path, *of_query]
    if token:
        operation["security"] = [{"token": []}]
        shared = _WITH_TOKEN | shared
        role = "user" if may("user", method, re.sub(r"\{[^}]*\}", "id", route.path)) else "admin"
        operation["description"] = f"Role: {role}. {operation.get('description', '')}".strip()
    for status, answer in shared.items():
        answers.setdefault(status, answer)
    operation["responses"] = dict(sorted(answers.items()))
