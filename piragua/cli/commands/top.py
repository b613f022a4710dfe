"""`piragua top`: what a server does right now, refreshed in place."""

import itertools
import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

from piragua.cli.asking.connection import ClientCommand, connected
from piragua.cli.commands import operations
from piragua.cli.output import rates
from piragua.cli.output.keyboard import keys
from piragua.cli.output.shown_volume import size_of
from piragua.cli.output.table import Column, bar, console, is_terminal, table
from piragua.cli.output.words import duration, many, percent, printable, size
from piragua.remote.answer import Answer
from piragua.remote.errors import ServerError
from piragua.remote.server import Server

if TYPE_CHECKING:
    from rich.console import Group, RenderableType

Told = TypeVar("Told")

_STATUS = "/piragua/v1/status"
_USAGE = "/piragua/v1/usage"
_CANNOT_TELL = 503
_PER_SECOND = (
    ("requests", "requests.total"),
    ("  that failed (5xx)", "requests.errors"),
    ("operations that succeeded", rates.OPERATIONS_SUCCEEDED),
    ("operations that failed", rates.OPERATIONS_FAILED),
    ("gluster commands", "gluster_commands.total"),
    ("  failed", "gluster_commands.failed"),
    ("  tried again", "gluster_commands.retried"),
    ("entries purged", "purge.entries_removed"),
)


class View:
    """What is shown at one time. rates None: nothing to compare with yet.

    operations and usage are None while the server cannot tell them, as when a Gluster volume is away.
    """

    def __init__(self, server: Server, before: "View | None") -> None:
        """Asks the server. Raises ServerError."""
        self.url = server.url
        self.status = server.get(_STATUS)
        self.sample = rates.RateSample.of(self.status, time.monotonic())
        self.rates = rates.rates(None if before is None else before.sample, self.sample)
        self.operations = _if_told(lambda: server.entries(operations.OPERATIONS, "operations"))
        self.usage = _if_told(lambda: server.get(_USAGE))

    def json(self) -> Answer:
        """For programs; a rate that is not known yet is null."""
        return {
            "status": self.status,
            "per_second": self.rates,
            "operations": self.operations,
            "usage": self.usage,
        }

    def line(self) -> str:
        """In one line."""
        queue = self.status.get("queue", {})
        said = [f"{many(queue.get('running', 0), 'operation')}, {queue.get('waiting', '?')} waiting for Gluster"]
        if self.rates is not None:
            said.append(f"{self.rates['requests.total']:.1f} requests/s")
            said.append(f"{self.rates['gluster_commands.total']:.1f} gluster commands/s")
        said.append(f"{(self.status.get('purge') or {}).get('waiting', '?')} to purge")
        return printable(", ".join(said))


def _if_told(ask: Callable[[], Told]) -> Told | None:
    """None for what the server cannot tell now. ServerError for anything else that goes wrong."""
    try:
        return ask()
    except ServerError as error:
        if error.status != _CANNOT_TELL:
            raise
        return None


@click.command(cls=ClientCommand)
@click.option(
    "--interval",
    type=click.FloatRange(0.1, 86400),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="Between two looks.",
)
@click.option("--count", type=click.IntRange(min=1), metavar="NUMBER", help="End after that many looks.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each look, for programs.")
@connected
def top(server: Server, interval: float, count: int | None, as_json: bool) -> None:
    """Show what the server does, until q or Ctrl-C: rates, the queue, operations, purging, room.

    Rates, queue, mounts and purging are those of the server that is asked; operations are those of all. Where
    nobody looks (a pipe) it prints a line for each look.
    """
    try:
        if as_json or not is_terminal():
            _lines(server, interval, count, as_json=as_json)
        else:
            _screen(server, interval, count)
    except KeyboardInterrupt:
        return  # that is how one leaves it


def _lines(server: Server, interval: float, count: int | None, *, as_json: bool) -> None:
    view = None
    for observed in itertools.count(1):
        view = View(server, view)
        click.echo(json.dumps(view.json()) if as_json else view.line())
        if observed == count:
            return
        time.sleep(interval)


def _screen(server: Server, interval: float, count: int | None) -> None:
    """A server that does not answer for a while is said to, and asked again."""
    from rich.live import Live
    from rich.text import Text

    view = View(server, None)
    with keys() as key, Live(console=console(), screen=True, auto_refresh=False) as live:
        for observed in itertools.count(1):
            live.update(_shown(view), refresh=True)
            if observed == count or "q" in key(interval):
                break
            try:
                view = View(server, view)
            except ServerError as error:
                if error.status not in (0, 429, 502, 503, 504):
                    raise
                live.update(Text(printable(f"no answer: {error}")), refresh=True)
                if "q" in key(interval):
                    break


def _shown(view: View) -> "Group":
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    status = view.status
    up = duration(status.get("uptime_seconds", 0))
    title = f"Piragua {status.get('version', '?')} on {status.get('server', '?')}, up {up}   {view.url}   q: quit"
    halves = Table.grid(padding=(0, 4))
    halves.add_row(_rates(view), _state(status))
    parts: list[RenderableType] = [Text(printable(title), style="reverse"), Text(), halves, Text()]
    parts += [_room(each) for each in (view.usage or {}).get("clusters", [])]
    if view.usage is None:
        parts.append(Text("how much room there is cannot be told now"))
    parts.append(Text())
    if view.operations is None:
        parts.append(Text("what all servers do cannot be told now"))
    elif view.operations:
        parts.append(table(operations.HEADS, [operations.row(each) for each in view.operations]))
    else:
        parts.append(Text("nothing is being done"))
    return Group(*parts)


def _rates(view: View) -> "RenderableType":
    known = view.rates or {}
    rows = [[name, f"{known[key]:.1f}" if key in known else "..."] for name, key in _PER_SECOND]
    return table((Column("PER SECOND"), Column("", right=True)), rows)


def _state(status: Answer) -> "RenderableType":
    queue, purge = status.get("queue") or {}, status.get("purge") or {}
    rows = [
        ["operations in work", str(queue.get("running", "?"))],
        ["commands waiting for Gluster", str(queue.get("waiting", "?"))],
        ["  the longest for", duration(queue.get("oldest_wait_seconds") or 0)],
        ["purging", str(purge.get("state", "?"))],
        ["volumes to purge", str(purge.get("waiting", "?"))],
    ]
    for each in status.get("mounts", []):
        stuck = each.get("stuck_threads", 0)
        note = f", {many(stuck, 'thread')} stuck" if stuck else ""
        rows.append([f"mount of {each.get('gluster_volume', '?')}", f"{each.get('state', '?')}{note}"])
    return table((Column("NOW"), Column("", right=True)), rows)


def _room(each: Answer) -> "RenderableType":
    from rich.table import Table
    from rich.text import Text

    capacity, free = each.get("capacity_bytes"), each.get("free_bytes")
    if not capacity or free is None:
        return Text(printable(f"{each.get('gluster_volume', '?')}: how much room there is is not known yet"))
    taken = 100 * (capacity - free) / capacity
    shown = Table.grid(padding=(0, 1))
    shown.add_row(
        Text(printable(each["gluster_volume"]), style="bold"),
        bar(taken, width=30),
        Text(f"{percent(taken)} of {size(capacity)}"),
        Text(f"   {many(each.get('volumes', 0), 'volume')} of together {size_of(each.get('size_bytes'))}"),
    )
    return shown
