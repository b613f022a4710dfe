"""From what quota counts to what is told of a volume."""

from datetime import UTC, datetime

import pytest

from piragua.inventory.usage import usage_of
from piragua.models import VolumeUsage
from piragua.tree.counters import QuotaCount

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def use(used_bytes: int, limit_bytes: int | None, soft_percent: int | None = None) -> VolumeUsage:
    return usage_of(QuotaCount(used_bytes, 1, 2, limit_bytes, soft_percent), 80, NOW)


@pytest.mark.parametrize(
    ("usage", "percent", "soft", "hard"),
    [
        (use(0, 100), 0, False, False),
        (use(79, 100), 79, False, False),
        (use(80, 100), 80, True, False),
        (use(80, 100, 90), 80, False, False),
        (use(100, 100, 100), 100, True, True),
        (use(250, 100), 250, True, True),
        (use(250, None), None, False, False),
        (use(2**62, 2**63 - 1), pytest.approx(50), False, False),
    ],
)
def test_a_limit_is_exceeded_as_quota_has_it(
    usage: VolumeUsage, percent: float | None, soft: bool, hard: bool
) -> None:
    assert usage.fullness_percent == percent
    assert (usage.soft_limit_exceeded, usage.hard_limit_exceeded) == (soft, hard)
