"""`piragua volume`: what there is, and what becomes of it."""

from collections.abc import Callable, Sequence
from typing import Any

import click

from piragua.cli.asking import long_work, which_volume
from piragua.cli.asking.connection import ClientGroup, connected, connection_options
from piragua.cli.asking.exits import CommandFailed
from piragua.cli.asking.filters import SORTS, filters, pages, query
from piragua.cli.asking.labels import change_of, labels_of
from piragua.cli.asking.question import confirm
from piragua.cli.asking.which_volume import VOLUMES, complete_volume
from piragua.cli.commands.operations import OPERATIONS
from piragua.cli.commands.trash import restore
from piragua.cli.output import shown_volume
from piragua.cli.output.table import json_option, show, show_facts, show_json
from piragua.cli.output.words import many, printable, size, size_gib, volume_name
from piragua.models import BYTES_PER_GIB
from piragua.remote.answer import Answer
from piragua.remote.server import Server

_DAY_SECONDS = 86400

volume_argument = click.argument("wanted", metavar="VOLUME", shell_complete=complete_volume)


def timeout_option(seconds: float) -> Callable[[Any], Any]:
    """How long the end of long work is waited for."""
    return click.option(
        "--timeout",
        "timeout_seconds",
        type=click.FloatRange(min=0),
        default=seconds,
        show_default=True,
        metavar="SECONDS",
        help="How long to wait for the end; the server goes on after that.",
    )


@click.group(cls=ClientGroup)
@connection_options
def volume() -> None:
    """Show, make, change and delete volumes.

    \b
    A VOLUME is meant by
      its id, or its name
      what its id or its name begins with, if that is only one (4 characters at least)
      a path that has its id in it, such as gv0/8d1f6c1e-.../data
    """


@volume.command("list")
@filters
@click.option("--sort", type=click.Choice(SORTS), default="name", show_default=True, help="The order.")
@click.option("--reverse", is_flag=True, help="The other way round.")
@click.option("--limit", type=click.IntRange(min=1), metavar="NUMBER", help="At most that many.")
@click.option("--ids", is_flag=True, help="Only the ids, one on each line, for scripts.")
@json_option
@connected
def list_volumes(
    server: Server, /, sort: str, reverse: bool, limit: int | None, ids: bool, as_json: bool, **chosen: Any
) -> None:
    """Show volumes.

    \b
    Examples:
      piragua volume list --fuller-than 90 --sort fullness --reverse
      piragua volume list --label kubernetes/namespace=shop --older-than 30d
      piragua volume list --name 'test_*' --ids | xargs piragua volume delete --yes
    """
    asked = [*query(chosen), ("sort", sort), ("order", "desc" if reverse else "asc")]
    volumes = pages(server, asked, limit)
    if as_json:
        show_json({"volumes": list(volumes)})
    elif ids:
        for each in volumes:
            click.echo(printable(each["id"]))
    elif rows := [shown_volume.row(each) for each in volumes]:
        show(shown_volume.HEADS, rows)
    else:
        click.echo("there are no such volumes" if query(chosen) else "there are no volumes")


@volume.command("show")
@volume_argument
@json_option
@connected
def show_volume(server: Server, wanted: str, as_json: bool) -> None:
    """Show all that is known of a volume.

    \b
    Examples:
      piragua volume show wiki
      piragua volume show gv0/8d1f6c1e-4f0a-4b53-9d0e-0c2f7a1b2c3d/wiki
    """
    found = which_volume.volume(server, wanted)
    mount = server.get(f"/volumes/{found['id']}").get("mount", {}).get("glusterfs", {})
    if as_json:
        show_json({**found, "mount": mount})
    else:
        show_facts(shown_volume.facts(found, mount))


