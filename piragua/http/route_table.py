"""Which routes a path fits, as the gate asks before the web framework does."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.routing import Route

from piragua.http.route_marks import Mark, marks_of

_TYPE_IN_PATH = re.compile(r":\w+}")


@dataclass(frozen=True, slots=True)
class Fit:
    """A route that a path fits. exactly: as it stands, and not only without the slash at its end."""

    route: str
    methods: frozenset[str]
    marks: Mark
    volume_id: str
    exactly: bool


class RouteTable:
    """All routes of an instance, taken from them, so that nothing is said twice."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = [
            (
                route.path_regex,
                _TYPE_IN_PATH.sub("}", route.path),
                frozenset(route.methods or ()),
                marks_of(route.endpoint),
            )
            for route in routes
        ]

    def find(self, path: str) -> list[Fit]:
        """The routes that the path fits; where there is none, those that it fits without the slash at its end.

        A path that ends in a line's end fits none: `$` in a pattern of Starlette's lets it pass, so that the web
        framework could take another route than the gate.
        """
        if path.endswith("\n"):
            return []
        return self._fitting(path, exactly=True) or self._fitting(without_slash(path), exactly=False)

    def _fitting(self, path: str, *, exactly: bool) -> list[Fit]:
        return [
            Fit(route, methods, marks, _volume_id(match), exactly)
            for regex, route, methods, marks in self._routes
            if (match := regex.fullmatch(path))
        ]


def without_slash(path: str) -> str:
    """The path without the slash at its end, the root excepted."""
    return path[:-1] if path.endswith("/") and path != "/" else path


def _volume_id(match: re.Match[str]) -> str:
    return (match.groupdict().get("volume_id") or "").replace("-", "").lower()
