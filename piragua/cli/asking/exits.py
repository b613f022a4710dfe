"""How a command of the command line ends: its exit status, and one sentence where it failed.

docs/command-line.md tells scripts what the statuses mean.
"""

import sys
from typing import NoReturn

import click

from piragua.cli.output.words import printable
from piragua.errors import PiraguaError
from piragua.remote.errors import ServerError, WrongSetting

FAILED = 1
WRONG_USE = 2
WRONG_SETTING = 3
NOT_FOUND = 4
NO_ANSWER = 5
NOT_OVER = 6
INTERRUPTED = 130

_REFUSED_KEY = (401, 403)
_TRY_AGAIN = (0, 429, 502, 503, 504)


class CommandFailed(PiraguaError):
    """A command cannot go on. status: its exit status."""

    def __init__(self, message: str, status: int = FAILED) -> None:
        super().__init__(message)
        self.status = status


def status_of(error: PiraguaError) -> int:
    """The exit status for what went wrong."""
    if isinstance(error, CommandFailed):
        return error.status
    if isinstance(error, WrongSetting):
        return WRONG_SETTING
    if isinstance(error, ServerError):
        if error.status in _REFUSED_KEY:
            return WRONG_SETTING
        if error.status in _TRY_AGAIN:
            return NO_ANSWER
        if error.status == 404:
            return NOT_FOUND
    return FAILED


def end(message: str, status: int) -> NoReturn:
    """Says what went wrong, on one line, and ends the program."""
    click.echo(f"piragua: {printable(' '.join(message.split()))}", err=True)
    sys.exit(status)
