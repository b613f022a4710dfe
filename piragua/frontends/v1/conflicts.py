"""Conflicts as HTTP has them: 409, where Heketi has 500, which here nobody needs."""

from collections.abc import Iterator
from contextlib import contextmanager

from piragua.errors import Conflict
from piragua.http.refusals import StillInUse
from piragua.http.route_facts import Facts, text


def with_conflict(facts: Facts, meaning: str) -> Facts:
    """The facts of a route that answers so, and what it means."""
    return {**facts, "responses": {**facts["responses"], 409: text(meaning)}}


@contextmanager
def conflicts_as_409() -> Iterator[None]:
    """A Conflict of the core becomes that answer, with the same text."""
    try:
        yield
    except Conflict as error:
        raise StillInUse(str(error)) from error
