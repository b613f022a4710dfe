"""A client that refuses what Heketi's Go client refuses, and with it Kubernetes and heketi-cli.

Each call wants the statuses that the Go client wants, and decodes as strictly (docs/heketi-wire.md, 6.1, 6.3).
"""

from collections.abc import Sequence
from typing import Any

import httpx

from tests.support.heketi_clients import go_decoding
from tests.support.heketi_clients.go_decoding import HeketiError
from tests.support.heketi_clients.go_requests import GoRequests, decoded, require

__all__ = ["HeketiError", "StrictGoClient"]


class StrictGoClient(GoRequests):
    """All calls of the Go client; what is answered with JSON is given as it was decoded. All raise HeketiError."""

    # Volumes

    def create(self, wish: dict[str, Any]) -> dict[str, Any]:
        """POST /volumes with that body, to the end; the volume's info."""
        return _volume(self.operation("POST", "/volumes", wish))

    def expand(self, volume_id: str, add_gib: int) -> dict[str, Any]:
        """Grow the volume by add_gib, to the end; the volume's info."""
        return _volume(self.operation("POST", f"/volumes/{volume_id}/expand", {"expand_size": add_gib}))

    def clone(self, volume_id: str, name: str = "") -> dict[str, Any]:
        """Copy the volume, to the end; the copy's info. Go leaves an empty name out."""
        return _volume(self.operation("POST", f"/volumes/{volume_id}/clone", {"name": name} if name else {}))

    def delete(self, volume_id: str) -> None:
        """DELETE, to the end."""
        self._done("DELETE", f"/volumes/{volume_id}")

    def info(self, volume_id: str) -> dict[str, Any]:
        return _volume(self.ask("GET", f"/volumes/{volume_id}"))

    def list(self) -> Sequence[str]:
        """The ids of all volumes."""
        return self._ids("/volumes", go_decoding.VOLUMES, "volumes")

    def restrict_blocks(self, volume_id: str, restriction: str) -> dict[str, Any]:
        """What `volume set-block-hosting-restriction` does."""
        body = {"restriction": restriction}
        return _volume(self.operation("POST", f"/volumes/{volume_id}/block-restriction", body))

    # Clusters

    def clusters(self) -> Sequence[str]:
        """The ids of all clusters."""
        return self._ids("/clusters", go_decoding.CLUSTERS, "clusters")

    def cluster_info(self, cluster_id: str) -> dict[str, Any]:
        return self.get(f"/clusters/{cluster_id}", go_decoding.CLUSTER)

    def create_cluster(self, *, file: bool = True, block: bool = True) -> dict[str, Any]:
        """201 and the cluster, nothing else."""
        reply = self.ask("POST", "/clusters", {"file": file, "block": block})
        require(reply, 201)
        reply.status_code = 200
        return decoded(reply, go_decoding.CLUSTER)

    def set_flags(self, cluster_id: str, *, file: bool, block: bool) -> None:
        require(self.ask("POST", f"/clusters/{cluster_id}/flags", {"file": file, "block": block}), 200)

    def delete_cluster(self, cluster_id: str) -> None:
        require(self.ask("DELETE", f"/clusters/{cluster_id}"), 200)

    # Nodes and devices. part: `nodes/<id>` or `devices/<id>`

    def node_info(self, node_id: str) -> dict[str, Any]:
        """The node; heketi-cli crashes on one without a manage or storage name (docs/heketi-wire.md, 6.4)."""
        node = self.get(f"/nodes/{node_id}", go_decoding.NODE)
        if not node["hostnames"]["manage"] or not node["hostnames"]["storage"]:
            raise HeketiError("panic: runtime error: index out of range [0] with length 0")
        return node

    def add_node(self, wish: dict[str, Any]) -> dict[str, Any]:
        return decoded(self.operation("POST", "/nodes", wish), go_decoding.NODE)

    def device_info(self, device_id: str) -> dict[str, Any]:
        return self.get(f"/devices/{device_id}", go_decoding.DEVICE)

    def add_device(self, node_id: str, name: str) -> None:
        self._done("POST", "/devices", {"node": node_id, "name": name})

    def resync_device(self, device_id: str) -> None:
        """A GET that begins something."""
        self._done("GET", f"/devices/{device_id}/resync")

    def evict_brick(self, brick_id: str) -> None:
        self._done("POST", f"/bricks/to-evict/{brick_id}", {})

    def set_state(self, part: str, state: str) -> None:
        self._done("POST", f"/{part}/state", {"state": state})

    def change_tags(self, part: str, change: str, tags: dict[str, str]) -> None:
        require(self.ask("POST", f"/{part}/tags", {"change_type": change, "tags": tags}), 200)

    def delete_part(self, part: str) -> None:
        self._done("DELETE", f"/{part}", {} if part.startswith("devices/") else None)

    # Block volumes

    def block_volumes(self) -> Sequence[str]:
        """The ids of all block volumes."""
        return self._ids("/blockvolumes", go_decoding.BLOCK_VOLUMES, "blockvolumes")

    def block_volume_info(self, volume_id: str) -> dict[str, Any]:
        return self.get(f"/blockvolumes/{volume_id}", go_decoding.BLOCK_VOLUME)

    def create_block_volume(self, size_gib: int) -> dict[str, Any]:
        return decoded(self.operation("POST", "/blockvolumes", {"size": size_gib}), go_decoding.BLOCK_VOLUME)

    def expand_block_volume(self, volume_id: str, size_gib: int) -> dict[str, Any]:
        first = self.operation("POST", f"/blockvolumes/{volume_id}/expand", {"new_size": size_gib})
        return decoded(first, go_decoding.BLOCK_VOLUME)

    def delete_block_volume(self, volume_id: str) -> None:
        self._done("DELETE", f"/blockvolumes/{volume_id}")

    # What administrators look at and set

    def operation_counts(self) -> dict[str, Any]:
        return self.get("/operations", go_decoding.COUNTS)

    def pending_operations(self) -> Sequence[dict[str, Any]]:
        """All that are not over."""
        found: Sequence[dict[str, Any]] = self.get("/operations/pending", go_decoding.PENDING_LIST)[
            "pendingoperations"
        ]
        return found

    def pending_operation(self, operation_id: str) -> dict[str, Any]:
        return self.get(f"/operations/pending/{operation_id}", go_decoding.PENDING)

    def clean_up(self) -> None:
        """Done at once (200, 204), or begun (202)."""
        reply = self.ask("POST", "/operations/pending/cleanup", {})
        require(reply, 200, 202, 204)
        if reply.status_code == 202:
            require(self.end_of(reply), 204)

    def mode(self) -> str:
        return str(self.get("/admin", go_decoding.ADMIN)["state"])

    def set_mode(self, mode: str) -> None:
        require(self.ask("POST", "/admin", {"state": mode}), 200, 204)

    def log_levels(self) -> dict[str, str]:
        levels: dict[str, str] = self.get("/internal/logging", go_decoding.LOG_LEVELS)["loglevel"]
        return levels

    def set_log_level(self, logger: str, level: str) -> dict[str, str]:
        reply = self.ask("POST", "/internal/logging", {"loglevel": {logger: level}})
        levels: dict[str, str] = decoded(reply, go_decoding.LOG_LEVELS)["loglevel"]
        return levels

    def text(self, path: str) -> str:
        """What heketi-cli prints as it comes: /db/dump, /db/check, /internal/state/examine/gluster."""
        reply = self.ask("GET", path)
        require(reply, 200)
        return reply.text

    def backup(self) -> bytes:
        """GET /backup/db."""
        reply = self.ask("GET", "/backup/db")
        require(reply, 200)
        return reply.content

    def _ids(self, path: str, shape: dict[str, Any], key: str) -> Sequence[str]:
        ids: Sequence[str] = self.get(path, shape)[key]
        return ids

    def _done(self, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        """An operation that leaves nothing to show: 204 in the end."""
        require(self.operation(method, path, body), 204)


def _volume(reply: httpx.Response) -> dict[str, Any]:
    """heketi-cli divides by the durability's counts (docs/heketi-wire.md, 6.4)."""
    volume = decoded(reply, go_decoding.VOLUME)
    durability = volume.get("durability") or {}
    divisors = {
        "replicate": (durability.get("replicate") or {}).get("replica", 0),
        "disperse": sum((durability.get("disperse") or {}).values()),
    }
    if divisors.get(durability.get("type", ""), 1) == 0:
        raise HeketiError("panic: runtime error: integer divide by zero")
    return volume
