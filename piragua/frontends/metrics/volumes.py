"""Each volume's own size, use and files, by its id; without names, unless a setting allows them.

`/metrics` asks for no token. Series cost memory in Prometheus: above a number that is set nothing is told singly.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

from piragua.core import LISTED, Capacity, Observed, labels
from piragua.frontends.metrics.exposition import Sample
from piragua.frontends.metrics.pool import ListedVolumes
from piragua.models import VolumeUsage

HELPS = {
    "piragua_volume_size_bytes": "The volume's limit",
    "piragua_volume_used_bytes": "What quota counts in the volume; can be above its limit",
    "piragua_volume_files": "Files in the volume",
    "piragua_volume_info": "Whose the volume is: its name, and namespace and claim where its name tells them",
    "piragua_volumes_told_singly": "1 while there are metrics of single volumes, 0 when there are too many",
    "piragua_volumes_without_limit": "Volumes that nothing bounds: their limit is missing",
    "piragua_volumes_nearly_full": "Volumes that hold more than 90 % of their limit",
    "piragua_capacity_bytes": "Size of the Gluster volume",
    "piragua_free_bytes": "Free space of the Gluster volume",
    "piragua_used_bytes": "What quota counts in all volumes of the Gluster volume",
    "piragua_usage_age_seconds": "How long ago the use of the volumes was gathered, or since when that is tried",
}

_NEARLY_FULL = 0.9


class Gatherer(Protocol):
    """What gathers the use of all volumes of a Gluster volume.

    begun: since when it tries, None when it does not. gathered: when it last did; None before the first time.
    """

    @property
    def begun(self) -> datetime | None: ...
    @property
    def gathered(self) -> datetime | None: ...
    @property
    def capacity(self) -> Capacity | None: ...
    def of(self, volume_id: str) -> VolumeUsage | None: ...


class VolumeSamples:
    """listed: the volumes by their Gluster volume, as last seen. gatherers: by the same names.

    most_volumes: with more volumes than that nothing is told of single ones. names: they may be told by their
    name, namespace and claim.
    """

    def __init__(
        self,
        listed: Callable[[], Sequence[ListedVolumes]],
        gatherers: Mapping[str, Gatherer],
        *,
        most_volumes: int,
        names: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._listed = listed
        self._gatherers = gatherers
        self._most_volumes = most_volumes
        self._names = names
        self._now = now

    def samples(self) -> list[Sample]:
        """As they were last gathered. May be called from any thread."""
        gluster_volumes = self._listed()
        singly = sum(len(each.all_observed) for each in gluster_volumes) <= self._most_volumes
        samples = [Sample("piragua_volumes_told_singly", {}, int(singly))] if gluster_volumes else []
        for each in gluster_volumes:
            gatherer = self._gatherers.get(each.gluster_volume)
            if gatherer is not None and gatherer.gathered is not None:
                samples += self._of_gluster_volume(each, gatherer, singly=singly)
            since = None if gatherer is None else gatherer.gathered or gatherer.begun
            if since is not None:  # also while it never succeeded: an age that is missing would alarm nobody
                age_seconds = round((self._now() - since).total_seconds(), 1)
                samples.append(
                    Sample("piragua_usage_age_seconds", {"cluster": each.gluster_volume_id}, age_seconds)
                )
        return samples

    def _of_gluster_volume(self, each: ListedVolumes, gatherer: Gatherer, *, singly: bool) -> list[Sample]:
        labels = {"cluster": each.gluster_volume_id}
        used_bytes = without_limit = nearly_full = 0
        samples: list[Sample] = []
        for observed in list(each.all_observed.values()):
            use = gatherer.of(observed.volume_id) if observed.state in LISTED else None
            if use is not None:
                used_bytes += use.used_bytes
                without_limit += use.limit_bytes is None
                nearly_full += use.limit_bytes is not None and use.used_bytes > _NEARLY_FULL * use.limit_bytes
                if singly:
                    samples += self._of_volume(labels, observed, use)
        samples += [
            Sample("piragua_used_bytes", labels, used_bytes),
            Sample("piragua_volumes_without_limit", labels, without_limit),
            Sample("piragua_volumes_nearly_full", labels, nearly_full),
        ]
        if gatherer.capacity is not None:
            samples.append(Sample("piragua_capacity_bytes", labels, gatherer.capacity.size_bytes))
            samples.append(Sample("piragua_free_bytes", labels, gatherer.capacity.free_bytes))
        return samples

    def _of_volume(self, of_all: Mapping[str, str], observed: Observed, use: VolumeUsage) -> Iterator[Sample]:
        volume = {**of_all, "id": observed.volume_id}
        yield Sample("piragua_volume_used_bytes", volume, use.used_bytes)
        yield Sample("piragua_volume_files", volume, use.files)
        if use.limit_bytes is not None:
            yield Sample("piragua_volume_size_bytes", volume, use.limit_bytes)
        if self._names and observed.record is not None:
            told = labels.with_told(observed.record.name, observed.record.labels)
            whose = {each: told.get(f"kubernetes/{each}", "") for each in ("namespace", "claim")}
            yield Sample("piragua_volume_info", {**volume, "name": observed.record.name, **whose}, 1)
