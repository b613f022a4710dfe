"""How this instance is: its mounts, its queues, its purging, its certificate. All of it is in memory."""

import platform
from collections import Counter
from collections.abc import Mapping

from piragua import __version__
from piragua.core import Instance, PurgeQueue
from piragua.frontends.metrics.exposition import Sample
from piragua.models import OperationKind

HELPS = {
    "piragua_build_info": "Version of Piragua, and of the Python that it runs on",
    "piragua_mount_up": "1 while the Gluster volume is mounted here, and the mount answers",
    "piragua_mount_stuck_calls": "File calls that hang on the mount, each with a thread of its own",
    "piragua_gluster_stuck_processes": "Processes of the gluster program that were killed and are still there",
    "piragua_operations_running": "Long work of this instance that is not over, what waits for its turn included",
    "piragua_gluster_commands_waiting": "Commands of this instance that wait for their turn",
    "piragua_gluster_commands_oldest_wait_seconds": "How long the first of these has waited",
    "piragua_purge_volumes": "Deleted volumes that this instance knows of, by what they wait for",
    "piragua_purge_paused": "1 while an administrator lets nothing be purged",
    "piragua_purge_entries_removed_total": "Files and directories that this instance has removed for good",
    "piragua_purge_volumes_purged_total": "Deleted volumes that this instance has taken away for good",
    "piragua_certificate_expiry_timestamp_seconds": "When the certificate that is served with expires",
}


def samples_of(instance: Instance) -> list[Sample]:
    """As it is now."""
    python = platform.python_version()
    waiting = instance.gluster.waiting
    running = Counter(each.kind for each in instance.work.ongoing())
    samples = [
        Sample("piragua_build_info", {"version": __version__, "python": python}, 1),
        Sample("piragua_gluster_stuck_processes", {}, instance.gluster.stuck_processes),
        Sample("piragua_gluster_commands_waiting", {}, waiting.count),
        Sample("piragua_gluster_commands_oldest_wait_seconds", {}, round(waiting.oldest_seconds, 3)),
    ]
    samples += [
        Sample("piragua_operations_running", {"kind": kind.name.lower()}, running[kind]) for kind in OperationKind
    ]
    for mount in instance.mounts:
        labels = {"gluster_volume": mount.gluster_volume}
        samples.append(Sample("piragua_mount_up", labels, int(not mount.problem)))
        samples.append(Sample("piragua_mount_stuck_calls", labels, mount.stuck_calls))
    for name, purger in instance.purgers.items():
        samples += _of_purging({"gluster_volume": name}, purger.queue())
    if instance.certificate_expires is not None:
        expiry = instance.certificate_expires.timestamp()
        samples.append(Sample("piragua_certificate_expiry_timestamp_seconds", {}, expiry))
    return samples


def _of_purging(labels: Mapping[str, str], queue: PurgeQueue) -> list[Sample]:
    states = {"working": queue.working, "due": queue.due, "put_off": queue.put_off, "retained": queue.retained}
    return [
        *(Sample("piragua_purge_volumes", {**labels, "state": state}, count) for state, count in states.items()),
        Sample("piragua_purge_paused", labels, int(queue.paused)),
        Sample("piragua_purge_entries_removed_total", labels, queue.entries_removed),
        Sample("piragua_purge_volumes_purged_total", labels, queue.volumes_purged),
    ]
