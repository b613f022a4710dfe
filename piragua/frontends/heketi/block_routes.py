"""/blockvolumes: there are none, and none can be made (docs/heketi-wire.md, 3.1)."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from piragua.core import Core
from piragua.errors import NotFound, NotServed, Unsupported
from piragua.frontends.heketi.pool_schemas import BlockRestriction, BlockVolumeCreate, BlockVolumeExpand
from piragua.frontends.heketi.refusals import NotForThisVolume
from piragua.http import replies
from piragua.http.body import BodyLimits, read_into
from piragua.http.ids import checked_id
from piragua.http.route_facts import refuses, shows


class BlockVolumeList(BaseModel):
    blockvolumes: list[str]


def block_router(core: Core, limits: BodyLimits) -> APIRouter:
    """The routes; the path types of `ids` must be registered."""
    router = APIRouter()

    @router.get("/blockvolumes", **shows("Always an empty list", BlockVolumeList))
    async def list_none() -> Response:
        return replies.json(BlockVolumeList(blockvolumes=[]))

    @router.get("/blockvolumes/{volume_id:hex_id}", **refuses("There are no block volumes", 404))
    async def show(volume_id: str) -> Response:
        raise NotFound("Id not found")

    @router.delete("/blockvolumes/{volume_id:hex_id}", **refuses("There are no block volumes", 404))
    async def delete(volume_id: str) -> Response:
        raise NotFound("Id not found")

    @router.post(
        "/blockvolumes/{volume_id:hex_id}/expand",
        **refuses("There are no block volumes", 404, body=BlockVolumeExpand),
    )
    async def expand(request: Request, volume_id: str) -> Response:
        (await read_into(request, BlockVolumeExpand, limits)).check()
        raise NotFound("Id not found")

    @router.post("/blockvolumes", **refuses("Refused: make a file volume", 400, body=BlockVolumeCreate))
    async def create(request: Request) -> Response:
        (await read_into(request, BlockVolumeCreate, limits)).check()
        if not await core.topology.gluster_volumes():
            raise NotServed()
        raise Unsupported(
            "Volumes are directories of a shared Gluster volume here, and no block volume can be made on them:"
            " make a file volume with POST /volumes ('heketi-cli volume create')"
        )

    @router.post(
        "/volumes/{volume_id:volume_id}/block-restriction",
        **refuses("Refused: no volume hosts block volumes", 500, body=BlockRestriction),
    )
    async def restrict(request: Request, volume_id: str) -> Response:
        (await read_into(request, BlockRestriction, limits)).check()
        await core.volumes.get(checked_id(volume_id))
        raise NotForThisVolume(
            "Failed to set block restriction: Block restrictions can only be set on block hosting volumes"
        )

    return router
