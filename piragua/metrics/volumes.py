"""Each volume's own size, use and files, by its id; without names, unless a setting allows them.

`/metrics` asks for no token. Series cost memory in Prometheus: above a number that is set nothing is told singly.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from piragua.metrics.exposition import Sample

HELPS = {
    "piragua_volume_size_bytes": "The volume's limit",
    "piragua_volume_used_bytes": "What quota counts in the volume; can be above its limit",
    "piragua_volume_files": "Files in the volume",
    "piragua_volume_info": "Whose the volume is: its name, and namespace and claim where its name tells them",
    "piragua_volumes_told_singly": "1 while there are metrics of single volumes, 0 when there are too many",
    "piragua_volumes_without_limit": "Volumes that nothing bounds: their limit is missing",
    "piragua_capacity_bytes": "Size of the Gluster volume",
    "piragua_free_bytes": "Free space of the Gluster volume",
    "piragua_used_bytes": "What quota counts in all volumes of the Gluster volume",
    "piragua_usage_age_seconds": "How long ago the use of the volumes was gathered",
}


@dataclass(frozen=True)
class Use:
    """One volume. limit_bytes None: it has no limit, which should not be."""

    volume_id: str
    used_bytes: int
    files: int
    limit_bytes: int | None
    name: str = ""
    namespace: str = ""
    claim: str = ""


@dataclass(frozen=True)
class UseOfCluster:
    """All volumes of one Gluster volume, as last gathered."""

    cluster_id: str
    capacity_bytes: int
    free_bytes: int
    age_seconds: float
    volumes: tuple[Use, ...] = field(repr=False)


class VolumeSamples:
    """gathered: what is known of all volumes now; empty while nothing is.

    most_volumes: with more volumes than that nothing is told of single ones. names: they may be told by name,
    namespace and claim.
    """

    def __init__(self, gathered: Callable[[], Iterable[UseOfCluster]], *, most_volumes: int, names: bool) -> None:
        self._gathered = gathered
        self._most_volumes = most_volumes
        self._names = names

    def samples(self) -> list[Sample]:
        """As they were last gathered."""
        clusters = list(self._gathered())
        singly = sum(len(each.volumes) for each in clusters) <= self._most_volumes
        samples = [Sample("piragua_volumes_told_singly", {}, int(singly))] if clusters else []
        for each in clusters:
            samples += _of_cluster(each)
            if singly:
                for use in each.volumes:
                    samples += self._of_volume(each.cluster_id, use)
        return samples

    def _of_volume(self, cluster_id: str, use: Use) -> list[Sample]:
        labels = {"cluster": cluster_id, "id": use.volume_id}
        samples = [
            Sample("piragua_volume_used_bytes", labels, use.used_bytes),
            Sample("piragua_volume_files", labels, use.files),
        ]
        if use.limit_bytes is not None:
            samples.append(Sample("piragua_volume_size_bytes", labels, use.limit_bytes))
        if self._names:
            whose = {"name": use.name, "namespace": use.namespace, "claim": use.claim}
            samples.append(Sample("piragua_volume_info", {**labels, **whose}, 1))
        return samples


def _of_cluster(each: UseOfCluster) -> list[Sample]:
    labels = {"cluster": each.cluster_id}
    return [
        Sample("piragua_capacity_bytes", labels, each.capacity_bytes),
        Sample("piragua_free_bytes", labels, each.free_bytes),
        Sample("piragua_used_bytes", labels, sum(use.used_bytes for use in each.volumes)),
        Sample("piragua_volumes_without_limit", labels, sum(use.limit_bytes is None for use in each.volumes)),
        Sample("piragua_usage_age_seconds", labels, round(each.age_seconds, 1)),
    ]
