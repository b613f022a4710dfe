"""/volumes/{glustervolume}/{id}/{name}: paths of the original Piragua, as its persistent volumes name them.

Kubernetes takes a volume's path for its id where a persistent volume does not say it (docs/heketi-wire.md, 7.3).
"""

from fastapi import APIRouter, Request, Response

from piragua.core import Core
from piragua.errors import NotFound
from piragua.frontends.heketi.answers import VolumeInfo
from piragua.frontends.heketi.schemas import VolumeExpand
from piragua.frontends.heketi.volume_routes import allocating, described
from piragua.http import replies
from piragua.http.body import BodyLimits, read_into
from piragua.http.ids import checked_id
from piragua.http.refusals import InvalidPath
from piragua.http.route_facts import shows, starts

_PATH = "/volumes/{gluster_volume:gluster_volume}/{directory:volume_directory}/{name:volume_name}"


def original_router(core: Core, limits: BodyLimits) -> APIRouter:
    """The original's routes; the path types of `ids` must be registered."""
    router = APIRouter()

    @router.get(_PATH, **shows("A volume by its path", VolumeInfo))
    async def show(gluster_volume: str, directory: str, name: str) -> Response:
        await _require_served(core, gluster_volume)
        volume = await core.volumes.get(checked_id(directory))
        _check_path(volume.path, gluster_volume, directory, name)
        return replies.json(await described(volume, core))

    @router.post(_PATH + "/expand", **starts("Grow a volume, by its path", body=VolumeExpand))
    async def expand(request: Request, gluster_volume: str, directory: str, name: str) -> Response:
        add_bytes = (await read_into(request, VolumeExpand, limits)).add_bytes()
        await _require_served(core, gluster_volume)
        volume = await core.volumes.get(checked_id(directory))
        _check_path(volume.path, gluster_volume, directory, name)
        with allocating("volume expansion"):
            job = await core.volumes.prepare_expand(volume.id, add_bytes)
        return replies.accepted(await core.operations.start(job))

    @router.delete(_PATH, **starts("Delete a volume by its path"))
    async def delete(gluster_volume: str, directory: str, name: str) -> Response:
        await _require_served(core, gluster_volume)
        volume_id = checked_id(directory)
        try:
            volume = await core.volumes.get(volume_id)
        except NotFound:
            # Perhaps in the trash, where a delete may be said again: the core knows.
            pass
        else:
            _check_path(volume.path, gluster_volume, directory, name)
        job = await core.volumes.prepare_delete(volume_id)
        return replies.accepted(await core.operations.start(job))

    return router


async def _require_served(core: Core, gluster_volume: str) -> None:
    """InvalidPath for a Gluster volume that is not configured.

    `Id not found` would make Kubernetes forget a volume that lies there.
    """
    try:
        await core.topology.gluster_volume(gluster_volume)
    except NotFound as error:
        raise InvalidPath from error


def _check_path(real: str, gluster_volume: str, directory: str, name: str) -> None:
    """InvalidPath when the volume of that id lies elsewhere: it is there, so it is not to be forgotten."""
    if real != f"{gluster_volume}/{directory}/{name}":
        raise InvalidPath
