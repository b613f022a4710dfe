"""The paths that one front-end answers by rules of its own: who is let in, who may do what, and how it says no."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from starlette.responses import Response

from piragua.http.error_table import BASE
from piragua.http.refusals import InvalidPath


@dataclass(frozen=True)
class SignInAttempt:
    """What a request says of who sends it.

    path: percent-decoded, as it was sent, without the query. headers: names in lower case. client: the address
    that it comes from, as far as the connection, or a trusted proxy, says. query: as it was sent.
    """

    method: str
    path: bytes
    headers: Sequence[tuple[bytes, bytes]]
    client: str = ""
    query: bytes = b""

    def header(self, name: bytes) -> bytes | None:
        """The value of that header (its name in lower case); of several the first. None where there is none."""
        return next((value for each, value in self.headers if each == name), None)


SignIn = Callable[[SignInAttempt], Awaitable[str]]
"""From an attempt to the caller's role, a word for the log. Raises a Refusal."""

May = Callable[[str, str, str], bool]
"""Whether that role may use that method on that path."""


@dataclass(frozen=True)
class PathSpace:
    """The rules of all paths below a prefix.

    prefix: "/ui" is for `/ui` and everything below `/ui/`; "" is for what no other space is for. sign_in None:
    everybody is let in. answer: gives the response for whatever went wrong there, also at the gate.
    """

    prefix: str
    sign_in: SignIn | None
    may: May = lambda role, method, path: True
    answer: Callable[[BaseException], Response] = BASE.answer

    def has(self, path: str) -> bool:
        """Whether the path, with single slashes, is below the prefix."""
        return path == self.prefix or path.startswith(f"{self.prefix}/")


async def _nobody(attempt: SignInAttempt) -> str:
    raise InvalidPath


_NOBODYS = PathSpace("", _nobody)
"""For paths that no front-end cares for: there is nothing, whoever asks."""


class PathSpaces:
    """All of an instance. Of several that have a path the one with the longest prefix counts.

    Raises ValueError for a prefix that two have, or that no path can begin with.
    """

    def __init__(self, spaces: Sequence[PathSpace]) -> None:
        prefixes = [space.prefix for space in spaces]
        if len(set(prefixes)) < len(prefixes):
            raise ValueError(f"two path spaces have the same prefix: {sorted(prefixes)}")
        if any(each and (not each.startswith("/") or each.endswith("/")) for each in prefixes):
            raise ValueError(f"a prefix begins with a slash and ends without one: {sorted(prefixes)}")
        self._spaces = sorted(spaces, key=lambda space: len(space.prefix), reverse=True)

    def of(self, path: str) -> PathSpace:
        """The space that has the path."""
        return next((space for space in self._spaces if space.has(path)), _NOBODYS)
