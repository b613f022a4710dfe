"""As much of a Heketi client as a first try needs: a token for every request, and the queue."""

import base64
import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
from http.client import HTTPResponse
from typing import Any

POLL_SECONDS = 0.1


class RequestRefused(Exception):
    """An answer that is no success; str() names the request, the status and the text."""


def token(key: str, method: str, path: str, lifetime_seconds: int) -> str:
    """A token of the administrator (Heketi contract 3) that is good for that method and path only."""
    now = int(time.time())
    claims = {
        "iss": "admin",
        "iat": now,
        "exp": now + lifetime_seconds,
        "qsh": hashlib.sha256(f"{method}&{path}".encode()).hexdigest(),
    }
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    signature = hmac.new(key.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_base64(signature)}"


class HeketiClient:
    """Calls the server at url (no slash at its end) with the administrator's key."""

    def __init__(self, url: str, key: str, timeout_seconds: float = 60) -> None:
        self._url = url
        self._key = key
        self._timeout_seconds = timeout_seconds
        # a proxy that the environment names is not for this machine's own address
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _StayHere())

    def is_healthy(self) -> bool:
        """Whether GET /health says 200."""
        try:
            return self._request("GET", "/health").status == 200
        except (OSError, RequestRefused):
            return False

    def create_volume(self, size_gib: int) -> dict[str, Any]:
        """Make a volume and return what the server says about it. Raises RequestRefused."""
        path = self._request("POST", "/volumes", {"size": size_gib}).headers["Location"]
        deadline = time.monotonic() + self._timeout_seconds
        while time.monotonic() < deadline:
            answer = self._request("GET", path)
            if answer.status == 303:
                path = answer.headers["Location"]
            elif answer.headers["X-Pending"] == "true":
                time.sleep(POLL_SECONDS)
            else:
                volume: dict[str, Any] = json.load(answer)
                return volume
        raise RequestRefused(f"POST /volumes: not done within {self._timeout_seconds:g} s")

    def _request(self, method: str, path: str, body: object = None) -> HTTPResponse:
        request = urllib.request.Request(  # noqa: S310 (the caller's own http://)
            self._url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"bearer {token(self._key, method, path, lifetime_seconds=300)}"},
        )
        try:
            answer: HTTPResponse = self._opener.open(request, timeout=self._timeout_seconds)
        except urllib.error.HTTPError as refused:
            text = refused.read().decode(errors="replace").strip()
            raise RequestRefused(f"{method} {path}: {refused.code} {text}") from refused
        return answer


class _StayHere(urllib.request.HTTPErrorProcessor):
    """Hands out a 303 as it is: the next request needs a token of its own."""

    def http_response(self, request: urllib.request.Request, response: HTTPResponse) -> HTTPResponse:
        if response.status == 303:
            return response
        processed: HTTPResponse = super().http_response(request, response)
        return processed


def _part(value: dict[str, object] | dict[str, str]) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
