"""`piragua trash`: what is deleted and not yet purged."""

from collections.abc import Sequence

import click

from piragua.cli.asking import long_work, which_volume
from piragua.cli.asking.connection import ClientGroup, connected, connection_options
from piragua.cli.asking.question import confirm
from piragua.cli.output.persistent_volume import Binding, manifests
from piragua.cli.output.table import Cell, Column, Id, json_option, show, show_json
from piragua.cli.output.words import many, printable, size
from piragua.remote.answer import Answer
from piragua.remote.server import Server

_TRASH = "/piragua/v1/trash"
_PURGE = "/piragua/v1/purge"

_HEADS = (
    Column("ID"),
    Column("NAME"),
    Column("ON"),
    Column("SIZE", right=True),
    Column("DELETED"),
    Column("PURGED FROM"),
    Column("STATE"),
)


@click.group(cls=ClientGroup)
@connection_options
def trash() -> None:
    """Show, restore and purge deleted volumes.

    A volume can be restored until its purge begins: when its retention is over (PIRAGUA_TRASH_RETENTION of the
    server that deleted it), or when it is purged here.
    """


@trash.command("list")
@json_option
@connected
def list_trash(server: Server, as_json: bool) -> None:
    """Show what is deleted and not yet purged, what was deleted last first."""
    entries = server.entries(_TRASH, "trash")
    if as_json:
        show_json({"trash": entries})
        return
    if entries:
        show(_HEADS, [_row(entry) for entry in entries])
    else:
        click.echo("the trash is empty")
    for cluster in server.entries(_PURGE, "clusters"):
        if cluster["state"] == "paused":
            name = printable(cluster["gluster_volume"])
            click.echo(f"purging on {name} is paused: `piragua trash resume` goes on", err=True)


@trash.command()
@click.argument("volume", metavar="VOLUME")
@click.option(
    "--timeout",
    "timeout_seconds",
    type=click.FloatRange(min=0),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the end; the server goes on after that.",
)
@json_option
@click.option("--persistent-volume", is_flag=True, help="Print what binds it in Kubernetes again, as YAML.")
@click.option("--pv-name", metavar="NAME", help="With --persistent-volume: its name.  [default: piragua-<id>]")
@click.option("--namespace", default="default", show_default=True, help="That of the claim, and of the Endpoints.")
@click.option("--claim", default="", metavar="NAME", help="The only claim that may bind it.")
@click.option("--storage-class", default="", metavar="NAME", help="The class that the claim names, if any.")
@connected
def restore(
    server: Server,
    volume: str,
    timeout_seconds: float,
    as_json: bool,
    persistent_volume: bool,
    pv_name: str | None,
    namespace: str,
    claim: str,
    storage_class: str,
) -> None:
    """Take a volume back out of the trash, under its id, and wait until it is there.

    It keeps its data, its name and its limit; whoever has it mounted goes on.

    \b
    Examples:
      piragua trash restore wiki
      piragua trash restore 8d1f6c1e --persistent-volume --claim data | kubectl apply -f -
    """
    if as_json and persistent_volume:
        raise click.UsageError("--json and --persistent-volume are two different answers")
    entry = _meant(server, volume)
    volume_id = entry["id"]
    doing, path = f"restoring volume {entry.get('name') or volume_id}", f"{_TRASH}/{volume_id}/restore"
    restored = server.get(long_work.do(server, doing, "POST", path, timeout_seconds=timeout_seconds))
    if as_json:
        show_json(server.get(f"{which_volume.VOLUMES}/{volume_id}"))
        return
    said = f"restored {volume_id}: {restored['name']}, {restored['size']} GiB"
    click.echo(printable(said), err=persistent_volume)
    if persistent_volume:
        binding = Binding(pv_name or f"piragua-{volume_id}", namespace, claim, storage_class)
        click.echo(manifests(restored, binding), nl=False)


@trash.command()
@click.argument("volumes", metavar="VOLUME...", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask. Then ids and names have to be whole ones.")
@json_option
@connected
def purge(server: Server, volumes: Sequence[str], yes: bool, as_json: bool) -> None:
    """End the retention of volumes: they cannot be restored any more, and their data goes in the background."""
    meant = {entry["id"]: entry for entry in (_meant(server, each, exactly=yes) for each in volumes)}
    if not yes:
        show(_HEADS, [_row(entry) for entry in meant.values()], to_stderr=True)
    confirm(f"Destroy the data of {many(len(meant), 'volume')} for good?", yes=yes)
    purging = list[str]()
    try:
        for volume_id in meant:
            server.delete(f"{_TRASH}/{volume_id}")
            purging.append(volume_id)
            if not as_json:
                click.echo(f"{volume_id} is being purged")
    finally:
        if as_json:
            show_json({"purging": purging})


@trash.command()
@json_option
@connected
def pause(server: Server, as_json: bool) -> None:
    """Purge nothing until `resume`, on any server, also after restarts."""
    _set_purging(server, "paused", "nothing is purged until `piragua trash resume`", as_json=as_json)


@trash.command()
@json_option
@connected
def resume(server: Server, as_json: bool) -> None:
    """Go on with purging."""
    said = "deleted volumes whose retention is over are purged again"
    _set_purging(server, "running", said, as_json=as_json)


def _set_purging(server: Server, state: str, said: str, *, as_json: bool) -> None:
    server.post(_PURGE, {"state": state})
    if as_json:
        show_json({"state": state})
    else:
        click.echo(said)


def _meant(server: Server, wanted: str, *, exactly: bool = False) -> Answer:
    """The volume in the trash. Raises CommandFailed."""
    found = which_volume.matching(server.entries(_TRASH, "trash"), wanted, exactly=exactly)
    return which_volume.one_of(found, wanted, exactly=exactly, where="volume in the trash")


def _row(entry: Answer) -> list[Cell]:
    return [
        Id(entry["id"]),
        entry.get("name", "?"),
        entry["gluster_volume"],
        size(entry["size_bytes"]) if "size_bytes" in entry else "?",
        entry.get("deleted", "?"),
        entry.get("purge_due", "now"),
        _state(entry),
    ]


def _state(entry: Answer) -> str:
    said = [entry["state"]]
    if entry["state"] == "purging":
        if "entries_removed" in entry:
            said.append(f"{entry['entries_removed']} entries removed")
        if "bytes_left" in entry:
            said.append(f"{size(entry['bytes_left'])} left")
    if "waits_for" in entry:
        said.append(f"later: {entry['waits_for']}")
    return ", ".join(said)
