"""Figures of a run: how they are worked out and how they are printed."""

from statistics import median
from typing import Any


def percentile(seconds: list[float], share: float) -> float:
    """The value below which that share of them lies."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def spread(seconds: list[float]) -> dict[str, float]:
    """Median and the slow end, in milliseconds."""
    return {
        "median_ms": round(1000 * median(seconds), 2),
        "p95_ms": round(1000 * percentile(seconds, 0.95), 2),
        "p99_ms": round(1000 * percentile(seconds, 0.99), 2),
    }


def show(found: dict[str, Any], indent: str = "") -> None:
    """Prints nested figures, one a line."""
    for name, value in found.items():
        if isinstance(value, dict):
            print(f"{indent}{name}")
            show(value, indent + "  ")
        else:
            print(f"{indent}{name:<44} {value}")
