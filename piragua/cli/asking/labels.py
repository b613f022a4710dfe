"""Labels as they are typed: `key=value`, and `key-` for one that is taken away."""

from collections.abc import Sequence

import click


def change_of(words: Sequence[str]) -> dict[str, str | None]:
    """Labels to set; None for one that is taken away. Raises click.UsageError."""
    change: dict[str, str | None] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals and word.endswith("-"):
            key, wanted = word[:-1], None
        elif equals and key:
            wanted = value
        else:
            raise click.UsageError(f"a label is set as KEY=VALUE and taken away as KEY-, not {word!r}")
        if key in change:
            raise click.UsageError(f"the label {key!r} is named twice")
        change[key] = wanted
    return change


def labels_of(words: Sequence[str]) -> dict[str, str]:
    """Labels to begin with. Raises click.UsageError."""
    change = change_of(words)
    taken = next((key for key, value in change.items() if value is None), None)
    if taken is not None:
        raise click.UsageError(f"a label is given as KEY=VALUE, not {taken + '-'!r}")
    return {key: value for key, value in change.items() if value is not None}
