"""/openapi.json and /docs: what the routes are, for programs and for people."""

from collections.abc import Callable
from html import escape
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse, JSONResponse

from piragua.http.route_marks import without_token

Json = dict[str, Any]

_STYLE = "body{font:16px sans-serif;max-width:60em;margin:2em auto}td,th{text-align:left;padding:.2em 1em .2em 0}"


def docs_router(describe: Callable[[], Json]) -> APIRouter:
    """Both routes are asked for without a token. The page loads nothing from elsewhere."""
    router = APIRouter(include_in_schema=False)

    @router.get("/openapi.json")
    @without_token
    async def openapi() -> Response:
        return JSONResponse(describe())

    @router.get("/docs")
    @without_token
    async def docs() -> Response:
        return HTMLResponse(_page(describe()))

    return router


def _page(document: Json) -> str:
    info = document["info"]
    title = f"{escape(info['title'])} {escape(info['version'])}"
    operations = "".join(
        _operation(method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"<h1>{title}</h1><p>{escape(info['description'])}</p>"
        f'<p>For programs: <a href="/openapi.json">openapi.json</a></p>{operations}</html>\n'
    )


def _operation(method: str, path: str, operation: Json) -> str:
    rows = "".join(
        f"<tr><td>{escape(status)}</td><td>{escape(answer['description'])}</td></tr>"
        for status, answer in operation["responses"].items()
    )
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    model = body.get("$ref", "").rpartition("/")[2]
    return (
        f"<h2><code>{method.upper()} {escape(path)}</code></h2>"
        f"<p>{escape(operation.get('description', ''))}</p>"
        f"{f'<p>Body: <code>{escape(model)}</code></p>' if model else ''}<table>{rows}</table>"
    )
