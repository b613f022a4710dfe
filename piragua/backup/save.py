"""A copy of all records in one JSON document, and reading it back.

It holds what extended attributes remember about volumes, the trash included, the sizes of volumes of the original
Piragua, and what administrators set: flags, mode and tags. It holds no data of tenants.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from piragua.errors import InvalidRequest
from piragua.inventory.inventory import Inventory
from piragua.pool.topology import Topology
from piragua.shared_settings import saved
from piragua.shared_settings.saved import SavedSettings
from piragua.tree import layout
from piragua.tree.record import Deletion, Record, UnreadableRecord, decode, decode_deletion
from piragua.tree.states import DELETED, LISTED, Observed

FORMAT = "piragua-records"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class SavedVolume:
    """A volume as it was saved.

    record None: it had none, as a volume of the original Piragua, or it could not be read (unreadable says why).
    name, gid and limit_bytes are then what its directory showed. deletion: it was in the trash.
    """

    volume_id: str
    name: str | None
    gid: int
    limit_bytes: int | None
    record: Record | None = None
    unreadable: str = ""
    deletion: Deletion | None = None


@dataclass(frozen=True)
class SavedRecords:
    """Everything that was saved: when (UTC), volumes and settings by the name of their Gluster volume.

    A copy of an earlier version has no settings.
    """

    saved: datetime
    volumes: Mapping[str, Sequence[SavedVolume]]
    settings: Mapping[str, SavedSettings] = field(default_factory=dict)


class Backup:
    """Of the records on the Gluster volumes of these inventories (by name)."""

    def __init__(self, inventories: Mapping[str, Inventory], topology: Topology) -> None:
        self._inventories = inventories
        self._topology = topology

    async def document(self) -> bytes:
        """The JSON document. StorageError and NotReady when a volume or a setting would be missing from it."""
        volumes: list[dict[str, Any]] = []
        for gluster_volume in await self._topology.gluster_volumes():
            inventory = self._inventories[gluster_volume.name]
            settings = saved.encode(await saved.settings_of(inventory.mount.current()))
            all_observed = sorted((await inventory.observe_many()).items())
            records = [_saved(observed) for _, observed in all_observed if observed.state in LISTED | DELETED]
            volumes.append(
                {"id": gluster_volume.id, "name": gluster_volume.name, "settings": settings, "volumes": records}
            )
        document = {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "saved": datetime.now(UTC).isoformat(timespec="seconds"),
            "gluster_volumes": volumes,
        }
        return json.dumps(document, indent=1).encode() + b"\n"


def parse(document: bytes) -> SavedRecords:
    """What a document holds. InvalidRequest for what `Backup.document` has not made."""
    try:
        fields = json.loads(document)
        if fields["format"] != FORMAT:
            raise ValueError(f"its format is {fields['format']!r}")
        if fields["version"] != FORMAT_VERSION:
            raise ValueError(f"its version is {fields['version']}; this Piragua knows {FORMAT_VERSION}")
        volumes = {
            str(each["name"]): [_read(volume) for volume in each["volumes"]] for each in fields["gluster_volumes"]
        }
        settings = {
            str(each["name"]): saved.decode(each["settings"])
            for each in fields["gluster_volumes"]
            if "settings" in each
        }
        return SavedRecords(datetime.fromisoformat(fields["saved"]), volumes, settings)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidRequest(f"not a copy of Piragua's records: {type(error).__name__}: {error}") from error


def _saved(observed: Observed) -> dict[str, Any]:
    record, data = observed.record, observed.data
    return {
        "id": observed.volume_id,
        "state": observed.state.value,
        "name": record.name if record is not None else None if data is None else data.name,
        "gid": record.gid if record is not None else 0 if data is None else data.gid,
        "limit_bytes": record.size_bytes if record is not None else observed.limit_bytes,
        "record": None if record is None else json.loads(record.encode().decode(errors="surrogateescape")),
        "unreadable": observed.record_unreadable or observed.deletion_unreadable,
        "gone": None if observed.deletion is None else json.loads(observed.deletion.encode()),
    }


def _read(fields: Mapping[str, Any]) -> SavedVolume:
    record, deletion = fields["record"], fields["gone"]
    name, limit_bytes = fields["name"], fields["limit_bytes"]
    unreadable = str(fields["unreadable"])
    decoded: Record | None = None
    if record is not None:
        try:
            decoded = decode(json.dumps(record, ensure_ascii=False).encode(errors="surrogateescape"))
            layout.safe_name(decoded.name)
        except UnreadableRecord as error:
            unreadable = str(error)
    return SavedVolume(
        volume_id=_checked_id(fields["id"]),
        name=None if name is None else layout.safe_name(str(name)),
        gid=int(fields["gid"]),
        limit_bytes=None if limit_bytes is None else int(limit_bytes),
        record=decoded,
        unreadable=unreadable,
        deletion=None if deletion is None else decode_deletion(json.dumps(deletion).encode()),
    )


def _checked_id(volume_id: str) -> str:
    """Nothing in a copy that is no id gets near a path: ValueError."""
    layout.directory_of(volume_id)
    return volume_id
