"""`piragua node` and `piragua cluster`: the servers with bricks, and the Gluster volumes on them."""

from collections.abc import Callable, Sequence

import click

from piragua.cli.asking import exits
from piragua.cli.asking.connection import ClientGroup, connected, connection_options
from piragua.cli.output.shown_volume import size_of
from piragua.cli.output.table import Cell, Column, Id, json_option, show, show_facts, show_json
from piragua.cli.output.words import printable, size
from piragua.remote.answer import Answer
from piragua.remote.server import Server

_BYTES_PER_KIB = 1024
_USAGE = "/piragua/v1/usage"

_NODE_HEADS = (
    Column("ID"),
    Column("NAME"),
    Column("ADDRESS"),
    Column("STATE"),
    Column("ON"),
    Column("DEVICES", right=True),
    Column("SIZE", right=True),
    Column("FREE", right=True),
)
_DEVICE_HEADS = (
    Column("DEVICE"),
    Column("STATE"),
    Column("SIZE", right=True),
    Column("FREE", right=True),
    Column("BRICKS"),
)
_CLUSTER_HEADS = (
    Column("ID"),
    Column("GLUSTER VOLUME"),
    Column("NODES", right=True),
    Column("VOLUMES", right=True),
    Column("HANDED OUT", right=True),
    Column("USED", right=True),
    Column("FREE", right=True),
    Column("CAPACITY", right=True),
)


@click.group(cls=ClientGroup)
@connection_options
def node() -> None:
    """Show the servers that hold bricks."""


@node.command("list")
@json_option
@connected
def list_nodes(server: Server, as_json: bool) -> None:
    """Show all of them."""
    nodes, names = _nodes(server), _names(server)
    if as_json:
        show_json({"nodes": nodes})
    else:
        show(_NODE_HEADS, [_node_row(each, names) for each in nodes])


@node.command("show")
@click.argument("wanted", metavar="NODE")
@json_option
@connected
def show_node(server: Server, wanted: str, as_json: bool) -> None:
    """Show one, with its devices and bricks. NODE: its name, its address, or what its id begins with."""
    found = _one(_nodes(server), wanted, "node", _names_of_node)
    if as_json:
        show_json(found)
        return
    names = _names(server)
    tags: list[tuple[str, Cell]] = [("tags", _tags(found))] if found.get("tags") else []
    show_facts(
        [
            ("id", found["id"]),
            ("name", ", ".join(found["hostnames"]["manage"])),
            ("address", ", ".join(found["hostnames"]["storage"])),
            ("state", found["state"]),
            ("on", names.get(found["cluster"]) or str(found["cluster"])),
            *tags,
        ]
    )
    click.echo()
    show(_DEVICE_HEADS, [_device_row(each) for each in found.get("devices", [])])


@click.group(cls=ClientGroup)
@connection_options
def cluster() -> None:
    """Show the Gluster volumes that volumes lie on."""


@cluster.command("list")
@json_option
@connected
def list_clusters(server: Server, as_json: bool) -> None:
    """Show all of them, with the room that is left."""
    clusters = _clusters(server)
    if as_json:
        show_json({"clusters": clusters})
    else:
        show(_CLUSTER_HEADS, [_cluster_row(each) for each in clusters])


@cluster.command("show")
@click.argument("wanted", metavar="CLUSTER")
@json_option
@connected
def show_cluster(server: Server, wanted: str, as_json: bool) -> None:
    """Show one, with its nodes. CLUSTER: the Gluster volume's name, or what its id begins with."""
    found = _one(_clusters(server), wanted, "cluster", lambda each: [each.get("gluster_volume", "")])
    if as_json:
        show_json(found)
        return
    names = _names(server)
    show_facts(
        [
            ("id", found["id"]),
            ("gluster volume", found.get("gluster_volume", "?")),
            ("takes new ones", "yes" if found.get("file") else "no"),
            ("volumes", str(found.get("volumes", "?"))),
            ("handed out", size_of(found.get("size_bytes"))),
            ("used", size_of(found.get("used_bytes"))),
            ("free", size_of(found.get("free_bytes"))),
            ("capacity", size_of(found.get("capacity_bytes"))),
        ]
    )
    click.echo()
    nodes = [server.get(f"/nodes/{each}") for each in found["nodes"]]
    show(_NODE_HEADS, [_node_row(each, names) for each in nodes])


