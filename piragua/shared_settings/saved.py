"""All that administrators set on one Gluster volume: read for a copy, and put back where it was lost."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from piragua.errors import NotReady
from piragua.models import GlusterVolumeFlags, PurgeState
from piragua.shared_settings.flags import FLAGS_KEY, decode_flags, encode_flags
from piragua.shared_settings.modes import MODE_KEY, SetMode, decode_mode
from piragua.shared_settings.purging import PURGE_KEY, encode_purge_state, purge_state_of
from piragua.shared_settings.tags import Tags, decode_tags, encode_tags
from piragua.tree import layout
from piragua.tree.proven_mount import ProvenMount

T = TypeVar("T")

_ID = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True)
class SavedSettings:
    """What was set; None, and no tags, where nobody has set any. tags: by the id of the node or device."""

    flags: GlusterVolumeFlags | None = None
    mode: SetMode | None = None
    purge: PurgeState | None = None
    tags: Mapping[str, Tags] = field(default_factory=dict)


@dataclass(frozen=True)
class SettingStep:
    """What is to be done about one setting of a copy. what, why: in words. put_back None: nothing."""

    what: str
    why: str
    put_back: Callable[[], Awaitable[object]] | None = None


async def settings_of(mounted: ProvenMount) -> SavedSettings:
    """What is set now. NotReady when a part of it cannot be read, MountError."""
    flags, mode = await mounted.setting(FLAGS_KEY), await mounted.setting(MODE_KEY)
    purge = None if await mounted.setting(PURGE_KEY) is None else await purge_state_of(mounted)
    tags = await mounted.read_files(layout.TAGS)
    return SavedSettings(
        None if flags is None else _readable(decode_flags(flags), "flags", mounted),
        None if mode is None else _readable(decode_mode(mode), "mode", mounted),
        purge,
        {part_id: _readable(decode_tags(data), f"tags of {part_id}", mounted) for part_id, data in tags.items()},
    )


def encode(settings: SavedSettings) -> dict[str, Any]:
    """For a JSON document; each as it is kept."""
    return {
        "flags": None if settings.flags is None else json.loads(encode_flags(settings.flags)),
        "mode": None if settings.mode is None else json.loads(settings.mode.encode()),
        "purge": None if settings.purge is None else json.loads(encode_purge_state(settings.purge)),
        "tags": {part_id: dict(tags) for part_id, tags in sorted(settings.tags.items())},
    }


def decode(fields: Mapping[str, Any]) -> SavedSettings:
    """What `encode` made, or a part of it. ValueError, KeyError, TypeError, AttributeError."""
    flags, mode, purge = (fields.get(name) for name in ("flags", "mode", "purge"))
    return SavedSettings(
        None if flags is None else _proper(decode_flags(json.dumps(flags).encode()), "flags"),
        None if mode is None else _proper(decode_mode(json.dumps(mode).encode()), "a mode"),
        None if purge is None else PurgeState(purge["state"]),
        {
            _checked_id(part_id): _proper(decode_tags(json.dumps(tags).encode()), "tags")
            for part_id, tags in fields.get("tags", {}).items()
        },
    )


async def steps(mounted: ProvenMount, saved: SavedSettings) -> list[SettingStep]:
    """What is to be put back: whatever is set now stays as it is. MountError."""
    found = list[SettingStep]()
    if saved.flags is not None:
        shown = f"flags file={saved.flags.file} block={saved.flags.block}"
        found.append(await _setting(mounted, FLAGS_KEY, encode_flags(saved.flags), shown))
    if saved.mode is not None:
        found.append(await _setting(mounted, MODE_KEY, saved.mode.encode(), f"mode {saved.mode.mode.value}"))
    if saved.purge is not None:
        shown = f"purge {saved.purge.value}"
        found.append(await _setting(mounted, PURGE_KEY, encode_purge_state(saved.purge), shown))
    there = await mounted.read_files(layout.TAGS)
    for part_id, tags in saved.tags.items():
        shown = f"tags of {part_id}"
        if part_id in there:
            found.append(SettingStep(shown, "there are some"))
        else:
            found.append(SettingStep(shown, "they were lost", _tags_back(mounted, part_id, tags)))
    return found


async def _setting(mounted: ProvenMount, key: str, data: bytes, shown: str) -> SettingStep:
    if await mounted.setting(key) is not None:
        return SettingStep(shown, "it is set")

    async def put_back() -> None:
        await mounted.set(key, data)

    return SettingStep(shown, "it was lost", put_back)


def _tags_back(mounted: ProvenMount, part_id: str, tags: Tags) -> Callable[[], Awaitable[object]]:
    async def put_back() -> None:
        """Unless somebody has set some meanwhile."""
        await mounted.change_tags(part_id, lambda data: encode_tags(tags) if data is None else data)

    return put_back


def _readable(found: T | None, what: str, mounted: ProvenMount) -> T:
    if found is None:
        raise NotReady(f"the {what} on {mounted.gluster_volume} cannot be read; set them anew")
    return found


def _proper(found: T | None, what: str) -> T:
    if found is None:
        raise ValueError(f"not {what}")
    return found


def _checked_id(part_id: str) -> str:
    """It becomes part of a file's name."""
    if not _ID.fullmatch(part_id):
        raise ValueError(f"not an id: {part_id!r}")
    return part_id
