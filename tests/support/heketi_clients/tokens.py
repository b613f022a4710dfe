"""Tokens as Heketi's clients make them (docs/heketi-wire.md, 2): by hand, so that no server checks itself."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping

_DIGESTS = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}


def qsh(method: str, path: str) -> str:
    """What binds a token to one request: path as it is sent, percent-decoded, without query."""
    return hashlib.sha256(f"{method}&{path}".encode(errors="surrogateescape")).hexdigest()


def signed(claims: Mapping[str, object], key: bytes, algorithm: str = "HS256") -> str:
    """A token with exactly these claims; algorithm is one of the three that are HMACs."""
    header = _segment(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())
    body = f"{header}.{_segment(json.dumps(claims).encode())}"
    return f"{body}.{_segment(hmac.digest(key, body.encode(), _DIGESTS[algorithm]))}"


def token(issuer: str, key: bytes, method: str, path: str, *, now_seconds: int, life_seconds: int = 300) -> str:
    """A token for one request, as the Go client makes it."""
    claims = {"iss": issuer, "iat": now_seconds, "exp": now_seconds + life_seconds, "qsh": qsh(method, path)}
    return signed(claims, key)


def _segment(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
