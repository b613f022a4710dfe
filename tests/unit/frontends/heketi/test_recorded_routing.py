"""Routing and headers as a real Heketi 10.4.1 was recorded: paths, methods, slashes, first answers."""

from typing import NamedTuple

import pytest

from piragua.models import Volume, gib_to_bytes
from tests.support.heketi_clients.front_end import FrontEnd
from tests.support.heketi_clients.in_memory import CLUSTER_ID, InMemoryTopology

pytestmark = pytest.mark.anyio

TEXT = "text/plain; charset=utf-8"
JSON = "application/json; charset=UTF-8"
HTML = "text/html; charset=utf-8"
NO_TOKEN = "Required authorization token not found\n"
NO_ROUTE = "Invalid path or request\n"
ADMIN_ONLY = "Administrator access required\n"
UNKNOWN = "Id not found\n"
VOLUME = "65021b4d0a7bbcb702f356711a18d1f0"


class Recorded(NamedTuple):
    """Item of the recording, request (role None: no token), and the answer."""

    item: str
    method: str
    target: str
    role: str | None
    status: int
    content_type: str | None
    body: str
    location: str | None = None


EMPTY_DATABASE = [
    Recorded("A1", "GET", "/hello", None, 200, "text/plain; charset=UTF-8", "Hello from Heketi"),
    Recorded("A3", "GET", "/hello/", None, 401, TEXT, NO_TOKEN),
    Recorded("A4", "GET", "/hello/", "admin", 404, TEXT, NO_ROUTE),
    Recorded("A6", "POST", "/hello", None, 401, TEXT, NO_TOKEN),
    Recorded("A7", "POST", "/hello", "admin", 404, TEXT, NO_ROUTE),
    Recorded("A8", "GET", "/", None, 401, TEXT, NO_TOKEN),
    Recorded("A9", "GET", "/", "admin", 404, TEXT, NO_ROUTE),
    Recorded("A10", "GET", "/nope", None, 401, TEXT, NO_TOKEN),
    Recorded("A11", "GET", "/nope", "admin", 404, TEXT, NO_ROUTE),
    Recorded("A12", "GET", "/nope", "user", 401, TEXT, ADMIN_ONLY),
    Recorded("A13", "PUT", "/volumes", "admin", 405, None, ""),
    Recorded("A14", "DELETE", "/clusters", "admin", 405, None, ""),
    Recorded("A15", "PATCH", "/volumes/abc", "admin", 405, None, ""),
    Recorded("A16", "HEAD", "/volumes", "admin", 405, None, ""),
    Recorded("A17", "HEAD", "/clusters", "admin", 405, None, ""),
    Recorded("A18", "OPTIONS", "/volumes", None, 401, TEXT, NO_TOKEN),
    Recorded("A19", "OPTIONS", "/volumes", "admin", 405, None, ""),
    Recorded(
        "A20", "GET", "/volumes/", "admin", 301, HTML, '<a href="/volumes">Moved Permanently</a>.\n\n', "/volumes"
    ),
    Recorded("A21", "POST", "/volumes/", "admin", 301, None, "", "/volumes"),
    Recorded(
        "A22",
        "GET",
        "/clusters/",
        "admin",
        301,
        HTML,
        '<a href="/clusters">Moved Permanently</a>.\n\n',
        "/clusters",
    ),
    Recorded("A26", "GET", "/volumes/xyz", "admin", 404, TEXT, NO_ROUTE),
    Recorded("A28", "GET", "/volumes?x=1", "admin", 200, JSON, '{"volumes":[]}\n'),
    Recorded("A30", "GET", "/%76olumes", "admin", 200, JSON, '{"volumes":[]}\n'),
    Recorded("A77", "GET", "/clusters", "user", 401, TEXT, ADMIN_ONLY),
    Recorded("A78", "GET", "/volumes", "user", 200, JSON, '{"volumes":[]}\n'),
    Recorded("A79", "POST", "/volumes", "user", 400, TEXT, "No clusters configured\n"),
    Recorded("A81", "DELETE", "/volumes/abc", "user", 401, TEXT, ADMIN_ONLY),
    Recorded("A83", "GET", "/volumes/", "user", 401, TEXT, ADMIN_ONLY),
    Recorded("A86", "GET", "/clusters", "admin", 200, JSON, '{"clusters":[]}\n'),
    Recorded("A87", "GET", "/volumes", "admin", 200, JSON, '{"volumes":[]}\n'),
    Recorded("A89", "POST", "/volumes", "admin", 400, TEXT, "No clusters configured\n"),
    Recorded("A107", "GET", "/queue/xyz", "admin", 404, TEXT, NO_ROUTE),
    Recorded("B5", "GET", "/nodes/abcdef", "admin", 404, TEXT, UNKNOWN),
    Recorded("B7", "GET", "/clusters/abcdef", "admin", 404, TEXT, UNKNOWN),
    Recorded("B8", "GET", "/nodes", "admin", 405, None, ""),
    Recorded("B9", "GET", "/devices", "admin", 405, None, ""),
    Recorded("B10", "GET", "/topology", "admin", 404, TEXT, NO_ROUTE),
    Recorded("C58", "DELETE", f"/volumes/vol_{VOLUME}", "admin", 404, TEXT, NO_ROUTE),
    Recorded("C59", "DELETE", "/volumes/gv0/abc/vol_abc", "admin", 404, TEXT, NO_ROUTE),
]