@volume.command()
@click.argument("size_gib", metavar="SIZE", type=size_gib)
@click.option("--name", type=volume_name, help="Letters, digits, - and _.  [default: vol_<id>]")
@click.option("--label", "-l", "labels", multiple=True, metavar="KEY=VALUE", help="A label; may be given again.")
@click.option("--files-limit", type=click.IntRange(min=1), metavar="NUMBER", help="Files and directories at most.")
@click.option(
    "--soft-limit",
    "soft_limit_percent",
    type=click.IntRange(1, 100),
    metavar="PERCENT",
    help="From where on Gluster warns in its log.",
)
@click.option("--cluster", "clusters", multiple=True, metavar="NAME", help="The Gluster volume; else any.")
@click.option("--gid", type=click.IntRange(min=1), metavar="NUMBER", help="The group that may write.")
@timeout_option(300)
@json_option
@connected
def create(server: Server, /, size_gib: int, timeout_seconds: float, as_json: bool, **wishes: Any) -> None:
    """Make a volume of SIZE, in whole GiB: 10, 10GiB or 2TiB.

    \b
    Examples:
      piragua volume create 10
      piragua volume create 2TiB --name films --label team=media --gid 2000
    """
    labels = labels_of(wishes.pop("labels"))
    clusters = list(wishes.pop("clusters"))
    body = {"size_gib": size_gib, "labels": labels, "clusters": clusters, **wishes}
    made = _changed(
        server,
        f"making a volume of {size_gib} GiB",
        VOLUMES,
        {name: value for name, value in body.items() if value},
        timeout_seconds,
    )
    _show_changed("created", made, as_json=as_json)


@volume.command()
@volume_argument
@click.option("--by", "by_gib", type=size_gib, metavar="SIZE", help="How much is added.")
@click.option("--to", "to_gib", type=size_gib, metavar="SIZE", help="How large it shall be.")
@timeout_option(300)
@json_option
@connected
def expand(
    server: Server,
    wanted: str,
    by_gib: int | None,
    to_gib: int | None,
    timeout_seconds: float,
    as_json: bool,
) -> None:
    """Grow a volume, also while it is used.

    \b
    Examples:
      piragua volume expand wiki --by 10GiB
      piragua volume expand wiki --to 50GiB
    """
    if (by_gib is None) == (to_gib is None):
        raise click.UsageError("either --by or --to says how large it shall be")
    found = which_volume.volume(server, wanted)
    add_gib = by_gib if by_gib is not None else _missing_gib(_at_rest(server, found), to_gib or 0)
    path, body = f"/volumes/{found['id']}/expand", {"expand_size": add_gib}
    grown = _changed(server, f"expanding volume {_called(found)}", path, body, timeout_seconds)
    _show_changed("expanded", grown, as_json=as_json)


@volume.command()
@volume_argument
@click.option("--to", "to_gib", type=size_gib, required=True, metavar="SIZE", help="How large it shall be.")
@timeout_option(300)
@json_option
@connected
def shrink(server: Server, wanted: str, to_gib: int, timeout_seconds: float, as_json: bool) -> None:
    """Make a volume smaller, but never smaller than what is in it.

    \b
    Example:
      piragua volume shrink wiki --to 5GiB
    """
    found = which_volume.volume(server, wanted)
    path, body = f"{VOLUMES}/{found['id']}/shrink", {"size_gib": to_gib}
    smaller = _changed(server, f"shrinking volume {_called(found)}", path, body, timeout_seconds)
    _show_changed("shrunk", smaller, as_json=as_json)


@volume.command()
@volume_argument
@click.option("--name", type=volume_name, help="Of the copy: letters, digits, - and _.  [default: vol_<id>]")
@timeout_option(7 * _DAY_SECONDS)
@json_option
@connected
def clone(server: Server, wanted: str, name: str | None, timeout_seconds: float, as_json: bool) -> None:
    """Copy a volume with all that is in it; this can take hours.

    The copy appears when it is complete. Ctrl-C leaves the server copying.

    \b
    Example:
      piragua volume clone wiki --name wiki_copy
    """
    found = which_volume.volume(server, wanted)
    path, body = f"/volumes/{found['id']}/clone", {"name": name} if name else {}
    copy = _changed(server, f"cloning volume {_called(found)}", path, body, timeout_seconds)
    _show_changed("cloned", copy, as_json=as_json)


