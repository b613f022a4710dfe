"""/piragua/v1/trash and /piragua/v1/purge: what is deleted, how it comes back, and when it goes for good."""

from fastapi import APIRouter, Request, Response

from piragua.core import Core
from piragua.frontends.v1.conflicts import conflicts_as_409, with_conflict
from piragua.frontends.v1.schemas import PurgeInfo, PurgeSetting, TrashEntry, TrashList
from piragua.http import replies
from piragua.http.body import BodyLimits, read_setting
from piragua.http.ids import checked_id
from piragua.http.route_facts import sets, shows, starts

_CONFLICT = "Not in the trash, being purged, in work, or its name is taken: the text says which"


def trash_router(core: Core, limits: BodyLimits) -> APIRouter:
    """The routes; the path types of `ids` must be registered."""
    router = APIRouter()

    @router.get("/piragua/v1/trash", **shows("What is deleted and not yet purged", TrashList))
    async def list_trash() -> Response:
        return replies.json(TrashList(trash=[TrashEntry.of(each) for each in await core.trash.entries()]))

    @router.post(
        "/piragua/v1/trash/{volume_id:volume_id}/restore",
        **with_conflict(starts("Take a volume back out of the trash"), _CONFLICT),
    )
    async def restore(volume_id: str) -> Response:
        with conflicts_as_409():
            job = await core.trash.prepare_restore(checked_id(volume_id))
        return replies.accepted(await core.operations.start(job))

    @router.delete(
        "/piragua/v1/trash/{volume_id:volume_id}",
        **with_conflict(
            sets("End its retention: it cannot be restored, and is purged in the background", 204), _CONFLICT
        ),
    )
    async def purge_now(volume_id: str) -> Response:
        with conflicts_as_409():
            await core.trash.purge_now(checked_id(volume_id))
        return replies.empty(204)

    @router.get("/piragua/v1/purge", **shows("Whether deleted volumes are purged, and what is left", PurgeInfo))
    async def show_purging() -> Response:
        return replies.json(PurgeInfo.of(await core.trash.purging()))

    @router.post("/piragua/v1/purge", **sets("Pause or resume purging on all servers", 204, body=PurgeSetting))
    async def set_purging(request: Request) -> Response:
        await core.trash.set_purging((await read_setting(request, PurgeSetting, limits)).wanted())
        return replies.empty(204)

    return router
