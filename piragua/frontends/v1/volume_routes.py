"""/piragua/v1/volumes: lists with use and labels, creates with more to choose, labels, and shrinking."""

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response

from piragua.core import Core
from piragua.frontends.v1 import listing_query
from piragua.frontends.v1.conflicts import conflicts_as_409, with_conflict
from piragua.frontends.v1.volume_schemas import (
    LabelChanges,
    NewLabels,
    NewSize,
    VolumeEntry,
    VolumePage,
    VolumeWish,
)
from piragua.http import replies
from piragua.http.body import BodyLimits, read_strict
from piragua.http.ids import checked_id
from piragua.http.route_facts import shows, starts
from piragua.models import gib_to_bytes

_TAKEN = "Its name is taken"
_IN_WORK = "Somebody works on the volume"
_HOLDS_MORE = "The volume holds more than that, or somebody works on it: the text says which"


def volume_router(core: Core, limits: BodyLimits) -> APIRouter:
    """The routes; the path types of `ids` must be registered."""
    router = APIRouter()

    @router.get(
        "/piragua/v1/volumes",
        **shows("Volumes with their use and labels", VolumePage, query=listing_query.described()),
    )
    async def list_volumes(request: Request) -> Response:
        query = listing_query.parse(request.query_params.multi_items())
        return replies.json(VolumePage.of(await core.listing.page(query), query))

    @router.post("/piragua/v1/volumes", **with_conflict(starts("Create a volume", body=VolumeWish), _TAKEN))
    async def create(request: Request) -> Response:
        wish = await read_strict(request, VolumeWish, limits)
        with conflicts_as_409():
            job = await core.volumes.prepare_create(wish.spec())
        return replies.accepted(await core.operations.start(job))

    @router.get("/piragua/v1/volumes/{volume_id:volume_id}", **shows("A volume", VolumeEntry))
    async def show(volume_id: str) -> Response:
        return replies.json(VolumeEntry.of(await core.listing.one(checked_id(volume_id))))

    @router.put(
        "/piragua/v1/volumes/{volume_id:volume_id}/labels",
        **with_conflict(shows("Set all labels anew", VolumeEntry, body=NewLabels), _IN_WORK),
    )
    async def set_labels(request: Request, volume_id: str) -> Response:
        wanted = (await read_strict(request, NewLabels, limits)).labels
        with conflicts_as_409():
            await core.volumes.set_labels(checked_id(volume_id), lambda _: wanted)
        return await show(volume_id)

    @router.patch(
        "/piragua/v1/volumes/{volume_id:volume_id}/labels",
        **with_conflict(shows("Set some labels, and take some away", VolumeEntry, body=LabelChanges), _IN_WORK),
    )
    async def change_labels(request: Request, volume_id: str) -> Response:
        changes = (await read_strict(request, LabelChanges, limits)).labels
        with conflicts_as_409():
            await core.volumes.set_labels(checked_id(volume_id), lambda before: _merged(before, changes))
        return await show(volume_id)

    @router.post(
        "/piragua/v1/volumes/{volume_id:volume_id}/shrink",
        **with_conflict(starts("Make a volume smaller", body=NewSize), _HOLDS_MORE),
    )
    async def shrink(request: Request, volume_id: str) -> Response:
        size_bytes = gib_to_bytes((await read_strict(request, NewSize, limits)).size_gib)
        with conflicts_as_409():
            job = await core.volumes.prepare_shrink(checked_id(volume_id), size_bytes)
        return replies.accepted(await core.operations.start(job))

    return router


def _merged(before: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    return {key: value for key, value in {**before, **changes}.items() if value is not None}
