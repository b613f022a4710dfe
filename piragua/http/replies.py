"""The forms of answer Heketi has (docs/heketi-wire.md, 1.5, 5.1): text, JSON, accepted, pending, see other."""

from collections.abc import Mapping
from json import dumps

from pydantic import BaseModel
from starlette.responses import Response


def text(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    """An error: the message and a newline. Control characters become U+FFFD, lines are kept."""
    clean = "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in message)
    return Response(
        clean + "\n",
        status,
        {
            "Content-Type": "text/plain; charset=utf-8",
            "X-Content-Type-Options": "nosniff",
            **(headers or {}),
        },
    )


def json(answer: BaseModel) -> Response:
    """One line of JSON; fields that are None are left out."""
    body = answer.model_dump_json(exclude_none=True) + "\n"
    return Response(body, headers={"Content-Type": "application/json; charset=UTF-8"})


def json_map(answer: Mapping[str, str]) -> Response:
    """A map of texts, sorted by key as Go does."""
    body = dumps(dict(sorted(answer.items())), ensure_ascii=False, separators=(",", ":")) + "\n"
    return Response(body, headers={"Content-Type": "application/json; charset=UTF-8"})


def json_text(text: str) -> Response:
    """JSON that is written already; bytes of names that are no UTF-8 are replaced, as JSON cannot hold them."""
    body = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").encode()
    return Response(body + b"\n", headers={"Content-Type": "application/json; charset=UTF-8"})


def empty_json() -> Response:
    """200 and no body, which is called JSON all the same (docs/heketi-wire.md, 3.1)."""
    return Response(headers={"Content-Type": "application/json; charset=UTF-8"})


def empty(status: int) -> Response:
    """A status and nothing else."""
    return Response(status_code=status)


def accepted(operation_id: str) -> Response:
    """202: poll there. The path only; the Python client puts its host before it (docs/heketi-wire.md, 6.2)."""
    return Response(status_code=202, headers={"Location": f"/queue/{operation_id}"})


def pending() -> Response:
    """Ask again. No other answer may carry this header, whatever its value (docs/heketi-wire.md, 6.2)."""
    return Response(status_code=200, headers={"X-Pending": "true"})


def see_other(location: str) -> Response:
    """303: the result is there."""
    return _link(303, "See Other", location)


def moved(location: str, *, with_body: bool) -> Response:
    """301, as for a trailing slash; only GET gets the body."""
    if with_body:
        return _link(301, "Moved Permanently", location)
    return Response(status_code=301, headers={"Location": location})


def _link(status: int, phrase: str, location: str) -> Response:
    escaped = location.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&#34;")
    return Response(
        f'<a href="{escaped}">{phrase}</a>.\n\n',
        status,
        {"Content-Type": "text/html; charset=utf-8", "Location": location},
    )
