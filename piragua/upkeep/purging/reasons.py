"""Why a volume is not purged now."""

from piragua.errors import PiraguaError


class NotYet(PiraguaError):
    """The volume cannot be forgotten now; it is tried again later."""


class TurnOver(PiraguaError):
    """The volume is so large that others get their turn first; it goes on after them."""


class Paused(PiraguaError):
    """An administrator lets nothing be purged now; it goes on when that ends."""
