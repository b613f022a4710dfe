"""/piragua/v1/status: what the instance that is asked does now, and has done since it was started."""

from collections.abc import Mapping
from datetime import datetime
from typing import Self

from fastapi import APIRouter, Response
from pydantic import BaseModel

from piragua import __version__
from piragua.core import Core, Instance, Totals
from piragua.http import replies
from piragua.http.route_facts import shows


class Requests(BaseModel):
    """errors: answers of 500 and above."""

    total: int
    errors: int


class Ended(BaseModel):
    """Long work that has ended."""

    succeeded: int = 0
    failed: int = 0


class QueueState(BaseModel):
    """running: long work that is not over. waiting: commands that wait for their turn at glusterd."""

    running: int
    waiting: int
    oldest_wait_seconds: float


class Commands(BaseModel):
    """Commands of the gluster program, each attempt counted. failed: what Gluster answered with a no is none."""

    total: int
    failed: int
    retried: int


class MountState(BaseModel):
    """state: `mounted`, or why it is not."""

    gluster_volume: str
    state: str
    stuck_threads: int


class PurgeWork(BaseModel):
    """state: `paused` if it is on any Gluster volume. waiting: deleted volumes that are still there."""

    state: str
    waiting: int
    entries_removed: int


class Status(BaseModel):
    """One instance: as it is now, and counters since it was started."""

    server: str
    version: str
    started: datetime
    uptime_seconds: float
    requests: Requests
    operations: Mapping[str, Ended]
    queue: QueueState
    gluster_commands: Commands
    mounts: list[MountState]
    purge: PurgeWork

    @classmethod
    def of(cls, instance: Instance, totals: Totals) -> Self:
        queues = [purger.queue() for purger in instance.purgers.values()]
        waiting = instance.gluster.waiting
        return cls(
            server=instance.server,
            version=__version__,
            started=instance.started.replace(microsecond=0),
            uptime_seconds=round(instance.uptime_seconds, 1),
            requests=Requests(total=totals.requests, errors=totals.request_errors),
            operations=_ended(totals.operations),
            queue=QueueState(
                running=len(instance.work.ongoing()),
                waiting=waiting.count,
                oldest_wait_seconds=round(waiting.oldest_seconds, 3),
            ),
            gluster_commands=Commands(
                total=totals.commands, failed=totals.commands_failed, retried=totals.commands_retried
            ),
            mounts=[
                MountState(
                    gluster_volume=mount.gluster_volume,
                    state=mount.problem or "mounted",
                    stuck_threads=mount.stuck_calls,
                )
                for mount in instance.mounts
            ],
            purge=PurgeWork(
                state="paused" if any(each.paused for each in queues) else "running",
                waiting=sum(each.working + each.due + each.put_off + each.retained for each in queues),
                entries_removed=sum(each.entries_removed for each in queues),
            ),
        )


def status_router(core: Core) -> APIRouter:
    """Everything in the answer is in memory."""
    router = APIRouter()

    @router.get("/piragua/v1/status", **shows("What this instance does, and has done since its start", Status))
    async def show_status() -> Response:
        return replies.json(Status.of(core.instance, core.counters.totals()))

    return router


def _ended(counts: Mapping[tuple[str, str], int]) -> dict[str, Ended]:
    return {
        kind: Ended(succeeded=counts.get((kind, "succeeded"), 0), failed=counts.get((kind, "failed"), 0))
        for kind in sorted({kind for kind, _ in counts})
    }