def _clusters(server: Server) -> list[Answer]:
    """What Heketi's API and the figures say of each, in one. volumes: how many."""
    figures = {each["cluster"]: each for each in server.entries(_USAGE, "clusters")}
    found = []
    for gluster_volume_id in server.get("/clusters")["clusters"]:
        told = server.get(f"/clusters/{gluster_volume_id}")
        known = {name: value for name, value in figures.get(gluster_volume_id, {}).items() if name != "cluster"}
        found.append({**known, **told, "volumes": len(told["volumes"])})
    return found


def _nodes(server: Server) -> list[Answer]:
    ids = {
        each
        for gluster_volume_id in server.get("/clusters")["clusters"]
        for each in _node_ids(server, gluster_volume_id)
    }
    return sorted((server.get(f"/nodes/{each}") for each in ids), key=lambda each: _names_of_node(each)[1:])


def _node_ids(server: Server, gluster_volume_id: str) -> list[str]:
    ids: list[str] = server.get(f"/clusters/{gluster_volume_id}")["nodes"]
    return ids


def _names(server: Server) -> dict[str, str]:
    """Names of Gluster volumes, by their ids."""
    return {each["cluster"]: each["gluster_volume"] for each in server.entries(_USAGE, "clusters")}


def _names_of_node(each: Answer) -> list[str]:
    return [each["id"], *each["hostnames"]["manage"], *each["hostnames"]["storage"]]


def _one(found: Sequence[Answer], wanted: str, kind: str, names_of: Callable[[Answer], Sequence[str]]) -> Answer:
    """The one that has that name, or whose id begins so. Raises CommandFailed."""
    named = [each for each in found if wanted in (each["id"], *names_of(each))]
    meant = named or [each for each in found if wanted and each["id"].startswith(wanted)]
    if len(meant) != 1:
        why = f"can mean more than one {kind}" if meant else f"is no {kind}"
        raise exits.CommandFailed(f"{wanted!r} {why}: see `piragua {kind} list`", exits.NOT_FOUND)
    return meant[0]


def _node_row(each: Answer, names: dict[str, str]) -> list[Cell]:
    devices = each.get("devices", [])
    return [
        Id(each["id"]),
        ", ".join(each["hostnames"]["manage"]),
        ", ".join(each["hostnames"]["storage"]),
        each["state"],
        names.get(each["cluster"], each["cluster"]),
        str(len(devices)),
        size(sum(device["storage"]["total"] for device in devices) * _BYTES_PER_KIB),
        size(sum(device["storage"]["free"] for device in devices) * _BYTES_PER_KIB),
    ]


def _device_row(device: Answer) -> list[Cell]:
    storage = device["storage"]
    return [
        device["name"],
        device["state"],
        size(storage["total"] * _BYTES_PER_KIB),
        size(storage["free"] * _BYTES_PER_KIB),
        " ".join(brick["path"] for brick in device["bricks"]),
    ]


def _cluster_row(each: Answer) -> list[Cell]:
    return [
        Id(each["id"]),
        each.get("gluster_volume", "?"),
        str(len(each["nodes"])),
        str(each["volumes"]),
        size_of(each.get("size_bytes")),
        size_of(each.get("used_bytes")),
        size_of(each.get("free_bytes")),
        size_of(each.get("capacity_bytes")),
    ]


def _tags(each: Answer) -> str:
    return printable(" ".join(f"{name}={value}" for name, value in each["tags"].items()))
