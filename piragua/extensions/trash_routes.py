"""/piragua/v1/trash and /piragua/v1/purge: what is deleted, how it comes back, and when it goes for good."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from fastapi import APIRouter, Request, Response

from piragua.errors import Conflict
from piragua.extensions.core import Trash
from piragua.extensions.schemas import PurgeInfo, PurgeSetting, TrashEntry, TrashList
from piragua.heketi import replies
from piragua.heketi.body import BodyLimits, read_setting
from piragua.heketi.core import Operations
from piragua.heketi.ids import checked_id
from piragua.heketi.refusals import StillInUse
from piragua.heketi.route_facts import Facts, sets, shows, starts, text

Job = TypeVar("Job")

_CONFLICT = "Not in the trash, being purged, in work, or its name is taken: the text says which"


def trash_router(trash: Trash[Job], operations: Operations[Job], limits: BodyLimits) -> APIRouter:
    """The routes; the path types of `ids` must be registered."""
    router = APIRouter()

    @router.get("/piragua/v1/trash", **shows("What is deleted and not yet purged", TrashList))
    async def list_trash() -> Response:
        return replies.json(TrashList(trash=[TrashEntry.of(each) for each in await trash.entries()]))

    @router.post(
        "/piragua/v1/trash/{volume_id:heketi_volume}/restore",
        **_with_conflict(starts("Take a volume back out of the trash")),
    )
    async def restore(volume_id: str) -> Response:
        with _conflicts_as_409():
            job = await trash.prepare_restore(checked_id(volume_id))
        return replies.accepted(await operations.start(job))

    @router.delete(
        "/piragua/v1/trash/{volume_id:heketi_volume}",
        **_with_conflict(sets("End its retention: it cannot be restored, and is purged in the background", 204)),
    )
    async def purge_now(volume_id: str) -> Response:
        with _conflicts_as_409():
            await trash.purge_now(checked_id(volume_id))
        return replies.empty(204)

    @router.get("/piragua/v1/purge", **shows("Whether deleted volumes are purged, and what is left", PurgeInfo))
    async def show_purging() -> Response:
        return replies.json(PurgeInfo.of(await trash.purging()))

    @router.post("/piragua/v1/purge", **sets("Pause or resume purging on all servers", 204, body=PurgeSetting))
    async def set_purging(request: Request) -> Response:
        await trash.set_purging((await read_setting(request, PurgeSetting, limits)).wanted())
        return replies.empty(204)

    return router


def _with_conflict(facts: Facts) -> Facts:
    return {**facts, "responses": {**facts["responses"], 409: text(_CONFLICT)}}


@contextmanager
def _conflicts_as_409() -> Iterator[None]:
    """Heketi has 500 for conflicts; here nobody needs that."""
    try:
        yield
    except Conflict as error:
        raise StillInUse(str(error)) from error
