"""What is said again and again in the log."""

import logging
from dataclasses import dataclass, field

import pytest

from piragua.log.deduplication import Deduplication


@dataclass
class Log:
    """A logger of its own, with what it wrote and a clock that the test moves."""

    now_seconds: float = 0
    written: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.logger = logging.Logger("piragua.part", logging.DEBUG)
        handler = logging.Handler()
        handler.emit = lambda record: self.written.append(record.getMessage())  # type: ignore[method-assign]
        self.deduplication = Deduplication(handler.handle, now_seconds=lambda: self.now_seconds)
        handler.addFilter(self.deduplication)
        self.logger.addHandler(handler)

    def warn(self, words: str, cause: str = "") -> None:
        self.logger.warning("%s", words, extra={"cause": cause} if cause else None)


@pytest.fixture
def log() -> Log:
    return Log()


def test_a_warning_that_is_repeated_is_written_once_and_so_is_its_end(log: Log) -> None:
    for second in range(30):
        log.now_seconds = second
        log.warn("the brick is away")
    assert log.written == ["the brick is away"]
    log.now_seconds = 89
    log.deduplication.say_what_is_over()
    assert len(log.written) == 1, "it may still come again"
    log.now_seconds = 90
    log.deduplication.say_what_is_over()
    log.deduplication.say_what_is_over()
    assert log.written[1:] == ["over, after 29 s and 29 times more: the brick is away"]
    log.warn("the brick is away")
    assert log.written[2:] == ["the brick is away"], "it is news again"


def test_what_came_once_has_no_end(log: Log) -> None:
    log.warn("the brick is away")
    log.now_seconds = 1000
    log.deduplication.say_what_is_over()
    assert log.written == ["the brick is away"]


def test_what_lasts_is_told_now_and_then_with_a_count(log: Log) -> None:
    for second in range(0, 1210, 10):
        log.now_seconds = second
        log.warn("the brick is away")
    again = "the brick is away (and 59 times more before)"
    assert log.written == ["the brick is away", again, again]


def test_one_cause_of_many_is_told_once_and_different_words_are_all_told(log: Log) -> None:
    for number in range(5):
        log.warn(f"GET /volumes/{number}: glusterd is away", cause="glusterd is away")
        log.warn(f"volume {number} is left alone")
    assert log.written[0] == "GET /volumes/0: glusterd is away"
    assert log.written[1:] == [f"volume {number} is left alone" for number in range(5)]


def test_news_that_is_no_warning_and_tracebacks_are_all_told(log: Log) -> None:
    for _ in range(3):
        log.logger.info("done")
        try:
            raise RuntimeError
        except RuntimeError:
            log.logger.exception("a bug")
    assert log.written == ["done", "a bug"] * 3


def test_however_many_causes_there_are_memory_is_bounded(log: Log) -> None:
    for number in range(2000):
        log.warn(f"cause {number}")
    assert len(log.written) == 2000
    log.warn("cause 1999")
    log.warn("cause 0")
    assert log.written[2000:] == ["cause 0"], "the oldest was forgotten, the newest was not"
