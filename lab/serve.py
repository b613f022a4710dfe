"""The development server: lab/serve runs this once everything is installed.

Piragua on a private Gluster of one node; a change below piragua/ ends it and starts it again.
"""

import argparse
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from lab.file_times import FileTimes, differing, file_times
from lab.heketi_client import HeketiClient
from lab.machine import MachineError
from lab.one_server import (
    CHECKOUT,
    HOST,
    CannotRunHere,
    check_machine,
    one_node_gluster,
    server_settings,
    start_piragua,
    stop_piragua,
)
from lab.private_gluster import Node
from lab.stop_signals import Stopped, ignore_stop_signals, raise_on_stop_signals

WATCHED = CHECKOUT / "piragua"
LOOK_SECONDS = 0.2
NAMED = 3
HEALTH_TIMEOUT_SECONDS = 5
FORESEEN = (CannotRunHere, MachineError, OSError, subprocess.SubprocessError)


class DevelopmentServer:
    """Piragua on that node at that port, started again after each change of its code."""

    def __init__(self, node: Node, port: int) -> None:
        key = os.environ.get("PIRAGUA_ADMIN_KEY") or secrets.token_urlsafe(32)
        chosen = {name: value for name, value in os.environ.items() if name.startswith("PIRAGUA_")}
        # Python tells a stale cache by whole seconds, and two saves can be closer than that
        uncached = {"PYTHONDONTWRITEBYTECODE": "1"}
        self._settings = {**uncached, **chosen, **server_settings(port, key)}
        self._node = node
        self._url = f"http://{HOST}:{port}"
        self._key = key
        self._client = HeketiClient(self._url, key, HEALTH_TIMEOUT_SECONDS)
        self._explained = False

    def serve(self) -> NoReturn:
        """Until an exception ends it, Stopped for example."""
        while True:
            before = file_times(WATCHED)
            piragua = start_piragua(self._node, self._settings, sys.stdout.fileno())
            try:
                after = self._wait_for_change(piragua, before)
                changed = [f"{WATCHED.name}/{path}" for path in differing(before, after)]
                more = f" and {len(changed) - NAMED} more" if len(changed) > NAMED else ""
                _say(f"Changed: {', '.join(changed[:NAMED])}{more}. Starting again.")
            finally:
                if not stop_piragua(piragua):
                    _say("Piragua did not end in time, and was killed.")

    def _wait_for_change(self, piragua: subprocess.Popen[bytes], before: FileTimes) -> FileTimes:
        """Say once that Piragua answers, and once that it ended by itself."""
        answered = ended = False
        while (after := file_times(WATCHED)) == before:
            if not ended and piragua.poll() is not None:
                ended = True
                _say(f"Piragua ended with exit status {piragua.returncode}. The next change starts it again.")
            if not answered and not ended and self._client.is_healthy():
                answered = True
                self._say_that_it_answers()
            time.sleep(LOOK_SECONDS)
        return _once_quiet(after)

    def _say_that_it_answers(self) -> None:
        if self._explained:
            _say(f"Piragua answers again at {self._url}.")
            return
        self._explained = True
        piragua = Path(sys.executable).with_name("piragua")
        _say(
            f"""Piragua serves {WATCHED} at {self._url}. In another shell:

  export PIRAGUA_SERVER={self._url} PIRAGUA_ADMIN_KEY={self._key}
  {piragua} volume create 1GiB
  curl -sS --noproxy '*' -H "$({piragua} token GET /volumes)" {self._url}/volumes

  # as root: the Gluster below
  nsenter --target {self._node.pid} --all --root gluster volume info

A change below piragua/ starts it again. Ctrl-C takes everything down.
"""
        )


def main(arguments: Sequence[str]) -> int:
    """Serve until a signal comes, and take everything down; returns the exit status."""
    parser = argparse.ArgumentParser(prog="lab/serve", description="Serve this checkout on a private Gluster.")
    parser.add_argument("--port", type=int, default=8080, help="of 127.0.0.1, where Piragua listens (8080)")
    options = parser.parse_args(arguments)
    raise_on_stop_signals()
    try:
        check_machine(options.port)
        _say("Starting a private Gluster of one node.")
        with one_node_gluster() as pool:
            try:
                DevelopmentServer(pool.nodes[0], options.port).serve()
            finally:
                ignore_stop_signals()
                _say("Taking everything down.")
    except Stopped:
        _say("Nothing of it is left running or mounted.")
        return 0
    except FORESEEN as why:
        print(f"serve: {why}", file=sys.stderr, flush=True)
        return 1


def _once_quiet(seen: FileTimes) -> FileTimes:
    """Editors and git write many files, one after the other: wait until a look finds nothing new."""
    while True:
        time.sleep(LOOK_SECONDS)
        later = file_times(WATCHED)
        if later == seen:
            return seen
        seen = later


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
