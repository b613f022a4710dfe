"""/devices and /bricks: the file systems that bricks lie on (docs/heketi-wire.md, 3.1, 4.2)."""

from fastapi import APIRouter, Request, Response

from piragua.core import Core
from piragua.errors import InvalidRequest, NotFound, Unsupported
from piragua.frontends.heketi.node_routes import NOT_SET_HERE
from piragua.frontends.heketi.pool_answers import DeviceInfo, device_info
from piragua.frontends.heketi.pool_schemas import BrickEvict, DeviceAdd, DeviceDelete, StateChange, TagsChange
from piragua.frontends.heketi.refusals import UnknownPart
from piragua.http import replies
from piragua.http.body import BodyLimits, read_into
from piragua.http.ids import checked_id
from piragua.http.route_facts import refuses, shows, shows_map
from piragua.models import part_id


def device_router(core: Core, limits: BodyLimits) -> APIRouter:
    """The routes; the path types of `ids` must be registered."""
    router = APIRouter()

    @router.get("/devices/{device_id:hex_id}", **shows("A file system with bricks", DeviceInfo))
    async def show(device_id: str) -> Response:
        device = await core.devices.device(checked_id(device_id))
        return replies.json(device_info(device, (await core.tags.of([device.id]))[device.id]))

    @router.post("/devices/{device_id:hex_id}/tags", **shows_map("Change a device's tags", body=TagsChange))
    async def change_tags(request: Request, device_id: str) -> Response:
        wish = await read_into(request, TagsChange, limits)
        wish.check()
        device = await core.devices.device(checked_id(device_id))
        return replies.json_map(await core.tags.change(device.id, wish.applied_to))

    @router.post(
        "/devices/{device_id:hex_id}/state", **refuses("Refused: states are reported", 400, body=StateChange)
    )
    async def set_state(request: Request, device_id: str) -> Response:
        (await read_into(request, StateChange, limits)).check()
        await core.devices.device(checked_id(device_id))
        raise Unsupported(NOT_SET_HERE.format(what="device"))

    @router.get("/devices/{device_id:hex_id}/resync", **refuses("Refused: sizes are always fresh", 400))
    async def resync(device_id: str) -> Response:
        await core.devices.device(checked_id(device_id))
        raise Unsupported(
            "There is nothing to resync: sizes of devices are what Gluster reports, and are asked for all the time"
        )

    @router.post("/devices", **refuses("Refused: add a brick", 400, 404, body=DeviceAdd))
    async def add(request: Request) -> Response:
        wish = await read_into(request, DeviceAdd, limits)
        wish.check()
        await _require_node(wish.node, core)
        raise Unsupported(
            "Devices are the file systems that bricks lie on, and show up by themselves: make a file system on the"
            " device, mount it, and add a brick on it with 'gluster volume add-brick'"
        )

    @router.delete(
        "/devices/{device_id:hex_id}",
        **refuses("Refused: remove its bricks", 400, body=DeviceDelete, body_optional=True),
    )
    async def delete(request: Request, device_id: str) -> Response:
        await read_into(request, DeviceDelete, limits, may_be_empty=True)
        device = await core.devices.device(checked_id(device_id))
        raise InvalidRequest(
            f"device: {device.id} is not in failed state: take its bricks away with 'gluster volume remove-brick'"
            " or 'replace-brick', and it is shown no more"
        )

    @router.post(
        "/bricks/to-evict/{brick_id:hex_id}",
        **refuses("Refused: replace the brick", 400, body=BrickEvict, body_optional=True),
    )
    async def evict(request: Request, brick_id: str) -> Response:
        (await read_into(request, BrickEvict, limits, may_be_empty=True)).check()
        await _require_brick(checked_id(brick_id), core)
        raise Unsupported(
            "Bricks are shared by all volumes of a Gluster volume: move one with 'gluster volume replace-brick'"
        )

    return router


async def _require_node(node_id: str, core: Core) -> None:
    try:
        await core.topology.node(node_id)
    except NotFound:
        raise UnknownPart("Node id does not exist") from None


async def _require_brick(brick_id: str, core: Core) -> None:
    """NotFound for an id that no brick of a Gluster volume, and no volume's place on one, has."""
    for cluster in await core.topology.gluster_volumes():
        for owner in (cluster.id, *await core.volumes.ids(cluster.id)):
            if any(part_id(owner, brick.peer_id, brick.path) == brick_id for brick in cluster.bricks):
                return
    raise NotFound("Id not found")
