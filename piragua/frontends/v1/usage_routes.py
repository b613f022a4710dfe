"""/piragua/v1/usage and /piragua/v1/operations: how full everything is, and what is being done."""

from fastapi import APIRouter, Response

from piragua.core import Core
from piragua.frontends.v1.volume_schemas import OperationList, UsageSums
from piragua.http import replies
from piragua.http.route_facts import shows


def usage_router(core: Core) -> APIRouter:
    """The routes."""
    router = APIRouter()

    @router.get("/piragua/v1/usage", **shows("The sums over all volumes", UsageSums))
    async def usage() -> Response:
        return replies.json(UsageSums.of(await core.listing.totals()))

    @router.get("/piragua/v1/operations", **shows("What all servers have in work", OperationList))
    async def operations() -> Response:
        return replies.json(OperationList.of(await core.across_instances.all()))

    return router
