"""`piragua operations`: what the servers are doing right now."""

import click

from piragua.cli.asking.connection import ClientCommand, connected
from piragua.cli.output.table import Cell, Column, Id, json_option, show, show_json
from piragua.cli.output.words import duration
from piragua.remote.answer import Answer
from piragua.remote.server import Server

OPERATIONS = "/piragua/v1/operations"
HEADS = (
    Column("KIND"),
    Column("VOLUME"),
    Column("STATE"),
    Column("FOR", right=True),
    Column("SERVER"),
    Column("PROGRESS"),
)


@click.command(cls=ClientCommand)
@json_option
@connected
def operations(server: Server, as_json: bool) -> None:
    """Show what is not over yet: creates, expands, clones and deletes, of all servers.

    `stale` is what a server has left that went away; another one clears it up within minutes.
    """
    found = server.entries(OPERATIONS, "operations")
    if as_json:
        show_json({"operations": found})
    elif found:
        show(HEADS, [row(each) for each in found])
    else:
        click.echo("nothing is being done")


def row(operation: Answer) -> list[Cell]:
    """A line of a list, below HEADS."""
    return [
        operation.get("kind", "?"),
        Id(operation.get("volume", "")),
        operation.get("state", "?"),
        duration(operation["age_seconds"]) if "age_seconds" in operation else "?",
        operation.get("server", ""),
        operation.get("progress", ""),
    ]