ONE_VOLUME = [
    Recorded("C4", "GET", f"/volumes/{VOLUME.upper()}", "admin", 404, TEXT, UNKNOWN),
    Recorded("C5", "GET", "/volumes/abcdef", "admin", 404, TEXT, UNKNOWN),
    Recorded("C6", "GET", f"/volumes/{CLUSTER_ID}", "admin", 404, TEXT, UNKNOWN),
    Recorded("C55", "DELETE", "/volumes/abcdef", "admin", 404, TEXT, UNKNOWN),
    Recorded("C61", "GET", f"/volumes/{VOLUME}/expand", "admin", 405, None, ""),
    Recorded("C62", "POST", f"/volumes/{VOLUME}", "admin", 405, None, ""),
    Recorded(
        "C63",
        "GET",
        f"/volumes/{VOLUME}/",
        "admin",
        301,
        HTML,
        f'<a href="/volumes/{VOLUME}">Moved Permanently</a>.\n\n',
        f"/volumes/{VOLUME}",
    ),
    Recorded("C64", "POST", f"/volumes/{VOLUME}/expand/", "admin", 301, None, "", f"/volumes/{VOLUME}/expand"),
]


def named(recording: Recorded) -> str:
    return f"{recording.item} {recording.method} {recording.target}"


async def check(front: FrontEnd, recorded: Recorded) -> None:
    body = '{"size": 1}' if recorded.method in {"POST", "PUT", "PATCH"} else None
    reply = await front.ask(recorded.method, recorded.target, body, role=recorded.role)
    assert (reply.status_code, reply.text) == (recorded.status, recorded.body)
    assert reply.headers.get("Content-Type") == recorded.content_type
    assert reply.headers.get("Location") == recorded.location
    assert reply.headers.get("X-Content-Type-Options") == ("nosniff" if recorded.content_type == TEXT else None)
    assert not {"allow", "server", "x-request-id", "x-pending", "retry-after"} & set(reply.headers)


@pytest.mark.parametrize("recorded", EMPTY_DATABASE, ids=named)
async def test_answers_like_heketi_without_clusters(recorded: Recorded) -> None:
    await check(FrontEnd(topology=InMemoryTopology(known=(), peers=())), recorded)


@pytest.mark.parametrize("recorded", ONE_VOLUME, ids=named)
async def test_answers_like_heketi_with_a_volume(recorded: Recorded) -> None:
    front = FrontEnd()
    front.volumes.add(Volume(VOLUME, CLUSTER_ID, "gv0", f"vol_{VOLUME}", gib_to_bytes(1)))
    await check(front, recorded)


async def test_hello_ignores_a_garbage_token() -> None:
    """Item A2."""
    reply = await FrontEnd().ask("GET", "/hello", authorization=["garbage"])
    assert (reply.status_code, reply.text) == (200, "Hello from Heketi")


async def test_head_hello_needs_a_token() -> None:
    """Item A5."""
    reply = await FrontEnd().ask("HEAD", "/hello", role=None)
    assert (reply.status_code, reply.headers["Content-Length"]) == (401, "39")


@pytest.mark.parametrize("target", ["//volumes", "///volumes", "//volumes?x=1"])
async def test_doubled_slashes_work(target: str) -> None:
    """Items A23 to A25 are redirects; here a server URL that ends in a slash simply works."""
    front = FrontEnd()
    assert (await front.ask("GET", target)).json() == {"volumes": []}
    assert (await front.ask("POST", target, '{"size": 1}')).status_code == 202
    assert (await front.ask("GET", target, role=None)).status_code == 401


async def test_doubled_slashes_are_part_of_what_is_signed() -> None:
    front = FrontEnd()
    other = f"bearer {front.token_for('admin', 'GET', '/volumes')}"
    assert (await front.ask("GET", "//volumes", authorization=[other])).text == "Invalid qsh claim in token\n"


async def test_doubled_slash_before_hello_needs_no_token() -> None:
    assert (await FrontEnd().ask("GET", "//hello", role=None)).status_code == 200


@pytest.mark.parametrize("role", ["user", "admin"])
async def test_users_may_poll_and_read_what_they_created(role: str) -> None:
    """Items A80 and A82 refuse this to the user role, so that its creates are left behind."""
    front = FrontEnd()
    queue = (await front.ask("POST", "/volumes", '{"size": 1}', role=role)).headers["Location"]
    volume = (await front.ask("GET", queue, role=role)).headers["Location"]
    assert (await front.ask("GET", volume, role=role)).status_code == 200


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("DELETE", f"/volumes/{VOLUME}"),
        ("POST", f"/volumes/{VOLUME}/expand"),
        ("GET", f"/volumes/gv0/65021b4d-0a7b-4cb7-82f3-56711a18d1f0/{VOLUME}"),
        ("GET", f"/nodes/{VOLUME}"),
        ("POST", f"/queue/{VOLUME}"),
        ("PUT", "/volumes"),
    ],
)
async def test_users_may_do_no_more_than_that(method: str, target: str) -> None:
    reply = await FrontEnd().ask(method, target, role="user")
    assert (reply.status_code, reply.text) == (401, ADMIN_ONLY)


async def test_redirect_keeps_the_query() -> None:
    reply = await FrontEnd().ask("GET", "/volumes/?x=1&y=2")
    assert reply.headers["Location"] == "/volumes?x=1&y=2"
