"""`piragua serve`, `piragua check` and `piragua restore-records`.

Exit status 3: a setting is wrong, which no restart mends. 1: it failed, or a precondition does
not hold. 2: no such command or option. What went wrong is one sentence on standard error.
"""

import os
import sys
from typing import BinaryIO, NoReturn

import click

from piragua import __version__
from piragua.config import ConfigError, Settings
from piragua.errors import PiraguaError

EXIT_FAILED = 1
EXIT_WRONG_SETTING = 3


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="piragua")
def main() -> None:
    """Thin volumes on one Gluster volume, handed out over Heketi's REST API.

    Settings come from the environment: environment.example has them all.
    """


@main.command()
def serve() -> None:
    """Serve until SIGTERM or SIGINT."""
    settings = _settings()
    from piragua import service  # what serves is loaded only to serve

    try:
        service.serve(settings)
    except PiraguaError as error:
        _end(error, EXIT_FAILED)


@main.command()
def check() -> None:
    """Show whether each precondition holds, and the command that mends it."""
    settings = _settings()
    from piragua import check

    try:
        sys.exit(check.run(settings))
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
    from piragua import restore_records

    try:
        sys.exit(restore_records.run(settings, file.read(), yes=yes))
    except PiraguaError as error:
        _end(error, EXIT_FAILED)


def _settings() -> Settings:
    try:
        return Settings.from_environment(os.environ)
    except ConfigError as error:
        _end(error, EXIT_WRONG_SETTING)


def _end(error: Exception, status: int) -> NoReturn:
    click.echo(f"piragua: {error}", err=True)
    sys.exit(status)
