"""Work that takes long, of a server that goes away, and of a volume in work already."""

import http.server
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from piragua.cli.asking import exits, long_work
from piragua.remote.server import Server
from tests.support.answering import server
from tests.support.terminal import piped

TIMEOUT_SECONDS = 0.5
ID = "ab12" + "0" * 28


@contextmanager
def polled(hangs: Callable[[int], bool]) -> Iterator[str]:
    """The URL of a server that begins work. hangs: whether it then says nothing, by the number of the poll."""
    polls, over = [0], threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self._answer(202, "/queue/1")

        def do_GET(self) -> None:
            polls[0] += 1
            if hangs(polls[0]):
                over.wait(30)
            else:
                self._answer(303, "/volumes/1")

        def _answer(self, status: int, location: str) -> None:
            self.send_response(status)
            self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}"
        finally:
            over.set()
            listening.shutdown()
            thread.join(10)


def do(url: str) -> str:
    asked = Server(url, None, timeout_seconds=TIMEOUT_SECONDS)
    return long_work.do(asked, "cloning volume wiki", "POST", "/clone", timeout_seconds=60)


def test_a_server_that_hangs_longer_than_one_is_waited_for_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host without power refuses nothing: it is known to be away after a whole timeout only."""
    monkeypatch.setattr(long_work, "_AWAY_SECONDS", TIMEOUT_SECONDS / 2)
    with polled(lambda number: number == 1) as url:
        assert do(url) == "/volumes/1"


def test_one_that_stays_away_is_given_up_and_what_it_does_is_said_to_be_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(long_work, "_AWAY_SECONDS", TIMEOUT_SECONDS / 2)
    begun = time.monotonic()
    with polled(lambda _: True) as url, pytest.raises(exits.CommandFailed, match="whether it is still") as end:
        do(url)
    assert (end.value.status, time.monotonic() - begun < 30) == (exits.NO_ANSWER, True)


@pytest.mark.parametrize("kind", ["expand", "shrink"])
def test_a_size_that_is_being_changed_is_not_added_to(kind: str) -> None:
    """As when Ctrl-C ended the same command before."""
    volume = {"id": ID, "name": "wiki", "size_bytes": 2**30}
    operation = {"id": "1" * 32, "kind": kind, "volume": ID, "state": "running"}
    known: dict[str, Any] = {
        f"/piragua/v1/volumes/{ID}": volume,
        "/piragua/v1/operations": {"operations": [{"id": "2" * 32, "kind": "create"}, operation]},
    }
    asked: list[str] = []
    with server(known, asked=asked) as url:
        done = piped("volume", "expand", ID, "--to", "5", settings={"PIRAGUA_SERVER": url})
    assert (done.returncode, f"is being changed ({kind})" in done.stderr) == (1, True)
    assert not [each for each in asked if each.startswith("POST")]
