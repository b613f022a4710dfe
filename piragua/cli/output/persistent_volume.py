"""What Kubernetes needs to bind a volume again: a PersistentVolume of the plugin `kubernetes.io/glusterfs`.

A PersistentVolume names Endpoints, in a namespace, whose addresses are the servers; a Service of that name keeps
Kubernetes from removing them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Binding:
    """How it shall be called and who may claim it. claim: the name of a claim in that namespace; "": any."""

    name: str
    namespace: str = "default"
    claim: str = ""
    storage_class: str = ""


def manifests(volume: Mapping[str, Any], binding: Binding) -> str:
    """YAML of Endpoints, Service and PersistentVolume. volume: the answer of GET /volumes/<id>."""
    owned = {"name": binding.name, "namespace": binding.namespace}
    addresses = [{"ip": host} for host in volume["mount"]["glusterfs"]["hosts"]]
    documents: list[Mapping[str, Any]] = [
        {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": owned,
            "subsets": [{"addresses": addresses, "ports": [{"port": 1, "protocol": "TCP"}]}],
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": owned,
            "spec": {"ports": [{"port": 1, "protocol": "TCP"}]},
        },
        _persistent_volume(volume, binding),
    ]
    return "---\n".join(f"{_yaml(document)}\n" for document in documents)


def _persistent_volume(volume: Mapping[str, Any], binding: Binding) -> Mapping[str, Any]:
    annotations = {
        "pv.kubernetes.io/provisioned-by": "kubernetes.io/glusterfs",
        "gluster.kubernetes.io/heketi-volume-id": volume["id"],
        "gluster.org/type": "file",
    }
    if volume.get("gid"):
        annotations["pv.beta.kubernetes.io/gid"] = str(volume["gid"])
    spec: dict[str, Any] = {
        "capacity": {"storage": f"{volume['size']}Gi"},
        "accessModes": ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany"],
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": binding.storage_class,
        "glusterfs": {
            "endpoints": binding.name,
            "endpointsNamespace": binding.namespace,
            "path": volume["name"],
            "readOnly": False,
        },
    }
    if binding.claim:
        spec["claimRef"] = {"namespace": binding.namespace, "name": binding.claim}
    metadata = {"name": binding.name, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": spec}


def _yaml(value: Any, indent: int = 0) -> str:
    """Block style; every scalar as JSON, which YAML takes too."""
    space = "  " * indent
    if isinstance(value, Mapping) and value:
        return "\n".join(f"{space}{key}:{_below(item, indent)}" for key, item in value.items())
    if isinstance(value, list) and value:
        return "\n".join(f"{space}- {_yaml(item, indent + 1).lstrip()}" for item in value)
    return space + json.dumps(value)


def _below(value: Any, indent: int) -> str:
    nested = isinstance(value, Mapping | list) and bool(value)
    return f"\n{_yaml(value, indent + 1)}" if nested else f" {json.dumps(value)}"
