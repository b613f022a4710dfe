"""The program `piragua`: what runs on a server, and what asks one from any machine.

Exit status 1: it failed, was refused, or a precondition does not hold. 2: no such command or option, or a
question that nobody can be asked. 3: a setting or the key is wrong, which trying again does not mend. 4: nothing
has that id or name, or more than one. 5: the server did not answer, or cannot now. 6: it was not over in
time. 130: Ctrl-C; 143: SIGTERM. What went wrong is one sentence on standard error.
"""

import os
import sys
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, BinaryIO, NoReturn

import click

from piragua import __version__
from piragua.cli.asking.connection import ClientGroup, connection_options
from piragua.cli.commands.completion import completion
from piragua.cli.commands.operations import operations
from piragua.cli.commands.pool import cluster, node
from piragua.cli.commands.token import token
from piragua.cli.commands.top import top
from piragua.cli.commands.trash import trash
from piragua.cli.commands.usage import usage
from piragua.cli.commands.volume import volume
from piragua.errors import PiraguaError

if TYPE_CHECKING:
    from piragua.config import Settings

EXIT_FAILED = 1
EXIT_WRONG_SETTING = 3
_KEYS = ("PIRAGUA_ADMIN_KEY", "PIRAGUA_ADMIN_KEY_FILE", "PIRAGUA_USER_KEY", "PIRAGUA_USER_KEY_FILE", "JWT_SECRET")


@click.group(cls=ClientGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="piragua")
@connection_options
def main() -> None:
    """Thin volumes on one Gluster volume, handed out over Heketi's REST API.

    The commands serve, check, reload and restore-records run on a Gluster server; their settings come from the
    environment, and piragua-environment(5) has them all. All others ask a server from any machine.
    """


for _command in (volume, trash, node, cluster, usage, operations, top, token, completion):
    main.add_command(_command)


@main.command()
def serve() -> None:
    """Serve until SIGTERM or SIGINT."""
    settings = _settings()
    from piragua.service import serving  # what serves is loaded only to serve

    try:
        serving.serve(settings)
    except PiraguaError as error:
        _end(error, EXIT_FAILED)


@main.command()
@click.option("--fix", is_flag=True, help="Mend what can be mended. Without this nothing is changed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, for programs.")
@click.option("--keep", multiple=True, metavar="ID", help="With --fix: that unclear one is a volume.")
@click.option("--discard", multiple=True, metavar="ID", help="With --fix: that unclear one goes to the trash.")
@click.option(
    "--settled-seconds",
    type=click.FloatRange(min=0),
    default=600,
    show_default=True,
    help="With --fix: the time between two looks at what a crash left. A shorter one can end what still runs.",
)
def check(
    fix: bool, as_json: bool, keep: tuple[str, ...], discard: tuple[str, ...], settled_seconds: float
) -> None:
    """Show what keeps Piragua from working and what is wrong with volumes, and with --fix mend it.

    Exit status 0: nothing is wrong (any more).
    """
    settings = _settings()
    from piragua.check import context
    from piragua.cli import check

    if (keep or discard) and not fix:
        raise click.UsageError("--keep and --discard are for --fix")
    kept = {_volume_id(each): context.UnclearChoice.KEEP for each in keep}
    discarded = {_volume_id(each): context.UnclearChoice.DISCARD for each in discard}
    if kept.keys() & discarded.keys():
        raise click.UsageError("an id is named by both --keep and --discard")
    try:
        wishes = check.Wishes(fix, as_json, settled_seconds, choices=kept | discarded)
        sys.exit(check.run(settings, wishes))
    except PiraguaError as error:
        _end(error, EXIT_FAILED)


@main.command("restore-records")
@click.argument("file", type=click.File("rb"))
@click.option("--yes", is_flag=True, help="Do it. Without this nothing is changed.")
def restore_records(file: BinaryIO, yes: bool) -> None:
    """Show what a copy of the records (GET /backup/db) can put back, and with --yes do it.

    A volume that has its record is never touched, and no data is.
    """
    settings = _settings()
    from piragua.cli import restore_records

    try:
        sys.exit(restore_records.run(settings, file.read(), yes=yes))
    except PiraguaError as error:
        _end(error, EXIT_FAILED)


@main.command("reload")
@click.argument("pid", type=click.IntRange(min=1))
def reload(pid: int) -> None:
    """Have the service of that process id take its certificate and its log level as they are now.

    `systemctl reload piragua` runs it, with the settings as they are in the file now. A wrong
    one is said, and the service goes on with what it has. Keys are not looked at.
    """
    # They are read at a start only, and systemd shows credentials to nobody but the service itself.
    but_keys = {name: value for name, value in os.environ.items() if name not in _KEYS}
    settings = _settings({**but_keys, "PIRAGUA_DISABLE_AUTH": "true"})
    from piragua.service import systemd

    try:
        systemd.ask_to_reload(pid, settings.log_level)
    except OSError as error:
        click.echo(f"piragua: cannot reload: {error.strerror}", err=True)
        sys.exit(EXIT_FAILED)


def _settings(env: Mapping[str, str] = os.environ) -> "Settings":
    # Slow to load, and those who ask a server have no use for it.
    from piragua.config import ConfigError, Settings
    from piragua.frontends.registry import front_end_settings

    try:
        return Settings.from_environment(env, front_end_settings())
    except ConfigError as error:
        _end(error, EXIT_WRONG_SETTING)


def _volume_id(text: str) -> str:
    """The id of a volume as 32 hex digits, given with dashes or without."""
    try:
        return uuid.UUID(text).hex
    except ValueError:
        raise click.UsageError(f"not the id of a volume: {text}") from None


def _end(error: Exception, status: int) -> NoReturn:
    click.echo(f"piragua: {error}", err=True)
    sys.exit(status)
