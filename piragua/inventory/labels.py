"""Labels of volumes: what they may look like, and those that a volume's name tells."""

import re
from collections.abc import Mapping

from piragua.errors import InvalidRequest

MOST = 32
LONGEST_VALUE_BYTES = 253
_KEY = re.compile(r"[a-z0-9]([a-z0-9._/-]{0,61}[a-z0-9])?")
# Kubernetes' in-tree provisioner: volumenameprefix, namespace and claim, which hold no "_", and a UUID.
_PROVISIONED = re.compile(
    r"(?P<prefix>.+)_(?P<namespace>[a-z0-9-]{1,63})_(?P<claim>[a-z0-9.-]{1,253})"
    r"_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)


def checked(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels, sorted by key; InvalidRequest, with one sentence, for what is none."""
    if len(labels) > MOST:
        raise InvalidRequest(f"a volume can have {MOST} labels, not {len(labels)}")
    for key, value in labels.items():
        checked_key(key)
        if not value.isprintable() or len(value.encode(errors="replace")) > LONGEST_VALUE_BYTES:
            raise InvalidRequest(
                f"the value of the label {key} must be printable text of at most {LONGEST_VALUE_BYTES} bytes"
            )
    return dict(sorted(labels.items()))


def checked_key(key: str) -> str:
    """That key; InvalidRequest when it is none that a label can have."""
    if not _KEY.fullmatch(key):
        raise InvalidRequest(
            f"{key[:80]!r} is no key of a label: 1 to 63 of a-z, 0-9, '.', '_', '/' and '-', with a letter or"
            " a digit at both ends"
        )
    return key


def with_told(name: str | None, labels: Mapping[str, str]) -> dict[str, str]:
    """The labels that were set, and those that the name tells where nothing else was set; sorted by key."""
    return dict(sorted({**told_by(name or ""), **labels}.items()))


def told_by(name: str) -> dict[str, str]:
    """What Kubernetes' provisioner has put into a volume's name: prefix, namespace and claim."""
    found = _PROVISIONED.fullmatch(name)
    return {} if found is None else {f"kubernetes/{word}": text for word, text in found.groupdict().items()}
