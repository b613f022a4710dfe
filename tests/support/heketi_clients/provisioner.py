"""What Kubernetes' in-tree provisioner does with a claim, in its order (docs/heketi-wire.md, 7.1, 7.2, 7.3)."""

import ipaddress
from dataclasses import dataclass, replace

from tests.support.heketi_clients.strict_go import HeketiError, StrictGoClient


class ProvisionError(Exception):
    """The claim stays pending. Where the volume had been made already, nobody will ever delete it."""


@dataclass(frozen=True)
class PersistentVolume:
    """What is left of a claim: path and one of the addresses make the mount's source."""

    volume_id: str
    path: str
    addresses: tuple[str, ...]
    gid: int
    capacity_gib: int


class Provisioner:
    """Provisions, expands and deletes through a strict client."""

    def __init__(self, client: StrictGoClient) -> None:
        self._client = client

    def provision(self, size_gib: int, *, gid: int = 2000, name: str = "") -> PersistentVolume:
        """POST, then the volume's cluster, then each of its nodes. Raises HeketiError, ProvisionError."""
        wish = {
            "size": size_gib,
            "name": name,
            "durability": {"type": "replicate", "replicate": {"replica": 3}, "disperse": {}},
            "gid": gid,
            "snapshot": {"enable": True, "factor": 1},
        }
        volume = self._client.create(wish)
        nodes = self._client.cluster_info(volume["cluster"])["nodes"]
        addresses = tuple(self._address(node_id) for node_id in nodes)
        if not addresses:
            raise ProvisionError("no hosts found")
        if not volume["name"]:
            raise ProvisionError("spec.glusterfs.path: Required value")
        return PersistentVolume(volume["id"], volume["name"], addresses, gid, size_gib)

    def expand(self, volume: PersistentVolume, capacity_gib: int) -> PersistentVolume:
        """Grow to capacity_gib; the capacity becomes the size in the answer."""
        if self._client.info(volume.volume_id)["size"] >= capacity_gib:
            return replace(volume, capacity_gib=capacity_gib)
        grown = self._client.expand(volume.volume_id, capacity_gib - volume.capacity_gib)
        return replace(volume, capacity_gib=grown["size"])

    def delete(self, volume: PersistentVolume) -> None:
        """One text, and only this one, counts as deleted already."""
        try:
            self._client.delete(volume.volume_id)
        except HeketiError as error:
            if str(error).strip() != "Id not found":
                raise

    def _address(self, node_id: str) -> str:
        """The node's storage names in one string, which must be an address for Endpoints."""
        joined = "".join(self._client.node_info(node_id)["hostnames"]["storage"])
        try:
            address = ipaddress.ip_address(joined)
        except ValueError:
            raise ProvisionError(f"glusterfs server node ip address {joined} must be a valid IP address") from None
        link_local_multicast = ipaddress.ip_network("224.0.0.0/24"), ipaddress.ip_network("ff02::/16")
        unusable = address.is_loopback or address.is_link_local or address.is_unspecified
        if unusable or any(address in network for network in link_local_multicast):
            raise ProvisionError(f"Endpoints: invalid address {joined}")
        return joined
