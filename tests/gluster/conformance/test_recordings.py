"""Every recorded request, asked of Piragua on a real Gluster; see the package's own words."""

import time
from collections.abc import Iterator

import httpx
import pytest

from lab.private_gluster import PrivateGluster
from tests.gluster.conformance.compare import faults, is_allowed, shape_faults
from tests.gluster.conformance.recordings import (
    Answer,
    Recording,
    allowed,
    differences,
    recordings,
    shape_differences,
)
from tests.gluster.conformance.tokens import authorization
from tests.support.calls import go_client
from tests.support.instance import Instance
from tests.support.pool import gluster_volume

RECORDINGS = recordings()
DIFFERENCES = differences()
SHAPES = shape_differences()
_PATIENCE_SECONDS = 30


class Conformance:
    """An instance, and what the placeholders of the recordings stand for on it."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        client = go_client(instance)
        (cluster,) = client.clusters()
        (node,) = client.cluster_info(cluster)["nodes"]
        shown = client.node_info(node)
        volume = client.create({"size": 1})["id"]
        self.known = {
            "cluster": cluster,
            "node": node,
            "device": shown["devices"][0]["id"],
            "hostname": shown["hostnames"]["manage"][0],
            "volume": volume,
            "source": client.create({"size": 2, "gid": 2000})["id"],
            "VOLUME": volume.upper(),
            "doomed": client.create({"size": 1})["id"],
            "database": client.create({"size": 1, "name": "heketidbstorage"})["id"],
        }
        self.shapes_seen: set[str] = set()

    def ask(self, recording: Recording) -> httpx.Response:
        body = None if recording.body is None else self._filled(recording.body.decode("latin-1")).encode("latin-1")
        token = authorization(recording.token, recording.method, self._filled(recording.target))
        headers = [] if token is None else [("Authorization", token)]
        if body is not None and recording.content_type:
            headers.append(("Content-Type", recording.content_type))
        headers += recording.more_headers.items()
        return self._send(recording.method, self._filled(recording.target), headers, body)

    def say(self, request: str, body: str) -> None:
        """A request that only prepares."""
        method, target = self._filled(request).split(" ")
        token = authorization("admin", method, target)
        reply = self._send(method, target, [("Authorization", str(token))], self._filled(body).encode())
        assert reply.status_code < 400, reply.text

    def get(self, target: str) -> httpx.Response:
        return self._send("GET", target, [("Authorization", str(authorization("admin", "GET", target)))], None)

    def end_of(self, operation: str) -> httpx.Response:
        """The final answer; a pending one is as recorded: 200, X-Pending, nothing in it."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            reply = self.get(operation)
            if "x-pending" not in reply.headers:
                return reply
            assert not faults(reply, Answer(200, {"X-Pending": "true"}), {})
            assert time.monotonic() < deadline, f"{operation} is still pending"

    def differing(self, reply: httpx.Response, wanted: Answer) -> list[str]:
        """Faults that are not listed as allowed."""
        shapes = shape_faults(reply, wanted) if reply.status_code == wanted.status else []
        for fault in shapes:
            listed = is_allowed(fault, SHAPES)
            if listed:
                self.shapes_seen.add(listed.path)
        return faults(reply, wanted, self.known) + [fault for fault in shapes if not is_allowed(fault, SHAPES)]

    def _filled(self, text: str) -> str:
        for name, value in self.known.items():
            text = text.replace("{" + name + "}", value)
        return text

    def _send(
        self, method: str, target: str, headers: list[tuple[str, str]], body: bytes | None
    ) -> httpx.Response:
        # httpx tidies a path that is given as text; this way it is sent as it stands.
        url = httpx.URL(self._instance.url).copy_with(raw_path=target.encode())
        with httpx.Client(timeout=60, trust_env=False) as connection:
            return connection.request(method, url, headers=headers, content=body)


@pytest.fixture(scope="module")
def conformance(one_node: PrivateGluster) -> Iterator[Conformance]:
    with gluster_volume(one_node) as volume:
        yield Conformance(volume.start_instance(settings={"PIRAGUA_TRASH_RETENTION": "1h"}))
    one_node.delete_volume(volume.name)


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda each: f"{each.item} {each.title}")
def test_piragua_answers_as_heketi_did(conformance: Conformance, recording: Recording) -> None:
    wanted = allowed(recording, DIFFERENCES)
    for request, body in wanted.before:
        conformance.say(request, body)
    reply = conformance.ask(wanted)
    heketis = faults(reply, recording.answer, conformance.known)
    differing = conformance.differing(reply, wanted.answer)
    assert not differing, f"{recording.item}: {differing}"
    if wanted.end is not None:
        end = conformance.end_of(reply.headers["location"])
        heketis += [] if recording.end is None else faults(end, recording.end, conformance.known)
        differing = conformance.differing(end, wanted.end)
        assert not differing, f"the end of {recording.item}: {differing}"
        if wanted.result is not None:
            result = conformance.get(end.headers["location"])
            differing = conformance.differing(result, wanted.result)
            assert not differing, f"the result of {recording.item}: {differing}"
    listed = any(recording.item in difference.items for difference in DIFFERENCES)
    assert listed == bool(heketis), "listed as different, and answered as Heketi did"


def test_listed_differences_are_of_recordings_and_every_one_says_why() -> None:
    items = [recording.item for recording in RECORDINGS]
    assert len(items) == len(set(items))
    for difference in DIFFERENCES:
        assert difference.why
        assert set(difference.items) <= set(items)


def test_listed_differences_of_shape_are_there(conformance: Conformance) -> None:
    """Runs after all recordings, whose answers it counts."""
    if not conformance.shapes_seen:
        pytest.skip("only with the whole suite")
    assert {shape.path for shape in SHAPES} == conformance.shapes_seen
