"""`piragua usage`: how full volumes are, the fullest first."""

from typing import Any

import click

from piragua.cli.asking.connection import ClientCommand, connected
from piragua.cli.asking.filters import SORTS, filters, pages, query
from piragua.cli.output.shown_volume import size_of
from piragua.cli.output.table import Bar, Cell, Column, Id, json_option, show, show_json
from piragua.cli.output.words import duration, many, printable
from piragua.remote.answer import Answer
from piragua.remote.server import Server

_USAGE = "/piragua/v1/usage"
_SHOWN = 20
_HEADS = (
    Column("ID"),
    Column("NAME"),
    Column("FULL"),
    Column("USED", right=True),
    Column("SIZE", right=True),
    Column("FILES", right=True),
    Column("NOTE"),
)


@click.command(cls=ClientCommand)
@filters
@click.option(
    "--sort", type=click.Choice(SORTS), default="fullness", show_default=True, help="What the most of comes first."
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=_SHOWN,
    show_default=True,
    metavar="NUMBER",
    help="At most that many.",
)
@click.option("--all", "shows_all", is_flag=True, help="All volumes.")
@json_option
@connected
def usage(server: Server, /, sort: str, limit: int, shows_all: bool, as_json: bool, **chosen: Any) -> None:
    """Show how full volumes are, the fullest first, and how full the Gluster volumes are.

    Figures are gathered in the background; the last line says how old they are.

    \b
    Examples:
      piragua usage
      piragua usage --label kubernetes/namespace=shop --all
      piragua usage --sort used --limit 5
    """
    asked = [*query(chosen), ("sort", sort), ("order", "desc")]
    volumes = list(pages(server, asked, None if shows_all else limit))
    total = server.get(_USAGE)
    if as_json:
        show_json({"volumes": volumes, "total": total})
        return
    if volumes:
        show(_HEADS, [_row(each) for each in volumes])
    else:
        click.echo("there are no such volumes")
    click.echo()
    for each in total.get("clusters", []):
        click.echo(printable(f"{each['gluster_volume']}: {_sum(each)}"))
    if "age_seconds" in total:
        click.echo(f"gathered {duration(total['age_seconds'])} ago")
    else:
        click.echo("usage is not gathered yet")


def _sum(each: Answer) -> str:
    handed_out = f"{many(each.get('volumes', 0), 'volume')} of together {size_of(each.get('size_bytes'))}"
    capacity, free = size_of(each.get("capacity_bytes")), size_of(each.get("free_bytes"))
    return f"{handed_out} hold {size_of(each.get('used_bytes'))}; {free} of {capacity} are free"


def _row(volume: Answer) -> list[Cell]:
    used = volume.get("usage") or {}
    return [
        Id(volume["id"]),
        volume.get("name", "?"),
        Bar(used.get("fullness_percent")),
        size_of(used.get("used_bytes")),
        size_of(volume.get("size_bytes")),
        str(used.get("files", "?")),
        _note(used),
    ]


def _note(used: Answer) -> str:
    if used.get("hard_limit_exceeded"):
        return "limit reached"
    return "over soft limit" if used.get("soft_limit_exceeded") else ""
