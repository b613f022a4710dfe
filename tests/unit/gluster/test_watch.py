"""What is said and counted of the commands that Gluster gets."""

import logging

import pytest

from piragua.errors import GlusterBusy, GlusterError, GlusterTimeout, GlusterUnavailable
from piragua.gluster.watch import Watch, kind_of

LIMIT = ("volume", "quota", "gv0", "limit-usage", "/id", "1")
INFO = ("volume", "info", "gv0")
POOL = ("pool", "list")
BUSY = GlusterBusy(LIMIT, 0, "Another transaction is in progress")
AWAY = GlusterUnavailable(POOL, 0, "Connection failed")


class Told:
    """Counts, and a clock that the test moves."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, str, float]] = []
        self.retried: list[str] = []
        self.waits: list[float] = []
        self.now_seconds = 100.0
        self.watch = Watch(self, now_seconds=lambda: self.now_seconds)

    def command_ended(self, command: str, outcome: str, seconds: float) -> None:
        self.ended.append((command, outcome, seconds))

    def command_retried(self, command: str) -> None:
        self.retried.append(command)

    def turn_came(self, seconds: float) -> None:
        self.waits.append(seconds)

    def ask(self, argv: tuple[str, ...], error: GlusterError | None = None, seconds: float = 0) -> None:
        try:
            with self.watch.attempt(argv):
                self.now_seconds += seconds
                if error is not None:
                    raise error
        except GlusterError:
            pass


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Told:
    caplog.set_level(logging.INFO)
    return Told()


@pytest.mark.parametrize(
    ("argv", "kind"),
    [
        (LIMIT, "volume quota limit-usage"),
        (INFO, "volume info"),
        (POOL, "pool list"),
        (("volume", "set", "gv0", "a.name", "a value"), "volume set"),
        (("volume", "heal", "gv0"), "volume heal"),
        (("volume", "status", "gv0", "quotad"), "volume status quotad"),
        (("system::", "getwd"), "system:: getwd"),
    ],
)
def test_a_kind_of_command_has_no_name_and_no_value_in_it(argv: tuple[str, ...], kind: str) -> None:
    assert kind_of(argv) == kind


def test_every_attempt_is_counted_with_its_outcome_and_time(told: Told) -> None:
    told.ask(LIMIT, seconds=2)
    told.ask(LIMIT, BUSY)
    told.ask(INFO, GlusterTimeout(INFO, 0, "late"), seconds=60)
    told.ask(POOL, AWAY)
    told.ask(INFO, GlusterError(INFO, 0, "no"))
    kind = "volume quota limit-usage"
    assert told.ended == [
        (kind, "ok", 2),
        (kind, "busy", 0),
        ("volume info", "timeout", 60),
        ("pool list", "unavailable", 0),
        ("volume info", "refused", 0),
    ]
    told.watch.retries_of(LIMIT)()
    assert told.retried == [kind]


def test_waiting_for_a_turn_is_seen_while_it_lasts(told: Told) -> None:
    with told.watch.turn():
        told.now_seconds += 3
        with told.watch.turn():
            assert (told.watch.waiting.count, told.watch.waiting.oldest_seconds) == (2, 3)
    assert (told.watch.waiting.count, told.watch.waiting.oldest_seconds) == (0, 0)
    assert told.waits == [0, 3]


def test_commands_that_are_in_the_way_for_a_moment_are_no_trouble(
    told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(20):
        told.ask(LIMIT, BUSY)
        told.now_seconds += 0.2
    told.ask(LIMIT)
    assert caplog.messages == []


def test_trouble_that_lasts_is_told_once_and_when_it_is_over(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(100):
        told.ask(LIMIT, BUSY)
        told.now_seconds += 0.25
    assert caplog.messages == [f"Gluster does not do its work: {BUSY}"]
    told.ask(("volume", "info", "gv1"))
    assert len(caplog.messages) == 1, "another Gluster volume says nothing of this one"
    told.ask(INFO)
    assert caplog.messages[1:] == ["Gluster does its work again for gv0 after 25 s; attempts that failed: 100"]


def test_a_glusterd_that_is_away_is_told_at_once_and_once_for_all_gluster_volumes(
    told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    for argv in (POOL, INFO, ("volume", "info", "gv1")):
        told.ask(argv, AWAY)
    assert caplog.messages == [f"Gluster does not do its work: {AWAY}"]
    told.ask(("volume", "info", "gv1"), GlusterError(INFO, 0, "no"))
    assert len(caplog.messages) == 2, "a no is an answer"
