"""The recordings and the allowed differences, as they stand in the files."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
_MIB = 2**20
_ERROR = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}
_JSON = {"Content-Type": "application/json; charset=UTF-8"}


@dataclass(frozen=True)
class Answer:
    """text and json None: that kind of body is not compared; both: there is no body (or it is not compared)."""

    status: int
    headers: dict[str, str]
    text: str | None = None
    json: str | None = None

    @classmethod
    def of(cls, fields: dict[str, Any]) -> "Answer":
        text, json = fields.get("text"), fields.get("json")
        usual = _ERROR if text is not None else _JSON if json is not None else {}
        return cls(fields["status"], fields.get("headers", usual), text, json)


@dataclass(frozen=True)
class Recording:
    """A request and Heketi's answers to it."""

    file: str
    item: str
    title: str
    method: str
    target: str
    answer: Answer
    token: str | dict[str, Any] = "admin"
    body: bytes | None = None
    content_type: str = "application/json"
    more_headers: dict[str, str] = field(default_factory=dict)
    before: tuple[tuple[str, str], ...] = ()
    end: Answer | None = None
    result: Answer | None = None

    @classmethod
    def of(cls, file: str, fields: dict[str, Any]) -> "Recording":
        method, target = fields["request"].split(" ", 1)
        return cls(
            file=file,
            item=fields["item"],
            title=fields["title"],
            method=method,
            target=target,
            answer=Answer.of(fields),
            token=fields.get("token", "admin"),
            body=_body(fields),
            content_type=fields.get("content_type", "application/json"),
            more_headers={name: _long(value) for name, value in fields.get("more_headers", {}).items()},
            before=tuple((request, body) for request, body in fields.get("before", ())),
            end=Answer.of(fields["end"]) if "end" in fields else None,
            result=Answer.of(fields["result"]) if "result" in fields else None,
        )


@dataclass(frozen=True)
class Difference:
    """Where and why Piragua answers otherwise. changes: the fields of the answer (`answer`, `end`, `result`)."""

    items: tuple[str, ...]
    why: str
    changes: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class ShapeDifference:
    """A key that Piragua has and Heketi has not (`more`), or the other way round. path: with `*` for any key."""

    path: str
    more: bool
    why: str


def recordings() -> list[Recording]:
    """All of them, in the order of the files."""
    files = sorted((HERE / "recordings").glob("*.toml"), key=lambda file: int(file.name.split("_")[0]))
    return [Recording.of(file.stem, fields) for file in files for fields in _tables(file, "recording")]


def differences() -> list[Difference]:
    """What may differ, as listed."""
    return [
        Difference(
            tuple(fields["items"]),
            fields["why"],
            {part: fields[part] for part in ("answer", "end", "result") if part in fields},
        )
        for fields in _tables(HERE / "differences.toml", "difference")
    ]


def shape_differences() -> list[ShapeDifference]:
    """Which keys of JSON may differ, as listed."""
    return [
        ShapeDifference(path, kind == "more", fields["why"])
        for fields in _tables(HERE / "differences.toml", "shape")
        for kind in ("more", "fewer")
        for path in fields.get(kind, ())
    ]


def allowed(recording: Recording, found: list[Difference]) -> Recording:
    """The recording with Piragua's own answer where it is listed as different."""
    changes: dict[str, Any] = {}
    for difference in found:
        if recording.item in difference.items:
            for part, fields in difference.changes.items():
                changes[part] = Answer.of(fields)
    if changes.get("answer", recording.answer).status != 202:
        changes |= {"end": None, "result": None}
    elif recording.answer.status != 202:
        changes.setdefault("end", None)
    return Recording(**{**recording.__dict__, **changes})


def _tables(file: Path, name: str) -> Iterator[dict[str, Any]]:
    yield from tomllib.loads(file.read_text())[name]


def _body(fields: dict[str, Any]) -> bytes | None:
    if "body_hex" in fields:
        return bytes.fromhex(fields["body_hex"])
    if "body" not in fields:
        return None
    return _long(fields["body"]).encode() + b" " * int(fields.get("blanks_behind", 0))


def _long(text: str) -> str:
    return re.sub(r"\{MiB\}", "x" * _MIB, text)
