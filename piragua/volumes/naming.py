"""What a volume may be called: what Heketi lets in, and no longer than a directory's name can be."""

import re

_NAME = re.compile("[a-zA-Z0-9_-]+")
_NAME_BYTES_MAX = 255
NAME_OR_NONE = f"^[a-zA-Z0-9_-]{{0,{_NAME_BYTES_MAX}}}$"
"""The pattern of a name, or of none."""


def name_fault(name: str) -> str | None:
    """What is wrong with the name, as a predicate ("must be ..."); None for a good one, and for ""."""
    if name and not _NAME.fullmatch(name):
        return "must be in a valid format"
    # Heketi has no bound; a directory's name has.
    if len(name) > _NAME_BYTES_MAX:
        return f"the length must be no more than {_NAME_BYTES_MAX}"
    return None
