"""How often things happen, from counters that a server has counted since its start."""

from dataclasses import dataclass

from piragua.remote.answer import Answer

_COUNTERS = (
    ("requests", "total"),
    ("requests", "errors"),
    ("gluster_commands", "total"),
    ("gluster_commands", "failed"),
    ("gluster_commands", "retried"),
    ("purge", "entries_removed"),
)
OPERATIONS_SUCCEEDED = "operations.succeeded"
OPERATIONS_FAILED = "operations.failed"


@dataclass(frozen=True)
class RateSample:
    """Counters at one time (seconds of a clock that never goes back)."""

    at_seconds: float
    started: str
    counters: dict[str, float]

    @classmethod
    def of(cls, status: Answer, at_seconds: float) -> "RateSample":
        """From the answer of /piragua/v1/status."""
        counters = {f"{group}.{name}": float((status.get(group) or {}).get(name, 0)) for group, name in _COUNTERS}
        kinds = (status.get("operations") or {}).values()
        counters[OPERATIONS_SUCCEEDED] = float(sum(each.get("succeeded", 0) for each in kinds))
        counters[OPERATIONS_FAILED] = float(sum(each.get("failed", 0) for each in kinds))
        return cls(at_seconds, str(status.get("started", "")), counters)


def rates(before: RateSample | None, now: RateSample) -> dict[str, float] | None:
    """Per second, by the counter's name; None where there is nothing to compare with, as after a restart."""
    if before is None or before.started != now.started or now.at_seconds <= before.at_seconds:
        return None
    seconds = now.at_seconds - before.at_seconds
    return {name: max(0.0, value - before.counters[name]) / seconds for name, value in now.counters.items()}
