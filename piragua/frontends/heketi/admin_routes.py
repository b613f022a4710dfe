"""/admin, /internal/logging and /operations: what administrators look at and set (docs/heketi-wire.md, 3.1)."""

from fastapi import APIRouter, Request, Response

from piragua.core import Core
from piragua.frontends.heketi.admin_schemas import (
    AdminState,
    LogLevels,
    OperationCounts,
    OperationsCleanup,
    PendingOperation,
    PendingOperationDetails,
    PendingOperations,
)
from piragua.frontends.heketi.refusals import UnknownPart
from piragua.http import replies
from piragua.http.body import BodyLimits, read_into, read_setting
from piragua.http.refusals import SettingRefused
from piragua.http.route_facts import sets, shows
from piragua.http.route_marks import in_read_only_mode


def admin_router(core: Core, limits: BodyLimits) -> APIRouter:
    """The routes; the path types of `ids` must be registered."""
    router = APIRouter()
    _add_mode(router, core, limits)
    _add_logging(router, core, limits)
    _add_operations(router, core, limits)
    return router


def _add_mode(router: APIRouter, core: Core, limits: BodyLimits) -> None:
    @router.get("/admin", **shows("The mode of all instances", AdminState))
    async def show_mode() -> Response:
        return replies.json(AdminState(state=(await core.modes.current()).value))

    @router.post("/admin", **sets("Set the mode of all instances", 204, body=AdminState))
    @in_read_only_mode
    async def set_mode(request: Request) -> Response:
        await core.modes.set((await read_setting(request, AdminState, limits)).mode())
        return replies.empty(204)


def _add_logging(router: APIRouter, core: Core, limits: BodyLimits) -> None:
    @router.get("/internal/logging", **shows("How much this instance logs", LogLevels))
    async def show_level() -> Response:
        return replies.json(LogLevels.of(core.log_level.get()))

    @router.post("/internal/logging", **shows("Set how much this instance logs", LogLevels, body=LogLevels))
    async def set_level(request: Request) -> Response:
        level = (await read_setting(request, LogLevels, limits)).level()
        try:
            core.log_level.set(level)
        except KeyError:
            raise SettingRefused(f"invalid log level: {level}") from None
        return replies.json(LogLevels.of(core.log_level.get()))


def _add_operations(router: APIRouter, core: Core, limits: BodyLimits) -> None:
    @router.get("/operations", **shows("How many operations are not over", OperationCounts))
    async def count() -> Response:
        return replies.json(OperationCounts.of(await core.across_instances.all()))

    @router.get("/operations/pending", **shows("Operations that are not over", PendingOperations))
    async def list_pending() -> Response:
        found = [PendingOperation.of(each) for each in await core.across_instances.all()]
        return replies.json(PendingOperations(pendingoperations=found))

    @router.get(
        "/operations/pending/{pending_id:hex_id}",
        **shows("An operation that is not over", PendingOperationDetails),
    )
    async def show_pending(pending_id: str) -> Response:
        for each in await core.across_instances.all():
            if pending_id in (each.id, each.operation_id):
                return replies.json(PendingOperationDetails.of(each))
        raise UnknownPart(f"Id not found: {pending_id[:256]}")

    @router.post(
        "/operations/pending/cleanup", **sets("End what servers left that went away", 204, body=OperationsCleanup)
    )
    async def clean_up(request: Request) -> Response:
        """204 at once: the sweeps have begun."""
        (await read_into(request, OperationsCleanup, limits)).check()
        await core.across_instances.clean_up()
        return replies.empty(204)
