"""Values as people read and write them."""

import re

import click

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_STEP = 1024
_SIZE = re.compile(r"([1-9][0-9]{0,8})\s*(?:(G|GiB)|(T|TiB))?", re.IGNORECASE)
_TIMES = ((86400, "d"), (3600, "h"), (60, "min"))


def printable(text: object) -> str:
    """The text without what a terminal would obey: control characters, and those that turn the direction."""
    return "".join(each if each.isprintable() else "?" for each in str(text))


def size(size_bytes: float) -> str:
    """Bytes in the largest unit that fits: `1.5 GiB`."""
    value, unit = float(size_bytes), _UNITS[0]
    for unit in _UNITS:
        if abs(value) < _STEP - 0.05 or unit == _UNITS[-1]:
            break
        value /= _STEP
    return f"{value:.1f}".removesuffix(".0") + f" {unit}"


def duration(seconds: float) -> str:
    """Whole days, hours or minutes where there are two of them at least, else seconds: `3 d`, `90 min`, `5 s`."""
    for unit_seconds, unit in _TIMES:
        if seconds >= 2 * unit_seconds:
            return f"{seconds // unit_seconds:.0f} {unit}"
    return f"{seconds:.0f} s"


def percent(value: float) -> str:
    """`83 %`, and `0.4 %` where the whole number would say nothing."""
    return f"{value:.1f} %" if 0 < value < 1 else f"{value:.0f} %"


def many(count: int, one: str) -> str:
    """`1 volume`, `2 volumes`."""
    return f"{count} {one}" if count == 1 else f"{count} {one}s"


def volume_name(text: str) -> str:
    """What a volume shall be called. Empty, it is rather a variable that was not set than a wish."""
    if not text:
        raise click.BadParameter("it is empty")
    return text


def size_gib(text: str) -> int:
    """A size on the command line, as GiB. Raises click.BadParameter."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise click.BadParameter(f"{text!r} is no size: whole GiB, such as 10, 10GiB or 2TiB")
    return int(found[1]) * (_STEP if found[3] else 1)
