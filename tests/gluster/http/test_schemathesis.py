"""Thousands of requests made up from the OpenAPI description: it is true, and nothing makes an instance fail.

Every answer has a status, headers, a type and a shape that are described; none takes long; a 500 is one of those
that Heketi gives; the log shows no defect.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from requests.auth import AuthBase
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from lab.private_gluster import PrivateGluster
from tests.support.calls import KEYS, ask, go_client
from tests.support.heketi_clients.tokens import token
from tests.support.instance import Instance
from tests.support.pool import gluster_volume

TIMEOUT_SECONDS = 30
EXAMPLES = 25
# With which Heketi begins what it answers with 500 (docs/heketi-wire.md, 5.3, 8.4).
HEKETIS_500 = ("Failed to allocate ", "Failed to set ", "Failed clone volume ")
TRUE = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# It would close all other routes.
SET_MODE = ("POST", "/admin")

Operation = schemathesis.APIOperation[Any, Any, Any, Any]
Case = schemathesis.Case[Any]
Send = Callable[[Case], schemathesis.Response]


class Token(AuthBase):
    """A fresh token of the administrator for the path as it is sent."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        path = unquote(urlsplit(str(request.url)).path, errors="surrogateescape")
        bearer = token("admin", KEYS["admin"], str(request.method), path, now_seconds=int(time.time()))
        request.headers["Authorization"] = f"bearer {bearer}"
        return request


@pytest.fixture(scope="module")
def instance(one_node: PrivateGluster) -> Iterator[Instance]:
    with gluster_volume(one_node) as volume:
        yield volume.start_instance(settings={"PIRAGUA_API_DOCS": "true"})
    one_node.delete_volume(volume.name)


@pytest.fixture(scope="module")
def operations(instance: Instance) -> list[Operation]:
    described = schemathesis.openapi.from_url(f"{instance.url}/openapi.json")
    found = [each.ok() for each in described.get_all_operations() if isinstance(each, Ok)]
    assert len(found) == sum(map(len, described.raw_schema["paths"].values())), "every one can be read"
    return found


@pytest.fixture(scope="module")
def real(instance: Instance) -> Mapping[str, str]:
    """Ids that there are, by what paths call them."""
    client = go_client(instance)
    (cluster,) = client.clusters()
    (node,) = client.cluster_info(cluster)["nodes"]
    volume, by_path = client.create({"size": 1}), client.create({"size": 1, "name": "data"})
    gluster_volume, directory, name = by_path["name"].split("/")
    return {
        "volume_id": volume["id"],
        "id_or_name": cluster,
        "node_id": node,
        "device_id": client.node_info(node)["devices"][0]["id"],
        "brick_id": volume["bricks"][0]["id"],
        "operation_id": ask(instance, "POST", "/volumes", {"size": 1}).headers["location"].split("/")[-1],
        "gluster_volume": gluster_volume,
        "directory": directory,
        "name": name,
    }


@pytest.fixture(autouse=True)
def nothing_is_a_defect(instance: Instance) -> Iterator[None]:
    before = len(instance.log.read_text())
    yield
    logged = instance.log.read_text()[before:]
    assert "Traceback" not in logged, logged
    assert "that is a bug" not in logged, logged
    assert instance.is_running()
    assert instance.health() == 200


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: str(mode.name).lower())
def test_whatever_is_asked_is_answered_as_described(operations: list[Operation], mode: GenerationMode) -> None:
    for operation in operations:
        if _name(operation) != SET_MODE:
            seen = _try(operation, mode, _as_administrator)
            # Without a parameter nothing is needed but a good body.
            if mode is GenerationMode.POSITIVE and "{" not in operation.path:
                _require_success(operation, seen)


def test_whatever_is_asked_about_what_is_there(
    instance: Instance, operations: list[Operation], real: Mapping[str, str]
) -> None:
    def send(case: Case) -> schemathesis.Response:
        named = {name: value for name, value in real.items() if name in case.path_parameters}
        case.path_parameters = {**case.path_parameters, **named}
        return _as_administrator(case)

    for operation in sorted(operations, key=lambda each: each.method.upper() == "DELETE"):
        if "{" in operation.path:
            seen = _try(operation, GenerationMode.POSITIVE, send)
            if "{pending_id}" not in operation.path:
                _require_success(operation, seen)
        if operation.path.endswith("/flags"):
            assert ask(instance, *_set_flags(real), {"file": True}).status_code == 200


def test_without_a_token_only_the_open_routes_answer(operations: list[Operation]) -> None:
    for operation in operations:
        seen = _try(
            operation, GenerationMode.POSITIVE, lambda case: case.call(timeout=TIMEOUT_SECONDS), examples=5
        )
        # 400: the Authorization header was made up as well.
        assert seen <= ({400, 401} if "security" in operation.definition.raw else {200})


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: str(mode.name).lower())
def test_the_mode_is_set_or_refused(instance: Instance, operations: list[Operation], mode: GenerationMode) -> None:
    (operation,) = [each for each in operations if _name(each) == SET_MODE]
    try:
        seen = _try(operation, mode, _as_administrator)
        assert 204 in seen or mode is GenerationMode.NEGATIVE
    finally:
        assert ask(instance, "POST", "/admin", {"state": "normal"}).status_code == 204


def _name(operation: Operation) -> tuple[str, str]:
    return operation.method.upper(), operation.path


def _set_flags(real: Mapping[str, str]) -> tuple[str, str]:
    return "POST", f"/clusters/{real['id_or_name']}/flags"


def _as_administrator(case: Case) -> schemathesis.Response:
    return case.call(auth=Token(), timeout=TIMEOUT_SECONDS)


def _as_nobody(case: Case) -> schemathesis.Response:
    return case.call(timeout=TIMEOUT_SECONDS)


def _try(operation: Operation, mode: GenerationMode, send: Send, *, examples: int = EXAMPLES) -> set[int]:
    """Sends requests as the operation describes them, or (negative) as it does not; the statuses that came."""
    seen = set[int]()

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def each(data: st.DataObject) -> None:
        case = data.draw(operation.as_strategy(generation_mode=mode))
        reply = send(case)
        seen.add(reply.status_code)
        _require_true(case, reply)

    if mode is GenerationMode.POSITIVE or operation.body or "{" in operation.path:  # else nothing can be wrong
        each()
    return seen


def _require_true(case: Case, reply: schemathesis.Response) -> None:
    """The answer is described; a 500 is one of Heketi's."""
    case.validate_response(reply, checks=list(TRUE))
    if reply.status_code >= 500:
        assert reply.status_code == 500, f"{reply.status_code} {reply.text}"
        assert case.path == "/queue/{operation_id}" or reply.text.startswith(HEKETIS_500), reply.text


def _require_success(operation: Operation, seen: set[int]) -> None:
    """Of the successes that are described one came: the requests were not all thrown out at the door."""
    successes = {int(status) for status in operation.definition.raw["responses"] if int(status) < 400}
    assert not successes or successes & seen, f"{operation.label}: {seen}"
