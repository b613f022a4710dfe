"""Whatever goes wrong is answered in one line of text, with a status that Heketi's clients can act on."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from piragua import errors
from piragua.http.body import BodyLimits
from piragua.models import Volume
from tests.support.heketi_clients.front_end import ADMIN_KEY, FrontEnd
from tests.support.heketi_clients.in_memory import InMemoryOperations, InMemoryVolumes

pytestmark = pytest.mark.anyio

VOLUME = "ab1d8755907d44c39b320de2750c8e75"
GLUSTER = (("volume", "quota"), 30802, "Another transaction is in progress for gv0.")
CORE_ERRORS: list[tuple[Exception, int, str]] = [
    (errors.InvalidRequest("No clusters configured"), 400, "No clusters configured\n"),
    (errors.Unsupported("option x cannot be set"), 400, "option x cannot be set\n"),
    (errors.NotFound("whatever it says"), 404, "Id not found\n"),
    (errors.Conflict("in use"), 500, "in use\n"),
    (errors.UnusableAddress("node n1 has no address"), 500, "node n1 has no address\n"),
    (errors.PiraguaError("said on purpose"), 500, "said on purpose\n"),
    (errors.NotReady("starting"), 503, "starting\n"),
    (errors.StorageError("no"), 503, "no\n"),
    (errors.LimitNotSet("does not read back"), 503, "does not read back\n"),
    (errors.GlusterTimeout(*GLUSTER), 503, f"gluster volume quota: {GLUSTER[2]}\n"),
    (errors.GlusterUnavailable(*GLUSTER), 503, f"gluster volume quota: {GLUSTER[2]}\n"),
    (errors.NotMounted("/mnt", 0, "not mounted"), 503, "/mnt: not mounted\n"),
    (errors.MountTimeout("/mnt", 0, "no answer"), 503, "/mnt: no answer\n"),
    (errors.NotReady("two\nlines \x00"), 503, "two\nlines \ufffd\n"),
    (errors.NotReady(), 503, "NotReady\n"),
]


def failing(error: Exception) -> FrontEnd:
    return FrontEnd(volumes=InMemoryVolumes(failure=error))


@pytest.mark.parametrize(("error", "status", "text"), CORE_ERRORS, ids=[repr(row[0]) for row in CORE_ERRORS])
async def test_an_error_of_the_core_is_plain_text(error: Exception, status: int, text: str) -> None:
    reply = await failing(error).ask("GET", "/volumes")
    assert (reply.status_code, reply.text) == (status, text)
    assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert "Retry-After" not in reply.headers


@pytest.mark.parametrize(
    ("target", "body", "begins"),
    [
        ("/volumes", '{"size": 1}', "Failed to allocate new volume: "),
        (f"/volumes/{VOLUME}/expand", '{"expand_size": 1}', "Failed to allocate volume expansion: "),
    ],
)
@pytest.mark.parametrize("error", [errors.NameInUse("x"), errors.OutOfSpace("No space")])
async def test_no_room_and_no_name_name_the_step(target: str, body: str, begins: str, error: Exception) -> None:
    """Items B28, B49 and C24: 500, and the text behind the step's."""
    reply = await failing(error).ask("POST", target, body)
    assert (reply.status_code, reply.text) == (500, f"{begins}{error}\n")


async def test_a_full_queue_says_when_to_come_back() -> None:
    """A Go client without Retry-After sleeps 10 to 29 seconds (docs/heketi-wire.md, 6.1)."""
    reply = await FrontEnd(operations=InMemoryOperations(full=True)).ask("POST", "/volumes", '{"size": 1}')
    assert (reply.status_code, reply.text) == (429, "Server busy. Retry operation later.\n")
    assert reply.headers["Retry-After"] == "1"


async def test_a_defect_is_plain_words_for_the_client_and_a_traceback_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reply = await failing(RuntimeError("secret detail")).ask("GET", "/volumes")
    assert reply.status_code == 500
    assert "secret detail" not in reply.text
    assert reply.text.startswith("Internal error")
    assert "secret detail" in caplog.text
    assert "Traceback" in caplog.text


async def test_keys_and_tokens_do_not_get_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    front = failing(RuntimeError("x"))
    token = front.token_for("admin", "GET", "/volumes")
    await front.ask("GET", "/volumes", authorization=[f"bearer {token}"])
    assert token not in caplog.text
    assert ADMIN_KEY.decode() not in caplog.text


async def test_a_line_of_the_log_cannot_be_forged_by_a_path(caplog: pytest.LogCaptureFixture) -> None:
    await failing(errors.NotReady("two\nlines")).ask("GET", "/volumes?x=%0aforged")
    assert all("\n" not in record.getMessage() for record in caplog.records)


async def test_a_body_over_the_bound_is_refused() -> None:
    front = FrontEnd(body_limits=BodyLimits(max_bytes=20))
    assert (await front.ask("POST", "/volumes", '{"size": 1}'.ljust(20))).status_code == 202
    reply = await front.ask("POST", "/volumes", '{"size": 1}'.ljust(21))
    assert (reply.status_code, reply.text) == (413, "request body is larger than 20 bytes\n")


async def test_blanks_are_fine_where_as_much_json_is_refused() -> None:
    front = FrontEnd(body_limits=BodyLimits(max_bytes=2000, max_json_bytes=100))
    assert (await front.ask("POST", "/volumes", '{"size":1}' + " " * 1000)).status_code == 202
    reply = await front.ask("POST", "/volumes", '{"size":1,"x":[' + "0," * 100 + "0]}")
    assert (reply.status_code, reply.text) == (413, "request body has more than 100 bytes of JSON\n")


async def test_a_body_without_end_is_read_only_to_the_bound() -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b" " * 100

    reply = await FrontEnd(body_limits=BodyLimits(max_bytes=1000)).ask("POST", "/volumes", endless())
    assert reply.status_code == 413
    assert read < 20


async def test_a_body_that_does_not_come_is_given_up() -> None:
    async def stuck() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    front = FrontEnd(body_limits=BodyLimits(timeout_seconds=0.05))
    reply = await front.ask("POST", "/volumes", stuck())
    assert (reply.status_code, reply.text) == (408, "request body did not come within 0.05 seconds\n")


async def test_a_core_that_hangs_is_given_up() -> None:
    class Hanging(InMemoryVolumes):
        async def get(self, volume_id: str) -> Volume:
            await asyncio.Event().wait()
            raise AssertionError

    front = FrontEnd(volumes=Hanging(), request_timeout_seconds=0.05)
    reply = await front.ask("GET", f"/volumes/{VOLUME}")
    assert (reply.status_code, reply.text) == (503, "No answer within 0.05 seconds: ask again\n")


async def test_a_timeout_inside_the_core_is_a_defect_and_not_a_slow_request() -> None:
    assert (await failing(TimeoutError("inner")).ask("GET", "/volumes")).text.startswith("Internal error")
