"""A warning that comes again and again is written once, then with a count now and then, and when it is over.

The same means the same cause (`extra={"cause": ...}`), or the same words where none is given. Audit lines,
requests and tracebacks are no repetitions.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

import anyio

_QUIET_SECONDS = 60.0
_TOLD_AGAIN_SECONDS = 600.0
_MOST_CAUSES = 500


class _Seen:
    def __init__(self, record: logging.LogRecord, now_seconds: float) -> None:
        self.logger = record.name
        self.words = record.getMessage()
        self.first_seconds = self.last_seconds = self.told_seconds = now_seconds
        self.kept_back = 0


class Deduplication(logging.Filter):
    """A filter for a handler. handle: writes a record there. now_seconds: a clock that never goes back."""

    def __init__(
        self,
        handle: Callable[[logging.LogRecord], object],
        *,
        now_seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._handle = handle
        self._now_seconds = now_seconds
        self._seen: OrderedDict[str, _Seen] = OrderedDict()
        self._guard = Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be written now."""
        if record.levelno < logging.WARNING or record.exc_info:
            return True
        cause = str(getattr(record, "cause", "") or f"{record.name} {record.levelno}: {record.getMessage()}")
        with self._guard:
            return self._is_news(record, cause, self._now_seconds())

    def _is_news(self, record: logging.LogRecord, cause: str, now_seconds: float) -> bool:
        seen = self._seen.get(cause)
        if seen is None or now_seconds - seen.last_seconds > _QUIET_SECONDS:
            self._seen[cause] = _Seen(record, now_seconds)
            self._seen.move_to_end(cause)
            if len(self._seen) > _MOST_CAUSES:
                self._seen.popitem(last=False)
            return True
        seen.last_seconds = now_seconds
        if now_seconds - seen.told_seconds < _TOLD_AGAIN_SECONDS:
            seen.kept_back += 1
            return False
        record.msg, record.args = "%s (and %d times more before)", (record.getMessage(), seen.kept_back)
        seen.told_seconds, seen.kept_back = now_seconds, 0
        return True

    async def keep(self) -> None:
        """Says what is over; never returns."""
        while True:
            await anyio.sleep(5)
            self.say_what_is_over()

    def say_what_is_over(self) -> None:
        """Writes a line for each repetition that has not come for a while."""
        now_seconds = self._now_seconds()
        with self._guard:
            over = {
                cause: seen
                for cause, seen in self._seen.items()
                if now_seconds - seen.last_seconds > _QUIET_SECONDS
            }
            for cause in over:
                del self._seen[cause]
        for seen in over.values():
            if seen.kept_back:
                lasted_seconds = seen.last_seconds - seen.first_seconds
                words = "over, after %.0f s and %d times more: %s"
                arguments = (lasted_seconds, seen.kept_back, seen.words)
                self._handle(logging.LogRecord(seen.logger, logging.INFO, "", 0, words, arguments, exc_info=None))
