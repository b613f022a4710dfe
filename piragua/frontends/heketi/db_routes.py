"""/db, /backup and /internal/state: what there is, what does not agree, and a copy of the records."""

import json
from collections.abc import Callable, Sequence

import anyio.to_thread
from fastapi import APIRouter, Response

from piragua.core import Core, RootEntry
from piragua.frontends.heketi import db_answers
from piragua.frontends.heketi.db_answers import ClusterPicture, Picture
from piragua.http import replies
from piragua.http.route_facts import downloads, shows_object

RECORDS_FILE = "piragua-records.json"


def db_router(core: Core) -> APIRouter:
    """The routes. What can become long is rendered in a thread."""
    router = APIRouter()

    @router.get("/db/dump", **shows_object("Everything that is known"))
    async def dump() -> Response:
        picture = await _picture(core, await core.examination.entries())
        return await _indented(lambda: db_answers.dump(picture))

    @router.get("/db/check", **shows_object("What does not agree"))
    async def check() -> Response:
        reports = await core.examination.reports()
        picture = await _picture(core, [each for r in reports for each in r.entries])
        return await _indented(lambda: db_answers.check(picture, reports))

    @router.get("/internal/state/examine/gluster", **shows_object("Dump and check together"))
    async def examine() -> Response:
        reports = await core.examination.reports()
        picture = await _picture(core, [each for r in reports for each in r.entries])
        return await _indented(lambda: db_answers.examine(picture, reports))

    @router.get("/backup/db", **downloads("A copy of the records of all volumes"))
    async def backup() -> Response:
        """Heketi sends its database file, whose name would be a lie here."""
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Disposition": f'attachment; filename="{RECORDS_FILE}"',
        }
        return Response(await core.backup.document(), headers=headers)

    return router


async def _picture(core: Core, entries: Sequence[RootEntry]) -> Picture:
    clusters = []
    for cluster in await core.topology.gluster_volumes():
        here = tuple(entry for entry in entries if entry.gluster_volume == cluster.name)
        flags = await core.flags.of(cluster.name)
        clusters.append(ClusterPicture(cluster, flags, await core.topology.nodes(cluster.id), here))
    nodes = {node.id for each in clusters for node in each.nodes}
    devices = {node_id: await core.devices.of_node(node_id) for node_id in nodes}
    tags = await core.tags.of([*nodes, *(each.id for known in devices.values() for each in known)])
    return Picture(tuple(clusters), devices, tags, await core.across_instances.all(), core.devices.id_of)


async def _indented(render: Callable[[], db_answers.Json]) -> Response:
    text = await anyio.to_thread.run_sync(lambda: json.dumps(render(), indent=4, ensure_ascii=False))
    return replies.json_text(text)
