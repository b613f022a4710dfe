"""Settings: read once from the environment, and never looked at below `piragua.service`."""

from piragua.config.settings import Settings
from piragua.config.values import ConfigError, ConfiguredVolume

__all__ = ["ConfigError", "ConfiguredVolume", "Settings"]
