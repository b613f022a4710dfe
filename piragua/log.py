"""The log: one line on standard error for everything, as text or as JSON."""

import json
import logging
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import ClassVar

# From syslog(3): debug, info, warning, err, crit.
_JOURNAL_LEVELS = ((50, 2), (40, 3), (30, 4), (20, 6), (0, 7))


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)


class _Text(logging.Formatter):
    """A message of several lines, or with control characters, must not look like several messages."""

    def format(self, record: logging.LogRecord) -> str:
        message = "".join(each if each.isprintable() else repr(each)[1:-1] for each in record.getMessage())
        line = f"{record.levelname.lower()} {record.name}: {message}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class _Prefixed(logging.Formatter):
    """Each line begins with its level as systemd's journal takes it off again (sd-daemon(3))."""

    def __init__(self, plain: logging.Formatter) -> None:
        super().__init__()
        self._plain = plain

    def format(self, record: logging.LogRecord) -> str:
        level = next(number for least, number in _JOURNAL_LEVELS if record.levelno >= least)
        return "\n".join(f"<{level}>{line}" for line in self._plain.format(record).split("\n"))


def _is_journal(fd: int, env: Mapping[str, str]) -> bool:
    """Whether systemd has connected the descriptor to its journal (systemd.exec(5), $JOURNAL_STREAM)."""
    told = env.get("JOURNAL_STREAM", "")
    return bool(told) and told == "{0.st_dev}:{0.st_ino}".format(os.fstat(fd))


def set_up(level: str, form: str) -> None:
    """Sends all logging to standard error. level: debug, info, warning or error; form: text or json."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = _Json() if form == "json" else _Text()
    handler.setFormatter(_Prefixed(formatter) if _is_journal(2, os.environ) else formatter)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for chatty in ("asyncio", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


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
