"""A volume as the command line shows it."""

from datetime import UTC, datetime

from piragua.cli.output.table import Bar, Cell, Column, Id
from piragua.cli.output.words import duration, percent, size
from piragua.remote.answer import Answer

HEADS = (
    Column("ID"),
    Column("NAME"),
    Column("SIZE", right=True),
    Column("USED", right=True),
    Column("FULL", right=True),
    Column("FILES", right=True),
    Column("AGE", right=True),
    Column("STATE"),
    Column("LABELS"),
)


def row(volume: Answer) -> list[Cell]:
    """A line of a list, below HEADS."""
    usage = volume.get("usage") or {}
    return [
        Id(volume["id"]),
        volume.get("name", "?"),
        size_of(volume.get("size_bytes")),
        size_of(usage.get("used_bytes")),
        percent(usage["fullness_percent"]) if "fullness_percent" in usage else "?",
        str(usage.get("files", "?")),
        age(volume.get("created")),
        volume.get("state", "?"),
        labels(volume),
    ]


def facts(volume: Answer, mount: Answer) -> list[tuple[str, Cell]]:
    """All that is known of one. mount: `mount.glusterfs` of Heketi's answer about it."""
    usage = volume.get("usage") or {}
    told: list[tuple[str, Cell | None]] = [
        ("id", volume["id"]),
        ("name", volume.get("name", "?")),
        ("state", volume.get("state", "?")),
        ("on", f"{volume.get('gluster_volume', '?')} ({volume.get('cluster', '?')})"),
        ("mounted as", mount.get("device")),
        ("other servers", ", ".join(mount.get("hosts", [])[1:]) or None),
        ("created", _created(volume)),
        ("size", size_of(volume.get("size_bytes"))),
        ("used", _used(usage)),
        ("full", Bar(usage["fullness_percent"]) if "fullness_percent" in usage else None),
        ("files", _files(volume, usage)),
        ("soft limit", _soft_limit(volume, usage)),
        ("labels", labels(volume) or None),
    ]
    return [(name, cell) for name, cell in told if cell is not None]


def labels(volume: Answer) -> str:
    """`key=value`, one after the other."""
    return " ".join(f"{key}={value}" for key, value in sorted((volume.get("labels") or {}).items()))


def age(since: str | None) -> str:
    """How long ago that time was; "?" where nobody knows."""
    try:
        seconds = (datetime.now(UTC) - datetime.fromisoformat(since or "")).total_seconds()
    except (TypeError, ValueError):
        return "?"
    return duration(max(0, seconds))


def size_of(size_bytes: int | None) -> str:
    """A size that may be unknown."""
    return "?" if size_bytes is None else size(size_bytes)


def line(volume: Answer) -> str:
    """What was made or changed, in one line."""
    return f"{volume['id']}: {volume.get('name', '?')}, {size_of(volume.get('size_bytes'))}"


def _created(volume: Answer) -> str:
    created = volume.get("created")
    return f"{created} ({age(created)} ago)" if created else "nobody wrote it down"


def _used(usage: Answer) -> str:
    if not usage:
        return "not known yet"
    seen = usage.get("age_seconds")
    over = ", its limit is reached" if usage.get("hard_limit_exceeded") else ""
    return f"{size_of(usage.get('used_bytes'))}{over}" + ("" if seen is None else f", {duration(seen)} ago")


def _files(volume: Answer, usage: Answer) -> str | None:
    limit = volume.get("files_limit")
    if not usage and limit is None:
        return None
    counted = f"{usage.get('files', '?')} files and {usage.get('directories', '?')} directories"
    return counted if limit is None else f"{counted}, at most {limit} together"


def _soft_limit(volume: Answer, usage: Answer) -> str | None:
    soft = volume.get("soft_limit_percent")
    if soft is None and not usage.get("soft_limit_exceeded"):
        return None
    exceeded = ", exceeded" if usage.get("soft_limit_exceeded") else ""
    return ("the default" if soft is None else f"{soft} %") + exceeded
