"""`piragua token`: the Authorization header for curl."""

import time
from urllib.parse import urlsplit

import click

from piragua.cli.asking.connection import ClientCommand, connection_options, ends_as_all_do, required_key


@click.command(cls=ClientCommand)
@click.argument("method", metavar="METHOD")
@click.argument("path", metavar="PATH")
@click.option(
    "--seconds",
    type=click.IntRange(min=1),
    default=60,
    show_default=True,
    metavar="NUMBER",
    help="How long it is good.",
)
@ends_as_all_do
@connection_options
def token(method: str, path: str, seconds: int) -> None:
    """Print the Authorization header for one method and path. No server is asked.

    PATH can be a whole URL too; what stands behind a question mark does not count.

    \b
    Example:
      curl -H "$(piragua token GET /volumes)" http://127.0.0.1:8080/volumes
    """
    from piragua.remote.tokens import authorization  # slow to load

    key = required_key(click.get_current_context())
    header = authorization(key, method.upper(), _path(path), now_seconds=int(time.time()), life_seconds=seconds)
    click.echo(f"Authorization: {header}")


def _path(text: str) -> str:
    try:
        path = urlsplit(text).path
    except ValueError:
        path = ""
    if not path.startswith("/"):
        raise click.UsageError(f"a path begins with a slash, which {text!r} does not")
    return path
