"""The query of a list: from the parameters of a URL to `volumes.listing.Query`, and cursors."""

import base64
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from piragua.config import values
from piragua.core import Key, ListedState, Query, Sort, labels
from piragua.errors import InvalidRequest

T = TypeVar("T")

LIMIT = 1000
LARGEST_LIMIT = 10_000
_LONGEST_BYTES = 1024
_ORDERS = {"asc": False, "desc": True}
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_ID = re.compile(r"[0-9a-f]{32}")


def parse(parameters: Iterable[tuple[str, str]], now: datetime | None = None) -> Query:
    """What is asked for; InvalidRequest, with one sentence, for what is no parameter, wrong, or given twice."""
    now = now or datetime.now(UTC)
    wanted: dict[str, str] = {}
    of_labels: list[tuple[str, str | None]] = []
    for name, text in parameters:
        if len(text.encode(errors="replace")) > _LONGEST_BYTES:
            raise InvalidRequest(f"{name[:80]} must not be longer than {_LONGEST_BYTES} bytes")
        if name == "label":
            of_labels.append(_label(text))
        elif name not in _NAMES:
            raise InvalidRequest(f"{name[:80]!r} is no parameter of this list")
        elif name in wanted:
            raise InvalidRequest(f"{name} can be given once only")
        else:
            wanted[name] = text
    if len(of_labels) > labels.MOST:
        raise InvalidRequest(f"label can be given {labels.MOST} times at most")

    def one(name: str, read: Callable[[str], T]) -> T | None:
        return _read(name, wanted[name], read) if name in wanted else None

    sort = one("sort", Sort) or Sort.NAME
    descending = one("order", _ORDERS.__getitem__) or False
    return Query(
        labels=tuple(of_labels),
        name=wanted.get("name"),
        created_before=one("older_than", lambda text: _ago(text, now)),
        created_after=one("newer_than", lambda text: _ago(text, now)),
        fuller_than_percent=one("fuller_than", _percent),
        state=one("state", ListedState),
        gluster_volume=wanted.get("cluster"),
        sort=sort,
        descending=descending,
        limit=one("limit", _limit) or LIMIT,
        after=one("after", lambda text: _position(text, sort, descending=descending)),
    )


def cursor(query: Query, after: Key) -> str:
    """What `after` has to be for the page that follows; good for the same sort and order."""
    data = json.dumps([query.sort.value, query.descending, *after], separators=(",", ":"))
    return base64.urlsafe_b64encode(data.encode()).decode().rstrip("=")


_ONE_OF = {
    "sort": [each.value for each in Sort],
    "order": list(_ORDERS),
    "state": [each.value for each in ListedState],
}
_DURATION = "a whole number with its unit, such as 90s, 24h or 7d"
_MEANT: Mapping[str, str] = {
    **{name: f"one of {', '.join(words)}" for name, words in _ONE_OF.items()},
    "older_than": _DURATION,
    "newer_than": _DURATION,
    "fuller_than": "a percentage of 0 or more",
    "limit": f"a whole number from 1 to {LARGEST_LIMIT}",
    "after": "what `next` said in an answer to the same sort and order",
}
_NAMES = frozenset({"name", "cluster", *_MEANT})


def _read(name: str, text: str, read: Callable[[str], T]) -> T:
    try:
        return read(text)
    except (ValueError, KeyError, OverflowError, RecursionError):
        raise InvalidRequest(f"{name} must be {_MEANT[name]}, not {text[:80]!r}") from None


def _label(text: str) -> tuple[str, str | None]:
    key, equals, value = text.partition("=")
    return labels.checked_key(key), value if equals else None


def _ago(text: str, now: datetime) -> datetime:
    return now - timedelta(seconds=values.duration_seconds(text))


def _percent(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError
    return float(text)


def _limit(text: str) -> int:
    if not re.fullmatch("[0-9]{1,5}", text) or not 1 <= int(text) <= LARGEST_LIMIT:
        raise ValueError
    return int(text)


def _position(text: str, sort: Sort, *, descending: bool) -> Key:
    found: Any = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    if not isinstance(found, list) or len(found) != 5 or found[:2] != [sort.value, descending]:
        raise ValueError
    known, value, volume_id = found[2:]
    if not isinstance(known, bool) or not isinstance(volume_id, str) or not _ID.fullmatch(volume_id):
        raise ValueError
    if isinstance(sort.least, str):
        if not isinstance(value, str):
            raise ValueError
    elif isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError
    return known, value, volume_id


def described() -> list[dict[str, Any]]:
    """The parameters as OpenAPI has them."""
    text: dict[str, Any] = {"type": "string", "maxLength": _LONGEST_BYTES}
    several = {"type": "array", "items": text, "maxItems": labels.MOST}
    schemas: dict[str, dict[str, Any]] = {
        "label": several,
        "name": text,
        "cluster": text,
        **dict.fromkeys(_MEANT, text),
        **{name: {"type": "string", "enum": words} for name, words in _ONE_OF.items()},
        "limit": {"type": "integer", "minimum": 1, "maximum": LARGEST_LIMIT, "default": LIMIT},
        "fuller_than": {"type": "number", "minimum": 0},
    }
    meant = {
        **_MEANT,
        "label": "KEY, or KEY=VALUE; all that are given must hold",
        "name": "a pattern as the shell's, in which * ? and [...] stand for others",
        "cluster": "the id of a cluster, or the name of its Gluster volume",
    }
    return [
        {"name": name, "in": "query", "required": False, "description": meant[name], "schema": schema}
        for name, schema in schemas.items()
    ]
