"""The one port of the core: what front-ends may ask, with the types that they give and get.

Front-ends import this, `piragua.http`, `piragua.config`, `piragua.models` and `piragua.errors`, and no other part.
Ids are 32 lower-case hex digits, sizes are bytes, errors are those of `piragua.errors`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from piragua.backup.save import Backup
from piragua.check.examination import Examination, Report, RootEntry
from piragua.inventory import labels
from piragua.inventory.inventory import Inventory
from piragua.inventory.usage import Capacity, UsageGatherer
from piragua.log.setup import LogLevel
from piragua.operations.across_instances import OperationsAcrossInstances
from piragua.operations.job import Job
from piragua.operations.operations import Operations
from piragua.pool.devices import Devices
from piragua.pool.topology import Topology
from piragua.shared_settings.flags import FlagStore
from piragua.shared_settings.modes import Modes
from piragua.shared_settings.tags import TagStore
from piragua.status.counters import Counters, Totals
from piragua.status.health import InstanceHealth
from piragua.status.instance import Instance
from piragua.tree.states import DELETED, LISTED, Observed
from piragua.upkeep.purging.purger import Queue as PurgeQueue
from piragua.volumes.listing import Key, Listed, ListedState, Listing, Page, Query, Sort, Total
from piragua.volumes.naming import NAME_OR_NONE, name_fault
from piragua.volumes.trash import PurgeReport, Trash, Trashed
from piragua.volumes.volumes import Volumes

__all__ = [
    "DELETED",
    "LISTED",
    "NAME_OR_NONE",
    "Capacity",
    "Core",
    "Counters",
    "Instance",
    "Inventory",
    "Job",
    "Key",
    "Listed",
    "ListedState",
    "Observed",
    "Page",
    "PurgeQueue",
    "PurgeReport",
    "Query",
    "Report",
    "RootEntry",
    "Sort",
    "Topology",
    "Total",
    "Totals",
    "Trashed",
    "UsageGatherer",
    "labels",
    "name_fault",
]


@dataclass(frozen=True)
class Core:
    """What one instance can be asked.

    A `prepare_...` of volumes and trash makes every check that can be answered at once, and gives a `Job`, which
    `operations.start` takes. inventories, usages: by the name of their Gluster volume. quota_daemons: from the
    name of a Gluster volume to which servers' quota daemons run.
    """

    volumes: Volumes
    trash: Trash
    listing: Listing
    operations: Operations
    across_instances: OperationsAcrossInstances
    topology: Topology
    devices: Devices
    tags: TagStore
    flags: FlagStore
    modes: Modes
    log_level: LogLevel
    examination: Examination
    backup: Backup
    health: InstanceHealth
    instance: Instance
    counters: Counters
    inventories: Mapping[str, Inventory]
    usages: Mapping[str, UsageGatherer]
    quota_daemons: Callable[[str], Awaitable[Mapping[str, bool]]]
