"""What every command that asks a server shares: its options, the server itself, and how it ends.

The options stand before or after the command's name; what stands last counts. Then the environment counts, then
the configuration files.
"""

import os
import signal
import stat
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import wraps
from typing import Any, Concatenate, NoReturn, ParamSpec, TypeVar

import click
from click.core import ParameterSource

from piragua.cli.asking import exits
from piragua.cli.output.words import printable
from piragua.errors import PiraguaError
from piragua.remote import config_file
from piragua.remote.server import Server

_DEFAULT_URL = "http://127.0.0.1:8080"
_CHOSEN = "piragua.cli.asking.connection"
_KEY = "PIRAGUA_ADMIN_KEY"
_KEY_FILE = "PIRAGUA_ADMIN_KEY_FILE"

Arguments = ParamSpec("Arguments")
Command = TypeVar("Command", bound=Callable[..., Any])


class ConnectionOption(click.Option):
    """One of the options that all commands share; help has them in a section of their own."""


class ClientCommand(click.Command):
    """A command whose help shows its own options first."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _write_options(self, ctx, formatter)


class ClientGroup(click.Group):
    """A group of such commands."""

    command_class = ClientCommand

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands first: who asks for help of a group looks for them."""
        self.format_commands(ctx, formatter)
        _write_options(self, ctx, formatter)


def _write_options(command: click.Command, context: click.Context, formatter: click.HelpFormatter) -> None:
    """A command's own options, then those that all share."""
    records: dict[bool, list[tuple[str, str]]] = {False: [], True: []}
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and record[1]:
            records[isinstance(parameter, ConnectionOption)].append(record)
    for shared, title in ((False, "Options"), (True, "Options for the server")):
        if records[shared]:
            with formatter.section(title):
                formatter.write_dl(records[shared])


def _note(context: click.Context, parameter: click.Parameter, value: object) -> None:
    """Keeps what was said, for whatever command comes."""
    if value is None or parameter.name is None:
        return
    chosen = context.meta.setdefault(_CHOSEN, {})
    said = context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
    if said or parameter.name not in chosen:
        chosen[parameter.name] = value


def connection_options(command: Command) -> Command:
    """The options that say which server is asked, and how."""
    for option in (
        _option(
            "--config",
            envvar="PIRAGUA_CLIENT_CONFIG",
            metavar="FILE",
            help="The file of these settings.  [default: ~/.config/piragua/client.toml, then "
            f"{config_file.SYSTEM}]",
        ),
        _option("--insecure", is_flag=True, default=None, help="With https: trust any certificate."),
        _option(
            "--cacert",
            envvar="PIRAGUA_CACERT",
            metavar="FILE",
            help="Certificates (PEM) to trust with https, beside those of the system.",
        ),
        _option(
            "--key-file",
            metavar="FILE",
            help=f"The file of the administrator's key.  [env var: {_KEY_FILE}; or {_KEY}, the key itself]",
        ),
        _option(
            "--server",
            envvar="PIRAGUA_SERVER",
            metavar="URL",
            help=f"The server to ask: any of them.  [default: {_DEFAULT_URL}]",
        ),
    ):
        command = option(command)
    return command


def _option(name: str, **facts: Any) -> Callable[[Command], Command]:
    return click.option(
        name, cls=ConnectionOption, expose_value=False, callback=_note, show_envvar="envvar" in facts, **facts
    )


def connected(command: Callable[Concatenate[Server, Arguments], None]) -> Callable[Arguments, None]:
    """A command that gets the server as its first argument, and ends as all of them do."""

    @ends_as_all_do
    def asking(*arguments: Arguments.args, **options: Arguments.kwargs) -> None:
        asked = server(click.get_current_context())
        try:
            command(asked, *arguments, **options)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            # Something that this program counts on is not there, or is something else.
            why = f"{type(error).__name__}: {error}"
            raise exits.CommandFailed(f"an answer of {asked.url} is not understood ({why})") from error

    return connection_options(wraps(command)(asking))


def ends_as_all_do(command: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """Errors are one sentence and an exit status; Ctrl-C is 130, SIGTERM 143; the terminal is left as it was."""

    @wraps(command)
    def ending(*arguments: Arguments.args, **options: Arguments.kwargs) -> None:
        before = signal.signal(signal.SIGTERM, _end_on)
        try:
            command(*arguments, **options)
        except PiraguaError as error:
            exits.end(str(error), exits.status_of(error))
        except KeyboardInterrupt:
            exits.end("interrupted", exits.INTERRUPTED)
        finally:
            signal.signal(signal.SIGTERM, before)

    return ending


def _end_on(signal_number: int, frame: object) -> NoReturn:
    sys.exit(128 + signal_number)


def server(context: click.Context, *, timeout_seconds: float = 60) -> Server:
    """The server that options, environment and files name. Raises CommandFailed and WrongSetting."""
    chosen: Mapping[str, Any] = context.meta.get(_CHOSEN, {})
    filed = config_file.read(chosen.get("config"))
    return Server(
        chosen.get("server") or filed.get("server") or _DEFAULT_URL,
        _key(chosen, filed),
        cacert=chosen.get("cacert") or filed.get("cacert"),
        insecure=bool(chosen.get("insecure")),
        timeout_seconds=timeout_seconds,
    )


def required_key(context: click.Context) -> bytes:
    """The administrator's key. Raises CommandFailed and WrongSetting."""
    chosen: Mapping[str, Any] = context.meta.get(_CHOSEN, {})
    key = _key(chosen, config_file.read(chosen.get("config")))
    if key is None:
        raise exits.CommandFailed(
            f"there is no key: --key-file, {_KEY_FILE}, {_KEY} or key_file in a configuration file gives it",
            exits.WRONG_SETTING,
        )
    return key


def _key(chosen: Mapping[str, Any], filed: Mapping[str, str]) -> bytes | None:
    from piragua.config import ConfigError, keys  # slow to load, and only who asks a server needs it

    environment: Mapping[str, str] = os.environ
    said_by = _KEY_FILE
    if chosen.get("key_file"):
        environment, said_by = {_KEY_FILE: chosen["key_file"]}, "--key-file"
    elif _KEY not in environment and not environment.get(_KEY_FILE) and "key_file" in filed:
        environment, said_by = {_KEY_FILE: filed["key_file"]}, "key_file"
    try:
        key = keys.key(environment, _KEY)
    except ConfigError as error:
        said = str(error).replace(_KEY_FILE, said_by)
        raise exits.CommandFailed(said, exits.WRONG_SETTING) from None
    if key is not None and environment.get(_KEY_FILE):
        _warn_if_readable(environment[_KEY_FILE])
    return None if key is None else key.get_secret_value()


def _warn_if_readable(key_file: str) -> None:
    """A key that every user of the machine can read is none."""
    with suppress(OSError, ValueError):
        if os.stat(key_file).st_mode & stat.S_IROTH:
            click.echo(f"piragua: warning: everybody can read the key in {printable(key_file)}", err=True)
