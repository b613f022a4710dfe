"""What a question found, and what --fix would do about it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Fix:
    """What --fix does: in words, and done by `run`, which logs what it did.

    run raises PiraguaError when nothing could be done, or when the rest has to wait. What it did is proven by
    asking again, never by its end.
    """

    what: str
    run: Callable[[], Awaitable[None]] = field(repr=False, compare=False)


@dataclass(frozen=True)
class Finding:
    """A precondition, whether it holds, what was seen, and the command or setting that mends it.

    gluster_volume: the one it is about, if it is about one. items: a line for each thing that is wrong.
    fix: None when --fix does nothing about it.
    """

    name: str
    holds: bool
    detail: str
    mend: str = ""
    gluster_volume: str | None = None
    items: tuple[str, ...] = ()
    fix: Fix | None = None

    @property
    def precondition(self) -> str:
        """The name, after that of the Gluster volume."""
        return self.name if self.gluster_volume is None else f"{self.gluster_volume}: {self.name}"

    def as_json(self) -> dict[str, Any]:
        """What programs get of it."""
        return {
            "gluster_volume": self.gluster_volume,
            "name": self.name,
            "holds": self.holds,
            "detail": self.detail,
            "items": list(self.items),
            "mend": self.mend or None,
            "fix": None if self.fix is None or self.holds else self.fix.what,
        }
