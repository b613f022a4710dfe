"""The level of the log while the service runs, in Heketi's words."""

import logging
from collections.abc import Iterator

import pytest

from piragua.log.setup import LogLevel

LOGGER = "piragua-test-of-levels"


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    found = logging.getLogger(LOGGER)
    yield found
    found.setLevel(logging.NOTSET)


@pytest.mark.parametrize(
    ("level", "said"),
    [
        ("debug", {10, 20, 30, 40, 50}),
        ("info", {20, 30, 40, 50}),
        ("warning", {30, 40, 50}),
        ("error", {40, 50}),
        ("critical", {50}),
        ("none", set()),
    ],
)
def test_a_level_lets_through_what_it_says(logger: logging.Logger, level: str, said: set[int]) -> None:
    LogLevel(LOGGER).set(level)
    assert LogLevel(LOGGER).get() == level
    assert {number for number in (10, 20, 30, 40, 50) if logger.isEnabledFor(number)} == said


def test_what_is_no_level_changes_nothing(logger: logging.Logger) -> None:
    LogLevel(LOGGER).set("error")
    with pytest.raises(KeyError):
        LogLevel(LOGGER).set("loud")
    assert LogLevel(LOGGER).get() == "error"


@pytest.mark.parametrize(("number", "shown"), [(1, "debug"), (25, "info"), (45, "error"), (99, "none")])
def test_a_level_in_between_is_shown_as_the_next_that_says_as_much(
    logger: logging.Logger, number: int, shown: str
) -> None:
    logger.setLevel(number)
    assert LogLevel(LOGGER).get() == shown
