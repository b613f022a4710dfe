"""/piragua/v1/usage and /piragua/v1/operations: how full everything is, and what is being done."""

from fastapi import APIRouter, Response

from piragua.core import OperationsAcrossInstances
from piragua.frontends.v1.core import Listing
from piragua.frontends.v1.volume_schemas import OperationList, UsageSums
from piragua.http import replies
from piragua.http.route_facts import shows


def usage_router(listing: Listing, across_instances: OperationsAcrossInstances) -> APIRouter:
    """The routes."""
    router = APIRouter()

    @router.get("/piragua/v1/usage", **shows("The sums over all volumes", UsageSums))
    async def usage() -> Response:
        return replies.json(UsageSums.of(await listing.totals()))

    @router.get("/piragua/v1/operations", **shows("What all servers have in work", OperationList))
    async def operations() -> Response:
        return replies.json(OperationList.of(await across_instances.all()))

    return router
