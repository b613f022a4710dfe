"""What a front-end is: routes over the core, the rules of its own paths, and what it keeps running.

A front-end is a folder beside this file, with an `__init__.py`. Its `front_end.py` has one function,

    def front_end(core: Core, settings: Settings) -> FrontEnd

and `registry.py` has its name. Where it has settings of its own, its `settings.py` has a `FrontEndSettings` of
them, which `settings.of(...)` gives. It imports `piragua.core`, `piragua.http`, `piragua.config`, `piragua.models`
and `piragua.errors`, and no other front-end.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from fastapi import APIRouter

from piragua.http.app import routes_of
from piragua.http.path_space import PathSpace
from piragua.http.route_marks import Mark, marks_of


@dataclass(frozen=True)
class FrontEnd:
    """One of an instance's front-ends.

    routers: its routes. What the gate has to know of one is said by `piragua.http.route_marks`.
    space: the rules of its paths; None: those of whoever has the paths of its routes.
    keeps: each runs beside the service, and is begun again a second after it ends. Something that listens for
    itself is one of these.
    about: for the description of all routes at /docs, what they are as a whole; None: they are not in it, as those
    of a space with a prefix cannot be.
    ValueError: a route lies outside of the space, but for one that is there for browsers only.
    """

    routers: Sequence[APIRouter]
    space: PathSpace | None = None
    keeps: Sequence[Callable[[], Awaitable[None]]] = ()
    about: str | None = None

    def __post_init__(self) -> None:
        if self.space is None or not self.space.prefix:
            return
        if self.about is not None:
            raise ValueError(f"what lies below {self.space.prefix} describes itself")
        outside = [
            route.path
            for route in routes_of(self.routers)
            if not self.space.has(route.path) and Mark.FOR_BROWSERS not in marks_of(route.endpoint)
        ]
        if outside:
            raise ValueError(f"these do not lie below {self.space.prefix}: {', '.join(outside)}")
