"""/nodes: the peers that hold bricks, as Gluster reports them (docs/heketi-wire.md, 3.1, 4.2)."""

from fastapi import APIRouter, Request, Response

from piragua.core import Core
from piragua.errors import NotFound, Unsupported
from piragua.frontends.heketi.pool_answers import NodeInfo, node_info
from piragua.frontends.heketi.pool_schemas import NodeAdd, StateChange, TagsChange
from piragua.frontends.heketi.refusals import UnknownPart
from piragua.http import replies
from piragua.http.body import BodyLimits, read_into
from piragua.http.ids import checked_id
from piragua.http.refusals import StillInUse
from piragua.http.route_facts import refuses, shows, shows_map

NOT_SET_HERE = (
    "The state of a {what} is what Gluster reports and cannot be set:"
    " start or stop its glusterd and its bricks on the server itself"
)


def node_router(core: Core, limits: BodyLimits) -> APIRouter:
    """The routes under /nodes; the path types of `ids` must be registered."""
    router = APIRouter()

    @router.get("/nodes/{node_id:hex_id}", **shows("A server with bricks", NodeInfo))
    async def show(node_id: str) -> Response:
        node = await core.topology.node(checked_id(node_id))
        found = await core.devices.of_node(node.id)
        return replies.json(node_info(node, found, await core.tags.of([node.id, *(each.id for each in found)])))

    @router.post("/nodes/{node_id:hex_id}/tags", **shows_map("Change a node's tags", body=TagsChange))
    async def change_tags(request: Request, node_id: str) -> Response:
        wish = await read_into(request, TagsChange, limits)
        wish.check()
        node = await core.topology.node(checked_id(node_id))
        return replies.json_map(await core.tags.change(node.id, wish.applied_to))

    @router.post("/nodes/{node_id:hex_id}/state", **refuses("Refused: it is reported", 400, body=StateChange))
    async def set_state(request: Request, node_id: str) -> Response:
        (await read_into(request, StateChange, limits)).check()
        await core.topology.node(checked_id(node_id))
        raise Unsupported(NOT_SET_HERE.format(what="node"))

    @router.post("/nodes", **refuses("Refused: probe a peer", 400, 404, 409, body=NodeAdd))
    async def add(request: Request) -> Response:
        wish = await read_into(request, NodeAdd, limits)
        wish.check()
        await _require_new(wish, core)
        raise Unsupported(
            "Nodes are the servers that hold bricks, and show up by themselves: add one to the trusted pool with"
            " 'gluster peer probe' and give it bricks with 'gluster volume add-brick'"
        )

    @router.delete("/nodes/{node_id:hex_id}", **refuses("Refused: remove its bricks", 409))
    async def delete(node_id: str) -> Response:
        node = await core.topology.node(checked_id(node_id))
        raise StillInUse(
            f"Unable to delete node [{node.id}] because it contains devices: take its bricks away with"
            " 'gluster volume remove-brick' or 'replace-brick', and it is shown no more"
        )

    return router


async def _require_new(wish: NodeAdd, core: Core) -> None:
    """UnknownPart for an unknown cluster, StillInUse for a host that is a node already, in Heketi's words."""
    try:
        cluster = await core.topology.gluster_volume(wish.cluster)
    except NotFound:
        raise UnknownPart("Cluster id does not exist") from None
    for node in await core.topology.nodes(cluster.id):
        known = {node.name, node.address}
        for host in (*wish.hostnames.manage, *wish.hostnames.storage):
            if host in known:
                raise StillInUse(f"Hostname {host} already used by node with id {node.id}\n")
