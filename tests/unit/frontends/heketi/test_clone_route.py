"""POST /volumes/{id}/clone: what passes, and every refusal's text (docs/heketi-wire.md, 3.1, 3.3)."""

import pytest

from piragua.models import Volume, gib_to_bytes
from tests.support.heketi_clients.front_end import FrontEnd
from tests.support.heketi_clients.in_memory import CLUSTER_ID

pytestmark = pytest.mark.anyio

SOURCE = "48816f83b961cf48158605c35e707acb"
CLONE = f"/volumes/{SOURCE}/clone"


@pytest.fixture
def front_end() -> FrontEnd:
    front_end = FrontEnd()
    front_end.volumes.add(Volume(SOURCE, CLUSTER_ID, "gv0", "source", gib_to_bytes(2), gid=2000))
    return front_end


@pytest.mark.parametrize(
    ("body", "name"),
    [("{}", None), ('{"name": ""}', None), ('{"name": null}', None), ('{"NAME": "copy"}', "copy")],
)
async def test_a_clone_ends_at_the_copy(body: str, name: str | None, front_end: FrontEnd) -> None:
    accepted = await front_end.ask("POST", CLONE, body)
    assert (accepted.status_code, accepted.content) == (202, b"")
    done = await front_end.ask("GET", accepted.headers["location"])
    copy = (await front_end.ask("GET", done.headers["location"])).json()
    assert (done.status_code, copy["size"], copy["gid"]) == (303, 2, 2000)
    assert copy["id"] != SOURCE
    assert copy["name"].endswith(f"/{name or 'vol_' + copy['id']}")


REFUSED = [
    (CLONE, "", 422, "request unable to be parsed\n"),
    (CLONE, "{", 422, "request unable to be parsed\n"),
    (CLONE, '{"name": "a/b"}', 400, "validation failed: name: must be in a valid format.\n"),
    (
        CLONE,
        '{"name": "source"}',
        500,
        f"Failed clone volume {SOURCE}: Volume name 'source' already in use\n",
    ),
    ("/volumes/abcdef/clone", "{}", 404, "Id not found\n"),
    ("/volumes/abcdef/clone", '{"name": "a/b"}', 400, "validation failed: name: must be in a valid format.\n"),
    (f"/volumes/{'0' * 32}/clone", "{}", 404, "Id not found\n"),
]


@pytest.mark.parametrize(("path", "body", "status", "text"), REFUSED)
async def test_what_is_refused(path: str, body: str, status: int, text: str, front_end: FrontEnd) -> None:
    answer = await front_end.ask("POST", path, body)
    assert (answer.status_code, answer.text) == (status, text)
    assert len(front_end.volumes.volumes) == 1


async def test_only_an_administrator_may(front_end: FrontEnd) -> None:
    answer = await front_end.ask("POST", CLONE, "{}", role="user")
    assert (answer.status_code, answer.text) == (401, "Administrator access required\n")
