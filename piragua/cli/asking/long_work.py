"""Long work at a server: begun, followed with a bar or with lines, and left to itself on Ctrl-C."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import click

from piragua.cli.asking import exits
from piragua.cli.output.table import console, is_terminal
from piragua.cli.output.words import printable
from piragua.remote.errors import ServerError
from piragua.remote.server import Server

_PAUSE_SECONDS = 0.2
_AWAY_SECONDS = 30
_SEEMS_AWAY = (0, 429, 502, 503, 504)
_COPIED = re.compile(r"([0-9.]+) of ([0-9.]+) GiB")

Report = Callable[[str], None]


def do(server: Server, doing: str, method: str, path: str, body: object = None, *, timeout_seconds: float) -> str:
    """Begins it and waits for its end; the path of the result, "" when there is none.

    doing: what is done, as people say it: `cloning volume wiki`. Raises ServerError; CommandFailed when it is not
    over in time, or was interrupted.
    """
    try:
        operation = server.begin(method, path, body)
    except KeyboardInterrupt:
        said = f"interrupted before the server had answered; `piragua operations` shows whether it is {doing}"
        raise exits.CommandFailed(said, exits.INTERRUPTED) from None
    try:
        with _reporting(doing) as report:
            return _follow(server, doing, operation, report, timeout_seconds)
    except KeyboardInterrupt:
        said = f"interrupted, but the server goes on {doing}; `piragua operations` shows how far it is"
        raise exits.CommandFailed(said, exits.INTERRUPTED) from None


def _follow(server: Server, doing: str, operation: str, report: Report, timeout_seconds: float) -> str:
    """A server that goes away meanwhile may come back, or another may answer in its place."""
    deadline = time.monotonic() + timeout_seconds
    away_since: float | None = None
    while True:
        try:
            result = server.poll(operation)
            if result is not None:
                return result
            away_since = None
            report(_progress(server, operation))
        except ServerError as error:
            if error.status not in _SEEMS_AWAY:
                raise
            # Counted from the first failure: a host that is dead is only known to be after a whole timeout.
            away_since = away_since or time.monotonic()
            if time.monotonic() > away_since + _AWAY_SECONDS:
                said = f"{error}; whether it is still {doing} is not known, `piragua operations` shows it"
                raise exits.CommandFailed(said, exits.NO_ANSWER) from error
        if time.monotonic() > deadline:
            raise exits.CommandFailed(
                f"not over after {timeout_seconds:g} seconds, but the server goes on {doing}", exits.NOT_OVER
            )
        time.sleep(_PAUSE_SECONDS)


def _progress(server: Server, operation: str) -> str:
    """How far it is, in the server's words; "" where nobody says."""
    with suppress(ServerError, AttributeError, KeyError, IndexError, TypeError):
        told = server.get(f"/operations/pending/{operation.rpartition('/')[2]}")
        words: str = told["changes"][0]["description"]
        return printable(words.partition("(")[2].removesuffix(")"))
    return ""


@contextmanager
def _reporting(doing: str) -> Iterator[Report]:
    """A bar on a terminal; else a line whenever there is something new to say. Both on standard error."""
    if is_terminal(to_stderr=True):
        with _bar(doing) as report:
            yield report
        return
    last = ""

    def say(progress: str) -> None:
        nonlocal last
        line = f"{doing}: {progress}" if progress else f"{doing} ..."
        if line != last:
            click.echo(printable(line), err=True)
            last = line

    yield say


@contextmanager
def _bar(doing: str) -> Iterator[Report]:
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[told]}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console(to_stderr=True), transient=True) as progress:
        task = progress.add_task(printable(doing), total=None, told="")

        def show(told: str) -> None:
            found = _COPIED.search(told)
            done, total = (float(found[1]), float(found[2])) if found else (0.0, 0.0)
            progress.update(task, completed=done, total=total or None, told=told)

        yield show
