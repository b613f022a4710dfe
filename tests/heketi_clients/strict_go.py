"""A client that refuses what Heketi's Go client refuses, and with it Kubernetes and heketi-cli.

It does as Heketi contract 2.2 says: it polls at once and then every 400 ms, takes nothing but 202 with a
Location, 200 with `X-Pending: true`, and 200 with JSON or 204 in the end, follows redirects with a fresh
token for each hop, and decodes strictly.
"""

import json
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import httpx

from tests.heketi_clients.tokens import token

_DURABILITY = {"type": str, "replicate": {"replica": int}, "disperse": {"data": int, "redundancy": int}}
_MOUNT = {"glusterfs": {"hosts": [str], "device": str, "options": {"*": str}}}
_BRICK = {"id": str, "path": str, "device": str, "node": str, "volume": str, "size": int}
_VOLUME = {
    "size": int,
    "name": str,
    "durability": _DURABILITY,
    "gid": int,
    "glustervolumeoptions": [str],
    "block": bool,
    "snapshot": {"enable": bool, "factor": float},
    "id": str,
    "cluster": str,
    "mount": _MOUNT,
    "blockinfo": {"freesize": int, "reservedsize": int, "blockvolume": [str], "restriction": str},
    "bricks": [_BRICK],
}
_CLUSTER = {"id": str, "nodes": [str], "volumes": [str], "block": bool, "file": bool, "blockvolumes": [str]}
_NODE = {
    "zone": int,
    "hostnames": {"manage": [str], "storage": [str]},
    "cluster": str,
    "id": str,
    "state": str,
    "tags": {"*": str},
    "devices": [{"name": str, "id": str, "state": str, "storage": {"total": int, "free": int, "used": int}}],
}
_REDIRECTS = {301: "GET", 302: "GET", 303: "GET", 307: None, 308: None}


class HeketiError(Exception):
    """What the client would report; `str()` is the text that Kubernetes compares."""


