"""Whether the Gluster volume has the options that Piragua needs, and setting them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from piragua.check.finding import Finding, Fix
from piragua.errors import StorageError
from piragua.models import GlusterVolume
from piragua.pool.requirements import ON, QUOTA, STATFS_SHOWS_LIMITS

_OFF = frozenset({"off", "no", "false", "disable", "0"})
_AT_ONCE = frozenset({"0", "0s", "00"})


class OptionCommands(Protocol):
    """The part of `piragua.gluster.gluster.Gluster` that is needed here."""

    async def set_option(self, volume: str, name: str, value: str) -> None:
        """`gluster volume set V NAME VALUE`."""

    async def enable_quota(self, volume: str) -> None:
        """`gluster volume quota V enable`."""

    async def set_quota_timeout(self, volume: str, which: str, seconds: int) -> None:
        """`gluster volume quota V WHICH SECONDS`."""


@dataclass(frozen=True)
class Option:
    """An option that the Gluster volume must have; glusterfs 10.3 shows it only when it was set.

    default: what Gluster does where it was not set. set_it: does the same as the command `mend`.
    """

    name: str
    option: str
    wanted: frozenset[str]
    default: str
    mend: str
    set_it: Callable[[OptionCommands, str], Awaitable[None]]


async def _quota(gluster: OptionCommands, volume: str) -> None:
    await gluster.enable_quota(volume)


async def _deem_statfs(gluster: OptionCommands, volume: str) -> None:
    await gluster.set_option(volume, STATFS_SHOWS_LIMITS, "on")


async def _no_anonymous_inode(gluster: OptionCommands, volume: str) -> None:
    await gluster.set_option(volume, "cluster.use-anonymous-inode", "off")


async def _soft_timeout(gluster: OptionCommands, volume: str) -> None:
    await gluster.set_quota_timeout(volume, "soft-timeout", 0)


async def _hard_timeout(gluster: OptionCommands, volume: str) -> None:
    await gluster.set_quota_timeout(volume, "hard-timeout", 0)


OPTIONS = (
    Option("quota is on", QUOTA, ON, "off", "gluster volume quota {volume} enable", _quota),
    Option(
        "statfs shows limits",
        STATFS_SHOWS_LIMITS,
        ON,
        "off",
        "gluster volume set {volume} features.quota-deem-statfs on",
        _deem_statfs,
    ),
    # With quota on, what it does when a brick returns is refused, and the heal never ends.
    Option(
        "no anonymous inodes",
        "cluster.use-anonymous-inode",
        _OFF,
        "yes",
        "gluster volume set {volume} cluster.use-anonymous-inode off",
        _no_anonymous_inode,
    ),
    # Until a brick asks again what is used, a fast writer gets past the limit.
    Option(
        "quota is strict below the soft limit",
        "features.soft-timeout",
        _AT_ONCE,
        "60 seconds",
        "gluster volume quota {volume} soft-timeout 0",
        _soft_timeout,
    ),
    Option(
        "quota is strict at the limit",
        "features.hard-timeout",
        _AT_ONCE,
        "5 seconds",
        "gluster volume quota {volume} hard-timeout 0",
        _hard_timeout,
    ),
)


def has_option(
    name: str, volume: GlusterVolume | StorageError, option: Option, gluster: OptionCommands
) -> Finding:
    """Whether the Gluster volume has an option as it must be."""
    if isinstance(volume, StorageError):
        reason = "not known while the Gluster volume cannot be seen"
        return Finding(option.name, False, reason, gluster_volume=name)
    value = volume.options.get(option.option)
    seen = f"not set, which means {option.default}" if value is None else value
    mend = option.mend.format(volume=name)

    async def run() -> None:
        await option.set_it(gluster, name)

    return Finding(
        option.name,
        (value or "").lower() in option.wanted,
        f"{option.option} is {seen}",
        mend,
        name,
        fix=Fix(f"runs `{mend}`", run),
    )
