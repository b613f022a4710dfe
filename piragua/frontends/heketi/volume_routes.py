"""/volumes: create, list, show, expand, clone, delete (docs/heketi-wire.md, 3.1, 5.1)."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from fastapi import APIRouter, Request, Response

from piragua.core import Core
from piragua.errors import Ineligible, NameInUse, NoneFits, NotFound, NotReady, OutOfSpace
from piragua.frontends.heketi.answers import VolumeInfo, VolumeList, volume_info
from piragua.frontends.heketi.error_table import sentence
from piragua.frontends.heketi.refusals import AllocationFailed
from piragua.frontends.heketi.schemas import VolumeClone, VolumeCreate, VolumeExpand
from piragua.http import replies
from piragua.http.body import BodyLimits, read_into
from piragua.http.ids import checked_id
from piragua.http.route_facts import shows, starts
from piragua.models import Volume


def volume_router(core: Core, limits: BodyLimits) -> APIRouter:
    """The routes under /volumes; the path types of `ids` must be registered."""
    router = APIRouter()

    @router.post("/volumes", **starts("Create a volume", body=VolumeCreate))
    async def create(request: Request) -> Response:
        wish = await read_into(request, VolumeCreate, limits)
        with allocating("new volume"):
            job = await core.volumes.prepare_create(wish.spec())
        return replies.accepted(await core.operations.start(job))

    @router.get("/volumes", **shows("The ids of all volumes", VolumeList))
    async def list_all() -> Response:
        return replies.json(VolumeList(volumes=await core.volumes.ids()))

    @router.get("/volumes/{volume_id:volume_id}", **shows("A volume", VolumeInfo))
    async def show(volume_id: str) -> Response:
        volume = await core.volumes.get(checked_id(volume_id))
        return replies.json(await described(volume, core))

    @router.post("/volumes/{volume_id:volume_id}/expand", **starts("Grow a volume", body=VolumeExpand))
    async def expand(request: Request, volume_id: str) -> Response:
        add_bytes = (await read_into(request, VolumeExpand, limits)).add_bytes()
        with allocating("volume expansion"):
            job = await core.volumes.prepare_expand(checked_id(volume_id), add_bytes)
        return replies.accepted(await core.operations.start(job))

    @router.post("/volumes/{volume_id:volume_id}/clone", **starts("Copy a volume", body=VolumeClone))
    async def clone(request: Request, volume_id: str) -> Response:
        name = (await read_into(request, VolumeClone, limits)).checked_name()
        with refusing(f"Failed clone volume {volume_id}"):
            job = await core.volumes.prepare_clone(checked_id(volume_id), name)
        return replies.accepted(await core.operations.start(job))

    @router.delete("/volumes/{volume_id:volume_id}", **starts("Delete a volume"))
    async def delete(volume_id: str) -> Response:
        job = await core.volumes.prepare_delete(checked_id(volume_id))
        return replies.accepted(await core.operations.start(job))

    return router


async def described(volume: Volume, core: Core) -> VolumeInfo:
    """The volume as an answer. Raises NotReady while its Gluster volume is not to be seen.

    A NotFound from there must not get out: it would say that the volume is gone.
    """
    try:
        cluster = await core.topology.gluster_volume(volume.gluster_volume_id)
        nodes = await core.topology.nodes(volume.gluster_volume_id)
    except NotFound as error:
        raise NotReady(f"Gluster volume {volume.gluster_volume} cannot be seen at the moment") from error
    return volume_info(volume, cluster, nodes, core.devices.id_of)


def allocating(what: str) -> AbstractContextManager[None]:
    """No room and a taken name are told with the step that failed before them (docs/heketi-wire.md, 8.4)."""
    return refusing(f"Failed to allocate {what}")


@contextmanager
def refusing(failed_step: str) -> Iterator[None]:
    """No room and a taken name are told after these words."""
    try:
        yield
    except (NameInUse, OutOfSpace, Ineligible, NoneFits) as error:
        raise AllocationFailed(f"{failed_step}: {sentence(error)}") from error