@volume.command()
@click.argument("wanted", metavar="VOLUME...", nargs=-1, required=True, shell_complete=complete_volume)
@click.option("--yes", is_flag=True, help="Do not ask. Then ids and names have to be whole ones.")
@timeout_option(300)
@json_option
@connected
def delete(server: Server, wanted: Sequence[str], yes: bool, timeout_seconds: float, as_json: bool) -> None:
    """Delete volumes.

    They go to the trash, if the server has a retention (PIRAGUA_TRASH_RETENTION), and can be restored until that
    is over; else their data is destroyed.

    \b
    Examples:
      piragua volume delete wiki
      piragua volume list --label team=old --ids | xargs piragua volume delete --yes
    """
    meant = [which_volume.volume(server, each, exactly=yes) for each in wanted]
    found = list({each["id"]: each for each in meant}.values())
    if not yes:
        show(shown_volume.HEADS, [shown_volume.row(each) for each in found], to_stderr=True)
    confirm(f"Delete {many(len(found), 'volume')}?", yes=yes)
    deleted = []
    try:
        for each in found:
            doing, path = f"deleting volume {_called(each)}", f"/volumes/{each['id']}"
            long_work.do(server, doing, "DELETE", path, timeout_seconds=timeout_seconds)
            deleted.append(each)
    finally:
        _show_deleted(deleted, as_json=as_json)


@volume.command()
@volume_argument
@click.argument("changes", metavar="[KEY=VALUE|KEY-]...", nargs=-1)
@click.option("--replace", is_flag=True, help="Take away all labels that are not named.")
@json_option
@connected
def label(server: Server, wanted: str, changes: Sequence[str], replace: bool, as_json: bool) -> None:
    """Show a volume's labels, set them (KEY=VALUE), take them away (KEY-).

    \b
    Examples:
      piragua volume label wiki team=docs cost-centre=4711
      piragua volume label wiki team-
    """
    change = change_of(changes)
    found = which_volume.volume(server, wanted)
    path = f"{VOLUMES}/{found['id']}/labels"
    if replace:
        found = server.put(path, {"labels": {key: value for key, value in change.items() if value is not None}})
    elif change:
        found = server.patch(path, {"labels": change})
    if as_json:
        show_json(found)
    else:
        for key, value in sorted((found.get("labels") or {}).items()):
            click.echo(printable(f"{key}={value}"))


volume.add_command(restore)


def _changed(server: Server, doing: str, path: str, body: object, timeout_seconds: float) -> Answer:
    """Has the server do it; the volume afterwards."""
    result = long_work.do(server, doing, "POST", path, body, timeout_seconds=timeout_seconds)
    return server.get(f"{VOLUMES}/{result.rpartition('/')[2]}")


def _show_changed(what: str, changed: Answer, *, as_json: bool) -> None:
    if as_json:
        show_json(changed)
    else:
        click.echo(printable(f"{what} {shown_volume.line(changed)}"))


def _show_deleted(deleted: Sequence[Answer], *, as_json: bool) -> None:
    if as_json:
        show_json({"deleted": [each["id"] for each in deleted]})
    else:
        for each in deleted:
            click.echo(printable(f"deleted {each['id']}: {each.get('name', '?')}"))


def _at_rest(server: Server, found: Answer) -> Answer:
    """The volume, with a size that is not being changed: what is missing would be added twice. CommandFailed."""
    for each in server.entries(OPERATIONS, "operations"):
        if each.get("volume") == found["id"] and each.get("kind") in ("expand", "shrink"):
            raise CommandFailed(
                f"volume {_called(found)} is being changed ({each['kind']}), so its size is not sure:"
                " `piragua operations` shows when that is over"
            )
    return server.get(f"{VOLUMES}/{found['id']}")


def _missing_gib(found: Answer, to_gib: int) -> int:
    """What has to be added. Raises CommandFailed."""
    missing_bytes: int = to_gib * BYTES_PER_GIB - found["size_bytes"]
    if missing_bytes <= 0:
        has = size(found["size_bytes"])
        raise CommandFailed(f"volume {_called(found)} has {has} already; `piragua volume shrink` makes it smaller")
    return -(-missing_bytes // BYTES_PER_GIB)


def _called(found: Answer) -> str:
    """Its name, or its id where it has none."""
    return str(found.get("name") or found["id"])
