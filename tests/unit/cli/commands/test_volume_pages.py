"""Lists that a server tells in pages."""

import json

from tests.support.answering import server
from tests.support.terminal import piped

FIRST, SECOND = {"id": "a" * 32, "name": "a"}, {"id": "b" * 32, "name": "b"}
LIST = "/piragua/v1/volumes?sort=name&order=asc"


def test_all_pages_are_shown_and_no_more_than_asked_for() -> None:
    answers = {
        f"{LIST}&limit=1000": {"volumes": [FIRST], "next": "more", "total": 2},
        f"{LIST}&after=more&limit=1000": {"volumes": [SECOND], "total": 2},
        f"{LIST}&limit=1": {"volumes": [FIRST], "next": "more", "total": 2},
    }
    asked: list[str] = []
    with server(answers, asked=asked) as url:
        every = piped("volume", "list", "--json", settings={"PIRAGUA_SERVER": url})
        assert json.loads(every.stdout) == {"volumes": [FIRST, SECOND]}
        assert (
            piped("volume", "list", "--ids", "--limit", "1", settings={"PIRAGUA_SERVER": url}).stdout
            == "a" * 32 + "\n"
        )
    assert asked == list(answers)
