"""The question before something is destroyed."""

import sys

import click

from piragua.cli.asking import exits


def confirm(question: str, *, yes: bool) -> None:
    """Returns if the answer is yes, or was given before (--yes). Raises CommandFailed."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise exits.CommandFailed("nobody can be asked here, so nothing was done; --yes does it", exits.WRONG_USE)
    click.echo(f"{question} [y/N] ", nl=False, err=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise exits.CommandFailed("nothing was done")
