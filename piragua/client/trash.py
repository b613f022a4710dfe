"""`piragua trash`: what is deleted and not yet purged, on a server that is asked over HTTP."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, NoReturn, TypeVar

import click

from piragua.client.persistent_volume import Binding, manifests
from piragua.client.server import Server
from piragua.config import ConfigError, keys
from piragua.errors import PiraguaError
from piragua.models import BYTES_PER_GIB

_FAILED = 1
_WRONG_SETTING = 3
_FEWEST_DIGITS = 4
_TRASH = "/piragua/v1/trash"
_PURGE = "/piragua/v1/purge"

Command = TypeVar("Command", bound=Callable[..., None])
Entry = dict[str, Any]


class NoSuchVolume(PiraguaError):
    """Nothing in the trash, or more than one volume, is meant."""


def _failing_in_one_sentence(command: Command) -> Command:
    @wraps(command)
    def wrapped(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except PiraguaError as error:
            _end(error, _FAILED)

    return wrapped  # type: ignore[return-value]


@click.group()
@click.option(
    "--server",
    "url",
    envvar="PIRAGUA_SERVER",
    default="http://127.0.0.1:8080",
    show_default=True,
    show_envvar=True,
    metavar="URL",
    help="The server to ask: any of them.",
)
@click.option(
    "--key-file",
    metavar="FILE",
    help="The file of the administrator's key; else PIRAGUA_ADMIN_KEY_FILE, or PIRAGUA_ADMIN_KEY, gives it.",
)
@click.option(
    "--cacert",
    envvar="PIRAGUA_CACERT",
    show_envvar=True,
    metavar="FILE",
    help="Certificates (PEM) to trust with https, beside those of the system.",
)
@click.pass_context
@_failing_in_one_sentence
def trash(context: click.Context, url: str, key_file: str | None, cacert: str | None) -> None:
    """Show, restore and purge deleted volumes.

    A volume can be restored until its purge begins: when its retention is over (PIRAGUA_TRASH_RETENTION of the
    server that deleted it), or when it is purged here.
    """
    environment = dict(os.environ) if key_file is None else {"PIRAGUA_ADMIN_KEY_FILE": key_file}
    try:
        key = keys.key(environment, "PIRAGUA_ADMIN_KEY")
    except ConfigError as error:
        _end(error, _WRONG_SETTING)
    context.obj = Server(url, None if key is None else key.get_secret_value(), cacert=cacert)


@trash.command("list")
@click.option("--json", "as_json", is_flag=True, help="The server's answer, for programs.")
@click.pass_obj
@_failing_in_one_sentence
def list_trash(server: Server, as_json: bool) -> None:
    """Show what is deleted and not yet purged, what was deleted last first."""
    answer = server.get(_TRASH)
    if as_json:
        click.echo(json.dumps(answer, indent=2))
        return
    for line in _table([_row(entry) for entry in answer["trash"]]):
        click.echo(line)
    for cluster in server.get(_PURGE)["clusters"]:
        if cluster["state"] == "paused":
            click.echo(f"purging on {cluster['gluster_volume']} is paused: piragua trash resume", err=True)


@trash.command()
@click.argument("volume", metavar="ID|NAME")
@click.option(
    "--timeout", "timeout_seconds", default=300.0, show_default=True, help="Seconds to wait for the end."
)
@click.option("--persistent-volume", is_flag=True, help="Print what binds it in Kubernetes again, as YAML.")
@click.option("--pv-name", metavar="NAME", help="With --persistent-volume: its name. [default: piragua-<id>]")
@click.option("--namespace", default="default", show_default=True, help="That of the claim, and of the Endpoints.")
@click.option("--claim", default="", metavar="NAME", help="The only claim that may bind it.")
@click.option("--storage-class", default="", metavar="NAME", help="The class that the claim names, if any.")
@click.pass_obj
@_failing_in_one_sentence
def restore(
    server: Server,
    volume: str,
    timeout_seconds: float,
    persistent_volume: bool,
    pv_name: str | None,
    namespace: str,
    claim: str,
    storage_class: str,
) -> None:
    """Take a volume back out of the trash, under its id, and wait until it is there.

    \b
    It keeps its data, its name and its limit; whoever has it mounted goes on.
      piragua trash restore 8d1f... --persistent-volume --claim data | kubectl apply -f -
    """
    volume_id = _meant(server, volume)["id"]
    result = server.finish(server.begin(f"{_TRASH}/{volume_id}/restore"), timeout_seconds=timeout_seconds)
    restored = server.get(result)
    click.echo(f"restored {volume_id}: {restored['name']}, {restored['size']} GiB", err=persistent_volume)
    if persistent_volume:
        binding = Binding(pv_name or f"piragua-{volume_id}", namespace, claim, storage_class)
        click.echo(manifests(restored, binding), nl=False)


@trash.command()
@click.argument("volumes", metavar="ID|NAME...", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
@_failing_in_one_sentence
def purge(server: Server, volumes: Sequence[str], yes: bool) -> None:
    """End the retention of volumes: they cannot be restored any more, and their data goes in the background."""
    meant = [_meant(server, volume) for volume in volumes]
    for entry in meant:
        click.echo("  ".join(_row(entry)), err=True)
    if not yes:
        click.confirm("Destroy the data of what is named above?", abort=True, err=True)
    for entry in meant:
        server.delete(f"{_TRASH}/{entry['id']}")
        click.echo(f"{entry['id']} is being purged")


@trash.command()
@click.pass_obj
@_failing_in_one_sentence
def pause(server: Server) -> None:
    """Purge nothing until `resume`, on any server, also after restarts."""
    server.post(_PURGE, {"state": "paused"})


@trash.command()
@click.pass_obj
@_failing_in_one_sentence
def resume(server: Server) -> None:
    """Go on with purging."""
    server.post(_PURGE, {"state": "running"})


def _meant(server: Server, wanted: str) -> Entry:
    """The volume in the trash with that id or name, or whose id begins so. NoSuchVolume."""
    entries: list[Entry] = server.get(_TRASH)["trash"]
    digits = wanted.replace("-", "")
    found = [entry for entry in entries if entry["id"] == digits]
    found = found or [entry for entry in entries if entry.get("name") == wanted]
    if not found and len(digits) >= _FEWEST_DIGITS:
        found = [entry for entry in entries if entry["id"].startswith(digits)]
    if not found:
        raise NoSuchVolume(f"nothing in the trash has the id or the name {wanted!r}")
    if len(found) > 1:
        ids = ", ".join(entry["id"] for entry in found)
        raise NoSuchVolume(f"{wanted!r} can mean several volumes in the trash; name one by its id: {ids}")
    return found[0]


_HEADS = ("ID", "NAME", "CLUSTER", "SIZE", "DELETED", "PURGED FROM", "STATE")


def _row(entry: Entry) -> tuple[str, ...]:
    return (
        entry["id"],
        entry.get("name", "?"),
        entry["gluster_volume"],
        f"{entry['size_bytes'] / BYTES_PER_GIB:g} GiB" if "size_bytes" in entry else "?",
        entry.get("deleted", "?"),
        entry.get("purge_due", "now"),
        _state(entry),
    )


def _state(entry: Entry) -> str:
    said = [entry["state"]]
    if entry["state"] == "purging":
        if "entries_removed" in entry:
            said.append(f"{entry['entries_removed']} entries removed")
        if "bytes_left" in entry:
            said.append(f"{entry['bytes_left'] / BYTES_PER_GIB:.2f} GiB left")
    if "waits_for" in entry:
        said.append(f"later: {entry['waits_for']}")
    return ", ".join(said)


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """One line for each, in columns; no control characters of an odd name reach the terminal."""
    if not rows:
        return ["the trash is empty"]
    shown = [
        _HEADS,
        *(tuple("".join(c if c.isprintable() else "?" for c in cell) for cell in row) for row in rows),
    ]
    widths = [max(len(row[column]) for row in shown) for column in range(len(_HEADS))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in shown
    ]


def _end(error: Exception, status: int) -> NoReturn:
    click.echo(f"piragua: {error}", err=True)
    sys.exit(status)
