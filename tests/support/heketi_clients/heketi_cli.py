"""What the commands of heketi-cli do that ask more than once, and what they print (docs/heketi-wire.md, 6.3)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.support.heketi_clients.strict_go import StrictGoClient

_KIB_PER_GIB = 2**20


class HeketiCli:
    """The commands; any refusal in between ends one, as it ends heketi-cli: HeketiError."""

    def __init__(self, client: StrictGoClient) -> None:
        self._client = client

    def volume_list(self) -> list[str]:
        """`volume list`: a line for every id of the list."""
        return [
            f"Id:{volume['id']} Cluster:{volume['cluster']} Name:{volume['name']}"
            for volume in map(self._client.info, self._client.list())
        ]

    def cluster_list(self) -> list[str]:
        """`cluster list`."""
        return [
            f"Id:{cluster['id']} {'[file]' if cluster['file'] else ''}{'[block]' if cluster['block'] else ''}"
            for cluster in map(self._client.cluster_info, self._client.clusters())
        ]

    def node_list(self) -> list[str]:
        """`node list`."""
        return [f"Id:{node_id}\tCluster:{cluster['id']}" for cluster, node_id in self._nodes()]

    def topology(self) -> dict[str, Mapping[str, Sequence[dict[str, Any]]]]:
        """`topology info`: volumes and nodes by the id of their cluster.

        A volume is only shown below the cluster that it names itself.
        """
        found: dict[str, Mapping[str, Sequence[dict[str, Any]]]] = {}
        for cluster in map(self._client.cluster_info, self._client.clusters()):
            volumes = [self._client.info(each) for each in cluster["volumes"]]
            nodes = [self._client.node_info(each) for each in cluster["nodes"]]
            mine = [volume for volume in volumes if volume["cluster"] == cluster["id"]]
            found[cluster["id"]] = {"volumes": mine, "nodes": nodes}
        return found

    def topology_info(self) -> list[str]:
        """What `topology info` prints, without its blanks."""
        lines = []
        for cluster_id, parts in self.topology().items():
            lines.append(f"Cluster Id: {cluster_id}")
            lines += [f"Name: {volume['name']} Size: {volume['size']}" for volume in parts["volumes"]]
            for node in parts["nodes"]:
                names = node["hostnames"]
                lines.append(f"Node Id: {node['id']} {names['manage'][0]} {names['storage'][0]} {node['state']}")
                lines += [_device_line(device) for device in node["devices"]]
        return lines

    def topology_load(self, wanted: Mapping[str, Any]) -> list[str]:
        """`topology load`: makes what is not there yet, by the first manage name and by the device's name."""
        known = {node["hostnames"]["manage"][0]: node for _, node in self._shown_nodes()}
        lines = []
        for cluster in wanted["clusters"]:
            for entry in cluster["nodes"]:
                names = entry["node"]["hostnames"]
                node = known.get(names["manage"][0])
                if node is None:
                    made = self._client.create_cluster()
                    node = self._client.add_node({"zone": 1, "hostnames": names, "cluster": made["id"]})
                lines.append(f"Found node {names['manage'][0]} on cluster {node['cluster']}")
                there = {device["name"] for device in node["devices"]}
                for name in entry["devices"]:
                    if name not in there:
                        self._client.add_device(node["id"], name)
                    lines.append(f"Found device {name}")
        return lines

    def persistent_volume(self, volume_id: str, endpoint: str) -> dict[str, Any]:
        """`volume create --persistent-volume`: the name needs an id of at least eight characters."""
        volume = self._client.info(volume_id)
        return {
            "name": f"glusterfs-{volume['id'][:8]}",
            "capacity": f"{volume['size']}Gi",
            "glusterfs": {"endpoints": endpoint, "path": volume["name"]},
        }

    def endpoint_patch(self, volume_id: str) -> list[str]:
        """`volume endpoint patch`: the addresses."""
        hosts: list[str] = self._client.info(volume_id)["mount"]["glusterfs"]["hosts"]
        return hosts

    def set_flags(self, cluster_id: str, *, file: bool | None = None, block: bool | None = None) -> None:
        """`cluster setflags`: what is not named stays as it is."""
        cluster = self._client.cluster_info(cluster_id)
        self._client.set_flags(
            cluster_id,
            file=cluster["file"] if file is None else file,
            block=cluster["block"] if block is None else block,
        )

    def _nodes(self) -> Iterator[tuple[dict[str, Any], str]]:
        for cluster in map(self._client.cluster_info, self._client.clusters()):
            for node_id in cluster["nodes"]:
                yield cluster, node_id

    def _shown_nodes(self) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        for cluster, node_id in self._nodes():
            yield cluster, self._client.node_info(node_id)


def distribute_count(volume: Mapping[str, Any]) -> int:
    """What `volume info` calls so."""
    durability = volume["durability"]
    copies = {
        "replicate": durability["replicate"].get("replica", 0),
        "disperse": sum(durability["disperse"].values()),
    }
    return len(volume["bricks"]) // int(copies.get(durability["type"], 1))


def _device_line(device: Mapping[str, Any]) -> str:
    total, used, free = (device["storage"][each] // _KIB_PER_GIB for each in ("total", "used", "free"))
    return f"Id:{device['id']} Name:{device['name']} {device['state']} {total} {used} {free}"
