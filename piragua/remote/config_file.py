"""The command line's own settings in a file: which server, whose key, whom to trust."""

import os
import stat
import tomllib
from collections.abc import Mapping
from contextlib import suppress

import click

from piragua.cli.asking import exits
from piragua.cli.output.words import printable

SYSTEM = "/etc/piragua/client.toml"
_OF_USER = "piragua/client.toml"
_PATHS = ("key_file", "cacert")
_KNOWN = ("server", *_PATHS)


def read(given: str | None) -> dict[str, str]:
    """`server`, `key_file` and `cacert`, as far as they are set; paths are absolute.

    given: the only file that counts; else the user's file counts, and for what it does not set the system's.
    Raises CommandFailed.
    """
    if given is not None:
        return _read(given, required=True)
    return _read(SYSTEM) | _read(_user_file())


def warn_if_readable(key_file: str) -> None:
    """A key that every user of the machine can read is none."""
    with suppress(OSError, ValueError):
        if os.stat(key_file).st_mode & stat.S_IROTH:
            click.echo(f"piragua: warning: everybody can read the key in {printable(key_file)}", err=True)


def _user_file() -> str:
    folder = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return os.path.join(folder, _OF_USER)


def _read(path: str, *, required: bool = False) -> dict[str, str]:
    try:
        with open(path, "rb") as file:
            content = tomllib.load(file)
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        # The system's file can be for some users only.
        if required or (isinstance(error, PermissionError) and path != SYSTEM):
            raise exits.CommandFailed(f"{path}: {error.strerror}", exits.WRONG_SETTING) from None
        return {}
    except (OSError, ValueError) as error:
        raise exits.CommandFailed(f"{path} cannot be read: {error}", exits.WRONG_SETTING) from None
    return _checked(path, content)


def _checked(path: str, content: Mapping[str, object]) -> dict[str, str]:
    checked = {}
    for name, value in content.items():
        if name not in _KNOWN:
            known = ", ".join(_KNOWN)
            raise exits.CommandFailed(f"{path}: {name} is no setting; there are {known}", exits.WRONG_SETTING)
        if not isinstance(value, str) or not value:
            raise exits.CommandFailed(f"{path}: {name} has to be a text in quotes", exits.WRONG_SETTING)
        checked[name] = os.path.join(os.path.dirname(path), os.path.expanduser(value)) if name in _PATHS else value
    return checked
