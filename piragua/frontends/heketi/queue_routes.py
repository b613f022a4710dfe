"""/queue/{id}: how an operation stands (docs/heketi-wire.md, 5.1, 5.4)."""

from fastapi import APIRouter, Response

from piragua.core import Core
from piragua.errors import NotFound
from piragua.frontends.heketi.refusals import UnknownOperation
from piragua.http import replies
from piragua.http.ids import may_be_operation
from piragua.http.route_facts import ends
from piragua.models import Done, Failed, Outcome


def queue_router(core: Core) -> APIRouter:
    """The queue's one route; the path types of `ids` must be registered."""
    router = APIRouter()

    @router.get("/queue/{operation_id:hex_id}", **ends("How an operation stands"))
    async def poll(operation_id: str) -> Response:
        unknown = UnknownOperation(f"Unknown operation {operation_id[:256]}")
        if not may_be_operation(operation_id):
            raise unknown
        try:
            outcome = await core.operations.poll(operation_id)
        except NotFound as error:
            raise unknown from error
        return _reply(outcome)

    return router


def _reply(outcome: Outcome) -> Response:
    if isinstance(outcome, Failed):
        return replies.text(500, outcome.message or "The operation failed")
    if isinstance(outcome, Done):
        if outcome.volume_id is None:
            return replies.empty(204)
        return replies.see_other(f"/volumes/{outcome.volume_id}")
    return replies.pending()
