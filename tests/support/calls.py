"""How tests talk to an instance: over its socket, with a fresh token for every request."""

import json
import time
from typing import Any

import httpx

from lab.machine import wait_until
from piragua.remote.tokens import authorization
from tests.support.heketi_clients.strict_go import StrictGoClient
from tests.support.instance import ADMIN_KEY, USER_KEY, Instance

KEYS = {"admin": ADMIN_KEY.encode(), "user": USER_KEY.encode()}


def go_client(instance: Instance, user: str = "admin") -> StrictGoClient:
    """A strict client of the instance; poll_seconds is short, since no real user waits."""
    return StrictGoClient(instance.url, user, KEYS[user], poll_seconds=0.05)


def ask(
    instance: Instance, method: str, path: str, body: dict[str, Any] | None = None, user: str = "admin"
) -> httpx.Response:
    """One request and its own answer: no redirect is followed. path: with its query, which no token knows."""
    header = authorization(KEYS[user], method, path.partition("?")[0], now_seconds=int(time.time()), role=user)
    content = None if body is None else json.dumps(body)
    with httpx.Client(timeout=60, trust_env=False) as connection:
        headers = {"Authorization": header}
        return connection.request(method, instance.url + path, headers=headers, content=content)


def told_by(instance: Instance, operation: str, timeout_seconds: float = 30) -> httpx.Response:
    """The final answer about an operation (the Location of a 202), asked of any instance.

    Raises MachineError when it is still pending then.
    """
    last: list[httpx.Response] = []

    def is_over() -> bool:
        last[:] = [ask(instance, "GET", operation)]
        return "x-pending" not in last[0].headers

    wait_until(is_over, f"the end of {operation}", timeout_seconds)
    return last[0]
