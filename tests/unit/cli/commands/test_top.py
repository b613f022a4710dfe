"""`piragua top` where the server cannot tell everything."""

import json
import signal

from tests.support.answering import Reply, server
from tests.support.terminal import Terminal, piped

AWAY: Reply = (503, {}, b"the Gluster volume gv0 is away\n")
ANSWERS = {
    "/piragua/v1/status": {
        "server": "node1",
        "mounts": [{"gluster_volume": "gv0", "state": "it is away", "stuck_threads": 2}],
    },
    "/piragua/v1/operations": AWAY,
    "/piragua/v1/usage": AWAY,
}


def test_while_a_gluster_volume_is_away_the_rest_is_shown() -> None:
    with server(ANSWERS) as url:
        settings = {"PIRAGUA_SERVER": url}
        observed = piped("top", "--count", "1", "--json", settings=settings)
        assert observed.returncode == 0, observed.stderr
        told = json.loads(observed.stdout)
        assert (told["status"]["server"], told["operations"], told["usage"]) == ("node1", None, None)
        with Terminal("top", "--count", "1", settings=settings) as terminal:
            assert terminal.end() == 0
    for text in ("mount of gv0", "it is away, 2 threads stuck", "what all servers do cannot be told now"):
        assert text in terminal.shown


def test_a_key_that_is_wrong_is_said_to_be() -> None:
    refused: Reply = (401, {}, b"signature is invalid\n")
    with server({**ANSWERS, "/piragua/v1/usage": refused}) as url:
        done = piped("top", "--count", "1", settings={"PIRAGUA_SERVER": url, "PIRAGUA_ADMIN_KEY": "wrong"})
    assert (done.returncode, done.stderr) == (3, "piragua: signature is invalid\n")


def test_a_signal_leaves_the_terminal_as_it_was() -> None:
    with server(ANSWERS) as url, Terminal("top", settings={"PIRAGUA_SERVER": url}) as terminal:
        terminal.until("mount of gv0")
        terminal.send(signal.SIGTERM)
        assert terminal.end() == 143
        assert terminal.is_as_before()
        assert terminal.raw.rfind("\x1b[?1049l") > terminal.raw.rfind("\x1b[?1049h")


def test_an_interval_without_an_end_is_wrong_use() -> None:
    done = piped("top", "--interval", "inf", settings={})
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
