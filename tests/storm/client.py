"""A client of the storm: one of many that make, grow, copy, delete and read volumes, through any instance."""

import itertools
import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from piragua.remote.tokens import authorization
from tests.storm.told import Known, Told
from tests.support.calls import KEYS

_NONE_ANSWERED = 0
_POLL_SECONDS = 0.1
_MOST_VOLUMES = 5
_MARKER = "marker"


class Unclear(Exception):
    """No final answer came: the instance, or the way to it, went away."""


class Refused(Exception):
    """A final answer that is no success, with its status and text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status} {text.strip()}")
        self.status = status
        self.operation = ""


@dataclass(frozen=True)
class Balancer:
    """Sends each request to the next instance, whether that lives or not."""

    urls: tuple[str, ...]
    _turns: Iterator[int]

    @classmethod
    def over(cls, *urls: str) -> "Balancer":
        return cls(urls, itertools.count())

    def next(self) -> str:
        return self.urls[next(self._turns) % len(self.urls)]


class Client:
    """One client; its choices come from its own seed. folder: a mount to write markers through; None: none."""

    def __init__(
        self,
        number: int,
        seed: int,
        balancer: Balancer,
        told: Told,
        stops: Callable[[], bool],
        folder: Path | None,
    ) -> None:
        self._number = number
        self._random = random.Random(f"{seed} client {number}")
        self._balancer = balancer
        self._told = told
        self._stops = stops
        self._folder = folder
        self._own: dict[str, Known] = {}
        self._names = itertools.count()
        self._http = httpx.Client(timeout=90, trust_env=False)

    def work(self) -> None:
        """Operations, one after the other, until it is time to stop."""
        with self._http:
            while not self._stops():
                operation = self._choose()
                try:
                    operation()
                    end = "done"
                except Refused as error:
                    end = f"refused with {error.status}"
                except Unclear:
                    end = "no final answer"
                self._told.count(operation.__name__.strip("_"), end)

    def _choose(self) -> Callable[[], None]:
        standing = [each for each in self._own.values() if not each.deleting]
        weights: dict[Callable[[], None], float] = {self._create: 30, self._list: 8, self._info: 20}
        if standing:
            weights |= {self._expand: 15, self._delete: 15, self._clone: 4}
        if len(standing) >= _MOST_VOLUMES:
            weights |= {self._delete: 80, self._create: 5, self._clone: 0}
        return self._random.choices(list(weights), list(weights.values()))[0]

    def _one(self) -> tuple[str, Known]:
        return self._random.choice([(each, known) for each, known in self._own.items() if not known.deleting])

    def _create(self) -> None:
        wish: dict[str, Any] = {"size": self._random.randint(1, 3), "gid": self._random.choice((0, 2000))}
        self._make(wish["size"], lambda name: ("/volumes", wish | {"name": name}))

    def _clone(self) -> None:
        source_id, source = self._one()
        if len(source.sizes) == 1:
            self._make(min(source.sizes), lambda name: (f"/volumes/{source_id}/clone", {"name": name}))

    def _make(self, size_gib: int, request: Callable[[str], tuple[str, dict[str, Any]]]) -> None:
        name = f"storm-{self._number}-{next(self._names)}"
        with self._told.guard:
            self._told.asked_names.add(name)
        try:
            made = self._operate("POST", *request(name))
        except Refused as error:
            if error.operation:
                with self._told.guard:
                    self._told.failed_ids.add(error.operation[34:66])
            raise
        known = Known(name, {size_gib})
        with self._told.guard:
            self._told.volumes[made] = known
        self._own[made] = known
        self._leave_marker(made, known)

    def _leave_marker(self, volume_id: str, known: Known) -> None:
        if self._folder is None:
            return
        with suppress(OSError):  # bricks may be away: then it has none
            file = self._folder / str(UUID(volume_id)) / known.name / _MARKER
            file.write_text(volume_id)
            known.marker = volume_id

    def _expand(self) -> None:
        volume_id, known = self._one()
        before = set(known.sizes)
        known.sizes |= {size + 1 for size in before}
        self._operate("POST", f"/volumes/{volume_id}/expand", {"expand_size": 1})
        known.sizes -= before - {size + 1 for size in before}

    def _delete(self) -> None:
        volume_id, known = self._one()
        known.deleting = True
        self._operate("DELETE", f"/volumes/{volume_id}", None)
        known.deleted = True

    def _info(self) -> None:
        """Of anybody's volume."""
        standing = self._told.standing()
        if not standing:
            return
        volume_id = self._random.choice(list(standing))
        known = standing[volume_id]
        reply = self._ask("GET", f"/volumes/{volume_id}", None)
        if known.deleting:
            return
        if reply.status_code == 404:
            self._told.lie(f"{volume_id} was called unknown while it stood: {reply.text.strip()}; {_where(reply)}")
        if reply.status_code != 200:
            raise Refused(reply.status_code, reply.text)

    def _list(self) -> None:
        before = self._told.standing()
        reply = self._ask("GET", "/volumes", None)
        if reply.status_code != 200:
            raise Refused(reply.status_code, reply.text)
        listed = set(reply.json()["volumes"])
        for volume_id, known in before.items():
            if volume_id not in listed and not known.deleting:
                self._told.lie(f"{volume_id} was left out of a list; {_where(reply)}")

    def _operate(self, method: str, path: str, body: dict[str, Any] | None) -> str:
        """Asks, polls to the end, and gives the id of the volume that the answer leads to."""
        accepted = self._ask(method, path, body)
        if accepted.status_code != 202:
            raise Refused(accepted.status_code, accepted.text)
        queue = accepted.headers["location"]
        while True:
            reply = self._poll(queue)
            if reply.status_code == 303:
                return str(reply.headers["location"]).rpartition("/")[2]
            if reply.status_code == 204:
                return ""
            if reply.status_code == 500:
                refused = Refused(reply.status_code, reply.text)
                refused.operation = queue.rpartition("/")[2]
                raise refused
            time.sleep(_POLL_SECONDS)

    def _poll(self, queue: str) -> httpx.Response:
        """The answer of the first instance that gives one about the operation; Unclear when the storm is over."""
        while True:
            with suppress(Unclear):
                reply = self._ask("GET", queue, None)
                if reply.status_code in (200, 204, 303, 500):
                    return reply
                if reply.status_code == 404:
                    self._told.lie(f"{queue} was called unknown: {reply.text.strip()}")
                    raise Refused(404, reply.text)
            if self._stops():
                raise Unclear
            time.sleep(_POLL_SECONDS)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> httpx.Response:
        """One request at the next instance, and at others while those take no connections; Unclear if it broke."""
        for _ in self._balancer.urls * 4:
            headers = {"Authorization": authorization(KEYS["admin"], method, path, now_seconds=int(time.time()))}
            content = None if body is None else json.dumps(body)
            try:
                return self._http.request(method, self._balancer.next() + path, headers=headers, content=content)
            except httpx.ConnectError:
                time.sleep(_POLL_SECONDS)
            except httpx.HTTPError as error:
                raise Unclear(str(error)) from error
        raise Unclear("no instance takes connections")


def _where(reply: httpx.Response) -> str:
    return f"by {reply.request.url.host} at {time.strftime('%X')}"
