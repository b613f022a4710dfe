"""What a front-end is: routes over the core, the rules of its own paths, and what it keeps running.

A front-end is a folder beside this file. Its `front_end.py` has one function,

    def front_end(core: Core, settings: Settings) -> FrontEnd

and `registry.py` has its name. Where it has settings of its own, its `settings.py` has a `FrontEndSettings` of
them, which `settings.of(...)` gives. It imports `piragua.core`, `piragua.http`, `piragua.config`, `piragua.models`
and `piragua.errors`, and no other front-end.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from fastapi import APIRouter

from piragua.http.path_space import PathSpace


@dataclass(frozen=True)
class FrontEnd:
    """One of an instance's front-ends.

    routers: its routes. What the gate has to know of one is said by `piragua.http.route_marks`.
    space: the rules of its paths; None: those of whoever has the paths of its routes.
    keeps: each runs beside the service, for ever, and is begun again when it ends by a bug. Something that listens
    for itself is one of these.
    about: for the description of all routes at /docs, what they are as a whole; None: they are not in it.
    """

    routers: Sequence[APIRouter]
    space: PathSpace | None = None
    keeps: Sequence[Callable[[], Awaitable[None]]] = ()
    about: str | None = None
