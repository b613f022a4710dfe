"""The log: one line on standard error for everything, as text or as JSON.

A line has fields besides its words: those that it was written with (`extra={"fields": ...}`), and which request
it was written for. In a text they stand before the words, so that nobody's name can pass for one.
"""

import base64
import json
import logging
import os
import re
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import ClassVar

from piragua.log.deduplication import Deduplication
from piragua.log.request_context import current_request

# From syslog(3): debug, info, warning, err, crit.
_JOURNAL_LEVELS = ((50, 2), (40, 3), (30, 4), (20, 6), (0, 7))
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9_./:@*+-]+")
_TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]*)*")
_SHORTEST_SECRET = 6
"""A key of a few letters would take every word apart that has them."""

_MOST_CHARACTERS = 500


class _Secrets:
    """What never gets into a line, wherever somebody has put it: keys, and what looks like a token."""

    def __init__(self, keys: Iterable[str]) -> None:
        long_enough = [key for key in keys if len(key) >= _SHORTEST_SECRET]
        forms = {form for key in long_enough for form in _written(key)}
        self._forms = sorted(forms, key=len, reverse=True)

    def hidden(self, text: str) -> str:
        """The text without them."""
        if "eyJ" in text:
            text = _TOKEN.sub("(token)", text)
        for form in self._forms:
            if form in text:
                text = text.replace(form, "(key)")
        return text

    def fields_of(self, record: logging.LogRecord) -> dict[str, object]:
        """Its own, or those of the request that it was written for; texts with a bound."""
        own: Mapping[str, object] = getattr(record, "fields", {})
        context = current_request.get()
        if not own and context is not None:
            own = {"request": context.id, **({"operation": context.operation_id} if context.operation_id else {})}
        return {
            name: self.hidden(value)[:_MOST_CHARACTERS] if isinstance(value, str) else value
            for name, value in own.items()
        }


class _Json(logging.Formatter):
    def __init__(self, secrets: _Secrets) -> None:
        super().__init__()
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self._secrets.fields_of(record),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return self._secrets.hidden(json.dumps(fields))


class _Text(logging.Formatter):
    """A message of several lines, or with control characters, must not look like several messages.

    with_time: each line begins with it. The journal has a time of its own.
    """

    def __init__(self, secrets: _Secrets, *, with_time: bool) -> None:
        super().__init__()
        self._secrets = secrets
        self._with_time = with_time

    def format(self, record: logging.LogRecord) -> str:
        message = _printable(record.getMessage())
        fields = "".join(f" {name}={_quoted(value)}" for name, value in self._secrets.fields_of(record).items())
        time = f"{_time(record)} " if self._with_time else ""
        line = f"{time}{record.levelname.lower()} {record.name}{fields}: {message}"
        if record.exc_info:
            # Further lines stand apart: an error's text can have anything in it.
            lines = self.formatException(record.exc_info).split("\n")
            line = "\n    ".join([line, *map(_printable, lines)])
        return self._secrets.hidden(line)


class _Prefixed(logging.Formatter):
    """Each line begins with its level as systemd's journal takes it off again (sd-daemon(3))."""

    def __init__(self, plain: logging.Formatter) -> None:
        super().__init__()
        self._plain = plain

    def format(self, record: logging.LogRecord) -> str:
        level = next(number for least, number in _JOURNAL_LEVELS if record.levelno >= least)
        return "\n".join(f"<{level}>{line}" for line in self._plain.format(record).split("\n"))


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _written(key: str) -> tuple[str, ...]:
    """The ways in which a line can have it."""
    in_base64 = base64.b64encode(key.encode(errors="surrogateescape")).decode()
    return key, json.dumps(key)[1:-1], repr(key)[1:-1], in_base64


def _quoted(value: object) -> str:
    """As it is where nothing can be misread, else as a JSON string of ASCII."""
    text = str(value)
    return text if _PLAIN_VALUE.fullmatch(text) else json.dumps(text)


def _is_journal(fd: int, env: Mapping[str, str]) -> bool:
    """Whether systemd has connected the descriptor to its journal (systemd.exec(5), $JOURNAL_STREAM)."""
    told = env.get("JOURNAL_STREAM", "")
    return bool(told) and told == "{0.st_dev}:{0.st_ino}".format(os.fstat(fd))


def set_up(level: str, form: str, *, secrets: Iterable[str] = (), with_time: bool = False) -> Deduplication:
    """Sends all logging to standard error, and gives what keeps repetitions out of it.

    level: debug, info, warning or error; form: text or json. secrets: keys, which never get into it. with_time: a
    text's lines begin with the time where no journal has one.
    """
    in_journal = _is_journal(2, os.environ)
    handler = logging.StreamHandler(sys.stderr)
    hiding = _Secrets(secrets)
    formatter = _Json(hiding) if form == "json" else _Text(hiding, with_time=with_time and not in_journal)
    handler.setFormatter(_Prefixed(formatter) if in_journal else formatter)
    deduplication = Deduplication(handler.handle)
    handler.addFilter(deduplication)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for chatty in ("asyncio", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.getLogger("piragua.audit").setLevel(logging.INFO)
    return deduplication


class LogLevel:
    """How much Piragua says, in this process. The levels are Heketi's, from `none` to `debug`."""

    LEVELS: ClassVar[Mapping[str, int]] = {
        "none": logging.CRITICAL + 10,
        "critical": logging.CRITICAL,
        "error": logging.ERROR,
        "warning": logging.WARNING,
        "info": logging.INFO,
        "debug": logging.DEBUG,
    }

    def __init__(self, logger: str = "piragua") -> None:
        self._logger = logging.getLogger(logger)

    def get(self) -> str:
        """The level; the nearest one that says as much."""
        now = self._logger.getEffectiveLevel()
        return next(name for name, level in self.LEVELS.items() if level <= max(now, logging.DEBUG))

    def set(self, level: str) -> None:
        """That level from now on. KeyError for what is none."""
        self._logger.setLevel(self.LEVELS[level])
