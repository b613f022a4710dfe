"""How an answer differs from a recorded one: status, headers, text to the byte, JSON in its shape."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from tests.gluster.conformance.recordings import Answer, ShapeDifference

_NOT_COMPARED = {"date", "connection", "content-length", "transfer-encoding"}
_PLACEHOLDER = re.compile(r"\\{(\w+)\\}")
# Objects whose keys are ids or names, so that every value has the same shape.
_MAPS = re.compile(r".*entries|tags|loglevel|options")


def faults(reply: httpx.Response, wanted: Answer, known: Mapping[str, str]) -> list[str]:
    """What differs, but for shapes of JSON; known: values of placeholders."""
    found = []
    if reply.status_code != wanted.status:
        found.append(f"status {reply.status_code}, recorded {wanted.status}")
    headers = {name: value for name, value in reply.headers.items() if name not in _NOT_COMPARED}
    recorded = {name.lower(): value for name, value in wanted.headers.items()}
    for name in sorted(headers.keys() | recorded.keys()):
        got, pattern = headers.get(name), _pattern(recorded[name], known) if name in recorded else None
        if got is None or pattern is None or not re.fullmatch(pattern, got):
            found.append(f"header {name}: {got!r}, recorded {recorded.get(name)!r}")
    if wanted.text is not None and not re.fullmatch(_pattern(wanted.text, known), reply.text):
        found.append(f"text {reply.text[:500]!r}, recorded {wanted.text!r}")
    if (
        wanted.text is None
        and wanted.json is None
        and reply.content
        and "content-disposition" not in reply.headers
    ):
        found.append(f"a body, recorded none: {reply.text[:500]!r}")
    return found


def shape_faults(reply: httpx.Response, wanted: Answer) -> list[str]:
    """Where the JSON has another shape, as `+path` (more), `-path` (fewer) or a sentence."""
    if wanted.json is None:
        return []
    if not reply.text.endswith("\n"):
        return ["no newline at the end"]
    return list(_differ(json.loads(reply.text), json.loads(wanted.json), ""))


def is_allowed(fault: str, shapes: list[ShapeDifference]) -> ShapeDifference | None:
    """The listed difference that the fault is, if any."""
    for shape in shapes:
        pattern = re.escape(shape.path).replace(r"\*", "[^.]+")
        if re.fullmatch(("[+]" if shape.more else "-") + pattern, fault):
            return shape
    return None


def _pattern(text: str, known: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name in known:
            return re.escape(known[name])
        # A recorded number of seconds below 20 is a few more where a request waits for its turn.
        return {"id": "[0-9a-f]+", "any": "(?s:.+)", "seconds": "1[0-9]"}.get(name, match[0])

    return _PLACEHOLDER.sub(value, re.escape(text))


def _differ(got: Any, recorded: Any, path: str) -> Iterator[str]:
    if recorded is None and isinstance(got, list):
        return
    if isinstance(recorded, dict) and isinstance(got, dict):
        yield from _differ_in_keys(got, recorded, path)
    elif isinstance(recorded, list) and isinstance(got, list):
        for item in got if recorded else ():
            yield from _differ(item, recorded[0], path)
    elif not _same_type(got, recorded):
        yield f"{path} is {got!r}, recorded {recorded!r}"


def _differ_in_keys(got: dict[str, Any], recorded: dict[str, Any], path: str) -> Iterator[str]:
    name = path.rpartition(".")[2]
    if _MAPS.fullmatch(name) or (name == "pendingoperations" and not recorded):
        sample = next(iter(recorded.values()), None)
        for key, value in got.items() if sample is not None else ():
            yield from _differ(value, sample, f"{path}.{key}")
        return
    for key in got.keys() - recorded.keys():
        yield f"+{path}.{key}".replace("+.", "+")
    for key in recorded.keys() - got.keys():
        yield f"-{path}.{key}".replace("-.", "-")
    both = [key for key in got if key in recorded]
    if both != [key for key in recorded if key in got]:
        yield f"{path}: the keys come in another order"
    for key in both:
        yield from _differ(got[key], recorded[key], f"{path}.{key}".lstrip("."))


def _same_type(got: Any, recorded: Any) -> bool:
    """A Go client takes an integer for a float, and never the other way round."""
    return type(got) is type(recorded) or (type(recorded) is float and type(got) is int)