class StrictGoClient:
    """url is put before every path as it is, a slash at its end included.

    sleeps counts the waits between polls, requests lists `METHOD target -> status`.
    """

    def __init__(
        self, url: str, user: str, key: str | bytes, *, timeout_seconds: float = 60, poll_seconds: float = 0.4
    ) -> None:
        self._url = url
        self._user = user
        self._key = key.encode() if isinstance(key, str) else key
        self._timeout_seconds = timeout_seconds
        self._poll_seconds = poll_seconds
        self.sleeps = 0
        self.requests: list[str] = []

    def create(self, wish: dict[str, Any]) -> dict[str, Any]:
        """POST /volumes with that body, to the end; the volume's info."""
        return self._volume(self._finish(self._send("POST", self._url + "/volumes", wish)))

    def expand(self, volume_id: str, add_gib: int) -> dict[str, Any]:
        """Grow the volume by add_gib, to the end; the volume's info."""
        first = self._send("POST", f"{self._url}/volumes/{volume_id}/expand", {"expand_size": add_gib})
        return self._volume(self._finish(first))

    def clone(self, volume_id: str, name: str = "") -> dict[str, Any]:
        """Copy the volume, to the end; the copy's info. Go leaves an empty name out."""
        wish = {"name": name} if name else {}
        return self._volume(self._finish(self._send("POST", f"{self._url}/volumes/{volume_id}/clone", wish)))

    def delete(self, volume_id: str) -> None:
        """DELETE, to the end."""
        last = self._finish(self._send("DELETE", f"{self._url}/volumes/{volume_id}"))
        if last.status_code != 204:
            raise HeketiError(_message(last))

    def info(self, volume_id: str) -> dict[str, Any]:
        return self._volume(self._send("GET", f"{self._url}/volumes/{volume_id}"))

    def list(self) -> Sequence[str]:
        """The ids of all volumes."""
        ids: Sequence[str] = self._decoded(self._send("GET", self._url + "/volumes"), {"volumes": [str]})[
            "volumes"
        ]
        return ids

    def clusters(self) -> Sequence[str]:
        """The ids of all clusters."""
        ids: Sequence[str] = self._decoded(self._send("GET", self._url + "/clusters"), {"clusters": [str]})[
            "clusters"
        ]
        return ids

    def cluster_info(self, cluster_id: str) -> dict[str, Any]:
        return self._decoded(self._send("GET", f"{self._url}/clusters/{cluster_id}"), _CLUSTER)

    def node_info(self, node_id: str) -> dict[str, Any]:
        """The node; heketi-cli crashes on one without a manage or storage name (Heketi contract 6.3)."""
        node = self._decoded(self._send("GET", f"{self._url}/nodes/{node_id}"), _NODE)
        if not node["hostnames"]["manage"] or not node["hostnames"]["storage"]:
            raise HeketiError("panic: runtime error: index out of range [0] with length 0")
        return node

    def _volume(self, reply: httpx.Response) -> dict[str, Any]:
        """heketi-cli divides by the durability's counts (Heketi contract 6.3)."""
        volume = self._decoded(reply, _VOLUME)
        durability = volume.get("durability") or {}
        divisors = {
            "replicate": (durability.get("replicate") or {}).get("replica", 0),
            "disperse": sum((durability.get("disperse") or {}).values()),
        }
        if divisors.get(durability.get("type", ""), 1) == 0:
            raise HeketiError("panic: runtime error: integer divide by zero")
        return volume

    def _decoded(self, reply: httpx.Response, shape: dict[str, Any]) -> dict[str, Any]:
        if reply.status_code != 200:
            raise HeketiError(_message(reply))
        value = json.loads(reply.content)
        _check(value, shape, "")
        if not isinstance(value, dict):
            raise HeketiError("json: cannot unmarshal into Go value")
        return value

    def _finish(self, first: httpx.Response) -> httpx.Response:
        """The final answer of the operation that the first answer started."""
        if first.status_code != 202:
            raise HeketiError(_message(first))
        if "location" not in first.headers:
            raise HeketiError("http: no Location header in response")
        queue = urljoin(str(first.request.url), first.headers["location"])
        deadline = time.monotonic() + self._timeout_seconds
        while True:
            reply = self._send("GET", queue)
            if reply.headers.get("x-pending") != "true":
                return reply
            if reply.status_code != 200:
                raise HeketiError(_message(reply))
            if time.monotonic() > deadline:
                raise HeketiError(f"still pending after {self._timeout_seconds} seconds")
            self.sleeps += 1
            time.sleep(self._poll_seconds)

    def _send(self, method: str, url: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """One request and the redirects after it, on a connection of its own, as heketi-cli does."""
        while True:
            path = unquote(urlsplit(url).path)
            bearer = token(self._user, self._key, method, path, now_seconds=int(time.time()))
            headers = {"Authorization": f"bearer {bearer}", "User-Agent": "Go-http-client/1.1"}
            if body is not None:
                headers["Content-Type"] = "application/json"
            content = None if body is None else json.dumps(body)
            with httpx.Client(timeout=self._timeout_seconds, trust_env=False) as connection:
                reply = connection.request(method, url, headers=headers, content=content)
            self.requests.append(f"{method} {path} -> {reply.status_code}")
            if reply.status_code not in _REDIRECTS or "location" not in reply.headers:
                return reply
            url = urljoin(url, reply.headers["location"])
            if _REDIRECTS[reply.status_code] is not None:
                method, body = "GET", None


def _message(reply: httpx.Response) -> str:
    text = reply.text[:4096].strip()
    return text or f"server did not provide a message (status {reply.status_code}: {reply.reason_phrase})"


def _check(value: Any, shape: Any, where: str) -> None:
    """Raise HeketiError where Go's decoder would fail: null and missing are fine, unknown keys are ignored."""
    if value is None:
        return
    if isinstance(shape, dict):
        _check_type(value, dict, where)
        for key, item in value.items():
            if key in shape or "*" in shape:
                _check(item, shape.get(key, shape.get("*")), f"{where}.{key}")
    elif isinstance(shape, list):
        _check_type(value, list, where)
        for item in value:
            _check(item, shape[0], where)
    elif shape is float:
        _check_type(value, int if isinstance(value, int) else float, where)
    else:
        _check_type(value, shape, where)


def _check_type(value: Any, wanted: type, where: str) -> None:
    if type(value) is not wanted:
        raise HeketiError(f"json: cannot unmarshal {value!r} into {where} of type {wanted.__name__}")
