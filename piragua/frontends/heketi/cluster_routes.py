"""/clusters: the Gluster volumes that are served (docs/heketi-wire.md, 3.1, 4.2)."""

from fastapi import APIRouter, Request, Response

from piragua.core import Core
from piragua.errors import Unsupported
from piragua.frontends.heketi.pool_answers import ClusterInfo, ClusterList, cluster_info
from piragua.frontends.heketi.pool_schemas import ClusterFlagsWish
from piragua.http import replies
from piragua.http.body import BodyLimits, read_into
from piragua.http.refusals import StillInUse
from piragua.http.route_facts import refuses, sets, shows


def cluster_router(core: Core, limits: BodyLimits) -> APIRouter:
    """The routes under /clusters; the path types of `ids` must be registered."""
    router = APIRouter()

    @router.get("/clusters", **shows("The ids of all clusters", ClusterList))
    async def list_clusters() -> Response:
        return replies.json(ClusterList(clusters=sorted(c.id for c in await core.topology.gluster_volumes())))

    @router.get("/clusters/{id_or_name:gluster_volume}", **shows("A Gluster volume", ClusterInfo))
    async def show_cluster(id_or_name: str) -> Response:
        cluster = await core.topology.gluster_volume(id_or_name)
        nodes = await core.topology.nodes(cluster.id)
        return replies.json(
            cluster_info(cluster, nodes, await core.volumes.ids(cluster.id), await core.flags.of(cluster.name))
        )

    @router.post(
        "/clusters/{id_or_name:gluster_volume}/flags",
        **sets("What a Gluster volume may hold", 200, body=ClusterFlagsWish),
    )
    async def set_flags(request: Request, id_or_name: str) -> Response:
        wish = await read_into(request, ClusterFlagsWish, limits)
        cluster = await core.topology.gluster_volume(id_or_name)
        await core.flags.set(cluster.name, wish.flags())
        return replies.empty_json()

    @router.post("/clusters", **refuses("Refused: make a Gluster volume", 400, body=ClusterFlagsWish))
    async def create(request: Request) -> Response:
        await read_into(request, ClusterFlagsWish, limits)
        raise Unsupported(
            "A cluster is a Gluster volume here, and Piragua makes none: make it with 'gluster volume create',"
            " turn its quota on and add its name to PIRAGUA_VOLUMES on every server"
        )

    @router.delete("/clusters/{id_or_name:gluster_volume}", **refuses("Refused: a Gluster volume stays", 409))
    async def delete(id_or_name: str) -> Response:
        cluster = await core.topology.gluster_volume(id_or_name)
        raise StillInUse(
            f"Unable to delete cluster [{id_or_name}] because it contains volumes and/or nodes: it is the Gluster"
            f" volume {cluster.name}, and to serve it no more take its name out of PIRAGUA_VOLUMES on every server"
        )

    return router
