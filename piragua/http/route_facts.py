"""What a route takes and how it can answer, said where the route is made, for the OpenAPI description.

Each function gives arguments for a router's decorators, and begins with what the route is for:
`@router.get("/volumes", **shows("The ids of all volumes", VolumeList))`.
Errors are text; what every route can answer (bad tokens, no such id, not ready) is added in `openapi`.
"""

from collections.abc import Sequence
from typing import Any

from fastapi import Response
from pydantic import BaseModel

Facts = dict[str, Any]

_PATH: Facts = {"schema": {"type": "string", "pattern": "^/"}}

# Where `openapi` finds the model of a body that a route reads by itself.
BODY = "x-piragua-body"
# And those of a query that it reads by itself.
QUERY = "x-piragua-query"


def shows(
    summary: str,
    model: type[BaseModel],
    *,
    body: type[BaseModel] | None = None,
    query: Sequence[Facts] = (),
) -> Facts:
    """200 and JSON. query: its parameters, as OpenAPI has them."""
    facts = _facts(summary, {200: {"model": model, "description": "As asked for"}}, body)
    if query:
        facts["openapi_extra"] = {QUERY: list(query)}
        facts["responses"][400] = text("A parameter that is unknown, or wrong: the text says which")
    return facts


def shows_map(summary: str, *, body: type[BaseModel]) -> Facts:
    """200 and a JSON object of texts."""
    schema = {"type": "object", "additionalProperties": {"type": "string"}}
    return _facts(summary, {200: {"description": "What is set now", **_json(schema)}}, body)


def shows_object(summary: str) -> Facts:
    """200 and a JSON object whose keys are ids and names."""
    return _facts(summary, {200: {"description": "As asked for", **_json({"type": "object"})}})


def shows_text(summary: str, *, or_else: dict[int, str] | None = None) -> Facts:
    """200 and text; or_else: other statuses with text, and what they mean."""
    texts = {200: "As asked for", **(or_else or {})}
    return _facts(summary, {status: text(meaning) for status, meaning in texts.items()})


def downloads(summary: str) -> Facts:
    """200 and a file."""
    content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    return _facts(summary, {200: {"description": "The file", "content": content}})


def starts(summary: str, *, body: type[BaseModel] | None = None) -> Facts:
    """202: it goes on in the background, and `Location` is the path to poll."""
    accepted = {
        "description": "Begun: poll the path in Location until the answer has no X-Pending",
        "headers": {"Location": {"required": True, **_PATH}},
    }
    busy = text("Too many operations wait or run: ask again")
    refused = text("No room, a name that is taken, or a volume in use: the text says which")
    return _facts(summary, {202: accepted, 429: busy, 500: refused}, body)


def ends(summary: str) -> Facts:
    """How an operation stands."""
    pending = {
        "description": "With X-Pending: not over, ask again",
        "headers": {"X-Pending": {"required": True, "schema": {"type": "string", "const": "true"}}},
    }
    done = {
        "description": "Done: the result is at Location",
        "headers": {"Location": {"required": True, **_PATH}},
        "content": {"text/html": {"schema": {"type": "string"}}},
    }
    failed = text("It failed: the text says why")
    answers: dict[int, Facts] = {200: pending, 204: {"description": "Done"}, 303: done, 500: failed}
    return _facts(summary, answers)


def sets(summary: str, status: int, *, body: type[BaseModel] | None = None) -> Facts:
    """Done when the answer comes, and nothing to show."""
    return _facts(summary, {status: {"description": "Done"}}, body)


def refuses(
    summary: str, *statuses: int, body: type[BaseModel] | None = None, body_optional: bool = False
) -> Facts:
    """Never done; the text says what to do instead."""
    answers = {status: text("Refused: the text says what to do instead") for status in statuses}
    return _facts(summary, answers, body, body_optional=body_optional)


def text(description: str) -> Facts:
    """An answer of plain text."""
    return {"description": description, "content": {"text/plain": {"schema": {"type": "string"}}}}


def _json(schema: Facts) -> Facts:
    return {"content": {"application/json": {"schema": schema}}}


def _facts(
    summary: str, answers: dict[int, Facts], body: type[BaseModel] | None = None, *, body_optional: bool = False
) -> Facts:
    return {
        "summary": summary,
        "responses": dict(answers),
        "status_code": min(answers),
        "response_class": Response,
        "openapi_extra": None if body is None else {BODY: (body, not body_optional)},
    }
