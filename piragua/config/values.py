"""From a setting's text to its value: one function for each kind of value.

Every function takes the text of one variable and raises ValueError with a predicate ("must be
...") that reads as a sentence after the variable's name. A text is repeated in a message only
where nobody would put a key.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from uuid import UUID

from piragua.config.addresses import acceptable_address

_VOLUME_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,254}")
_HOST = re.compile(r"[A-Za-z0-9:._-]+")
_DURATION = re.compile(r"([0-9]{1,9})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST_DURATION_SECONDS = 3650 * 86400


class ConfigError(Exception):
    """A setting is wrong; `str()` is one sentence that names the variable and shows no key."""


@dataclass(frozen=True)
class ConfiguredVolume:
    """A Gluster volume to hand out directories of.

    mounted_at is where somebody else has mounted it; None: Piragua mounts it itself.
    """

    name: str
    mounted_at: Path | None = None


def boolean(text: str) -> bool:
    """`true` or `false`, in any case, and nothing that might be read either way."""
    if text.lower() not in ("true", "false"):
        raise ValueError(f"must be true or false, not {text!r}")
    return text.lower() == "true"


def host(text: str) -> str:
    """An address, or a name, to listen on."""
    if not _HOST.fullmatch(text):
        raise ValueError(f"must be an IP address or a host name, not {text!r}")
    return text


def port(text: str) -> int:
    """A TCP port."""
    return _whole_number(text, 1, 65535)


def count(text: str) -> int:
    """How many of something, one at least."""
    return _whole_number(text, 1, 10**6)


def count_or_none(text: str) -> int:
    """How many of something, or none."""
    return _whole_number(text, 0, 10**6)


def _whole_number(text: str, least: int, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
        raise ValueError(f"must be a whole number from {least} to {most}, not {text!r}")
    return int(text)


def multiple(text: str) -> float:
    """A decimal number above 0, such as `1` or `2.5`."""
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) or float(text) == 0:
        raise ValueError(f"must be a number above 0, such as 2 or 1.5, not {text!r}")
    return float(text)


def duration_seconds(text: str) -> int:
    """`0`, or a whole number with its unit (s, m, h, d), at most ten years: in seconds."""
    if text == "0":
        return 0
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"must be 0 or a whole number with its unit, such as 90s, 24h or 7d, not {text!r}")
    seconds = int(match[1]) * _SECONDS[match[2]]
    if seconds > _LONGEST_DURATION_SECONDS:
        raise ValueError(f"must be ten years at most, not {text!r}")
    return seconds


def absolute_path(text: str) -> Path:
    """A path from `/` on; never repeated in a message, since a key may have slipped in here."""
    if not text.startswith("/") or "\0" in text or ".." in text.split("/"):
        raise ValueError("must be an absolute path")
    return Path(text)


def volumes(text: str) -> tuple[ConfiguredVolume, ...]:
    """`gv0` or `gv0=/mnt/glusterfs`, several with commas between; no name and no place twice."""
    configured = tuple(_volume(entry) for entry in _entries(text))
    _refuse_repeated([volume.name for volume in configured])
    _refuse_repeated([str(volume.mounted_at) for volume in configured if volume.mounted_at])
    return configured


def _volume(entry: str) -> ConfiguredVolume:
    name, equals, place = entry.partition("=")
    # `gluster volume info all` shows every volume: to Gluster that word is no name either.
    if not _VOLUME_NAME.fullmatch(name) or name == "all":
        raise ValueError(f"must name Gluster volumes (letters, digits, _ and -), not {name!r}")
    if not equals:
        return ConfiguredVolume(name)
    if not place.startswith("/") or ".." in place.split("/") or not place.strip("/"):
        raise ValueError(f"must say where {name} is mounted as {name}=/an/absolute/path, not {entry!r}")
    return ConfiguredVolume(name, Path("/" + place.strip("/")))


def storage_addresses(text: str) -> Mapping[str, str]:
    """`peer=ip` with commas between: from a peer's name, in lower case, or id, as 32 hex digits."""
    pairs: list[tuple[str, str]] = []
    for entry in _entries(text):
        peer, equals, ip = (part.strip() for part in entry.partition("="))
        address = acceptable_address(ip)
        if not peer or not equals or address is None:
            raise ValueError(
                f"must be peer=address pairs, each with one IP address that is neither loopback, "
                f"link-local, multicast nor unspecified, not {entry!r}"
            )
        pairs.append((_peer_key(peer), address))
    _refuse_repeated([peer for peer, _ in pairs])
    return dict(pairs)


def _peer_key(peer: str) -> str:
    try:
        return UUID(peer).hex
    except ValueError:
        return peer.lower()


def networks(text: str) -> tuple[str, ...]:
    """Addresses or networks with commas between, such as `10.0.0.5,192.168.7.0/24`."""
    entries = _entries(text)
    for entry in entries:
        try:
            ip_network(entry)
        except ValueError:
            raise ValueError(f"must list IP addresses or networks, not {entry!r}") from None
    return entries


@dataclass(frozen=True)
class OneOf:
    """Takes one of these lower-case words, written in any case."""

    words: tuple[str, ...]

    def __call__(self, text: str) -> str:
        """The word in lower case."""
        if text.lower() not in self.words:
            raise ValueError(f"must be one of {', '.join(self.words)}, not {text!r}")
        return text.lower()


def _entries(text: str) -> tuple[str, ...]:
    entries = tuple(entry.strip() for entry in text.split(","))
    if not all(entries):
        raise ValueError("must not have an empty entry between its commas")
    return entries


def _refuse_repeated(names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"must not name {name} twice")
