"""Tables: with colours and bars, and as wide as it is, on a terminal; in plain columns anywhere else."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from piragua.cli.output.words import percent, printable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

_BAR_WIDTH = 20
_SHORT_ID_DIGITS = 12
_NEARLY_FULL = 80
_FULL = 95


@dataclass(frozen=True)
class Bar:
    """How full something is. fullness_percent None: nobody knows."""

    fullness_percent: float | None


@dataclass(frozen=True)
class Id:
    """An id: its beginning is enough for people, and a command takes that too."""

    digits: str


Cell = str | Bar | Id


@dataclass(frozen=True)
class Column:
    """right: numbers, which end below each other."""

    head: str
    right: bool = False


json_option = click.option("--json", "as_json", is_flag=True, help="JSON, for programs.")
"""Of every command that shows something as a table, or says what it did; with `show_json`."""


def show_json(value: object) -> None:
    """For programs: one document, in which no character is but ASCII."""
    click.echo(json.dumps(value, indent=2))


def show(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], *, to_stderr: bool = False) -> None:
    """Prints the rows below the columns' heads."""
    if is_terminal(to_stderr=to_stderr):
        console(to_stderr=to_stderr).print(table(columns, rows))
    else:
        for line in _plain(columns, rows):
            click.echo(line, err=to_stderr)


def show_facts(facts: Sequence[tuple[str, Cell]]) -> None:
    """Prints what is known of one thing, a line for each."""
    width = max(len(name) for name, _ in facts)
    for name, value in facts:
        if isinstance(value, Bar) and is_terminal():
            from rich.columns import Columns

            console().print(Columns([f"{name.ljust(width)} ", _rich(value)]))
        else:
            text = value.digits if isinstance(value, Id) else _text(value)
            click.echo(f"{printable(name).ljust(width)}  {text}".rstrip())


def is_terminal(*, to_stderr: bool = False) -> bool:
    """Whether people look at what is printed."""
    return (sys.stderr if to_stderr else sys.stdout).isatty()


def console(*, to_stderr: bool = False) -> "Console":
    """A terminal that takes all text as it is."""
    from rich.console import Console

    return Console(stderr=to_stderr, markup=False, highlight=False, emoji=False)


def table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> "Table":
    """The rows as a terminal shows them."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column.head, justify="right" if column.right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(_rich(cell) for cell in row))
    return made


def bar(fullness_percent: float, *, width: int = _BAR_WIDTH) -> "RenderableType":
    """A bar, in the colour of how near the end is."""
    from rich.progress_bar import ProgressBar

    colour = "green" if fullness_percent < _NEARLY_FULL else "yellow" if fullness_percent < _FULL else "red"
    return ProgressBar(
        total=100,
        completed=min(max(fullness_percent, 0), 100),
        width=width,
        complete_style=colour,
        finished_style=colour,
    )


def _rich(cell: Cell) -> "RenderableType":
    from rich.table import Table
    from rich.text import Text

    if isinstance(cell, Bar) and cell.fullness_percent is not None:
        both = Table.grid(padding=(0, 1))
        both.add_column(width=_BAR_WIDTH)
        both.add_column(justify="right", min_width=5, no_wrap=True)
        both.add_row(bar(cell.fullness_percent), Text(percent(cell.fullness_percent)))
        return both
    if isinstance(cell, Id):
        return Text(printable(cell.digits)[:_SHORT_ID_DIGITS], no_wrap=True)
    return Text(_text(cell))


def _plain(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> list[str]:
    shown = [[column.head for column in columns], *([_text(cell) for cell in row] for row in rows)]
    widths = [max(len(row[number]) for row in shown) for number in range(len(columns))]
    return [
        "  ".join(
            cell.rjust(width) if column.right else cell.ljust(width)
            for cell, width, column in zip(row, widths, columns, strict=True)
        ).rstrip()
        for row in shown
    ]


def _text(cell: Cell) -> str:
    if isinstance(cell, Bar):
        return "?" if cell.fullness_percent is None else percent(cell.fullness_percent)
    return printable(cell.digits if isinstance(cell, Id) else cell)
