"""Values as people read and write them."""

import click
import pytest

from piragua.cli.asking.labels import change_of, labels_of
from piragua.cli.output import rates
from piragua.cli.output.words import duration, many, percent, printable, size, size_gib


@pytest.mark.parametrize(
    ("size_bytes", "shown"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 KiB"),
        (2**30 - 1, "1 GiB"),
        (2**30, "1 GiB"),
        (5 * 2**40, "5 TiB"),
        (2**70, "1024 EiB"),
        (-(2**30), "-1 GiB"),
    ],
)
def test_sizes(size_bytes: int, shown: str) -> None:
    assert size(size_bytes) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (172800, "2 d"), (9e6, "104 d")],
)
def test_durations(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_small_things() -> None:
    assert [percent(value) for value in (0, 0.4, 1, 99.6, 103.2)] == ["0 %", "0.4 %", "1 %", "100 %", "103 %"]
    assert [many(count, "volume") for count in (0, 1, 2)] == ["0 volumes", "1 volume", "2 volumes"]
    assert printable("a\x1b[2J\u202e\n\x9bb é") == "a?[2J???b é"


@pytest.mark.parametrize(("text", "gib"), [("10", 10), ("10G", 10), ("10 gib", 10), ("2TiB", 2048), ("2t", 2048)])
def test_sizes_are_read(text: str, gib: int) -> None:
    assert size_gib(text) == gib


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "10M", "10GB", "G", "1" * 20, "\u0661"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        size_gib(text)


def test_labels_are_read() -> None:
    assert change_of(["team=docs", "old-", "a=b=c", "empty="]) == {
        "team": "docs",
        "old": None,
        "a": "b=c",
        "empty": "",
    }
    assert labels_of(["team=docs"]) == {"team": "docs"}
    for wrong in (["team"], ["=x"], ["a=1", "a=2"], [""]):
        with pytest.raises(click.UsageError):
            change_of(wrong)
    with pytest.raises(click.UsageError):
        labels_of(["team-"])


def test_rates_are_those_between_two_looks_at_one_start() -> None:
    status = {"started": "a", "requests": {"total": 10, "errors": 1}, "operations": {"create": {"succeeded": 4}}}
    later = {"started": "a", "requests": {"total": 30, "errors": 1}, "operations": {"create": {"succeeded": 5}}}
    before, now = rates.RateSample.of(status, 100), rates.RateSample.of(later, 110)
    known = rates.rates(before, now)
    assert known is not None
    assert (known["requests.total"], known["requests.errors"]) == (2, 0)
    assert known[rates.OPERATIONS_SUCCEEDED] == pytest.approx(0.1)
    assert rates.rates(None, now) is None
    assert rates.rates(now, now) is None
    assert rates.rates(before, rates.RateSample.of({**later, "started": "b"}, 110)) is None, (
        "another start counts anew"
    )
