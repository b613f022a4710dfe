"""The options that choose volumes from all there are, and the pages in which a server tells them."""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

import click

from piragua.cli.asking.which_volume import VOLUMES
from piragua.remote.answer import Answer
from piragua.remote.server import Server

Command = TypeVar("Command", bound=Callable[..., Any])

SORTS = ("name", "size", "used", "fullness", "created", "files")
_PAGE = 1000

_OPTIONS = (
    click.option(
        "--label",
        "-l",
        "labels",
        multiple=True,
        metavar="KEY[=VALUE]",
        help="Only those with that label; given again, with all of them.",
    ),
    click.option("--name", metavar="GLOB", help="Only those whose name is like that: 'shop_*'."),
    click.option("--older-than", metavar="TIME", help="Only those made longer ago: 90s, 30m, 24h, 7d."),
    click.option("--newer-than", metavar="TIME", help="Only those made since then."),
    click.option(
        "--fuller-than", type=click.FloatRange(min=0), metavar="PERCENT", help="Only those that are fuller."
    ),
    click.option(
        "--state", metavar="STATE", help="Only those in that state: ready, unpublished, unreadable or unclear."
    ),
    click.option("--cluster", metavar="NAME", help="Only those on that Gluster volume; its id will do too."),
)


def filters(command: Command) -> Command:
    """Options that choose; the command gets what was said as `chosen` of `query`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def query(chosen: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the options say, as a server is asked."""
    said = [("label", label) for label in chosen["labels"]]
    for name in ("name", "older_than", "newer_than", "state", "cluster"):
        if chosen[name] is not None:
            said.append((name, chosen[name]))
    if chosen["fuller_than"] is not None:
        said.append(("fuller_than", f"{chosen['fuller_than']:.3f}"))
    return said


def pages(server: Server, asked: list[tuple[str, str]], limit: int | None) -> Iterator[Answer]:
    """Volumes, page after page, at most that many. Raises ServerError."""
    return islice(_all(server, asked, min(limit or _PAGE, _PAGE)), limit)


def _all(server: Server, asked: list[tuple[str, str]], page: int) -> Iterator[Answer]:
    cursor: list[tuple[str, str]] = []
    while True:
        answer = server.get(VOLUMES, [*asked, *cursor, ("limit", str(page))])
        yield from answer.get("volumes", [])
        if not answer.get("next"):
            return
        cursor = [("after", answer["next"])]
