"""An instance to ask, and a machine that has only its URL and its key."""

from collections.abc import Mapping

import pytest

from tests.support.instance import ADMIN_KEY, Instance
from tests.support.pool import GlusterVolume


@pytest.fixture(scope="module")
def instance(volume: GlusterVolume) -> Instance:
    """Keeps what is deleted, and gathers all the time what volumes hold."""
    return volume.start_instance(settings={"PIRAGUA_TRASH_RETENTION": "24h", "PIRAGUA_USAGE_INTERVAL": "1s"})


@pytest.fixture(scope="module")
def settings(instance: Instance) -> Mapping[str, str]:
    """The environment on that machine."""
    return {"PIRAGUA_SERVER": instance.url, "PIRAGUA_ADMIN_KEY": ADMIN_KEY}
