"""The Authorization header of one request, as every client of Heketi makes it."""

import base64
import hashlib
import hmac
import json

LIFE_SECONDS = 60


def authorization(
    key: bytes, method: str, path: str, *, now_seconds: int, life_seconds: int = LIFE_SECONDS
) -> str:
    """The administrator's: good for that method and path (without its query), and for that long."""
    qsh = hashlib.sha256(f"{method}&{path}".encode()).hexdigest()
    claims = {"iss": "admin", "iat": now_seconds, "exp": now_seconds + life_seconds, "qsh": qsh}
    signed = f"{_segment({'alg': 'HS256', 'typ': 'JWT'})}.{_segment(claims)}"
    return f"bearer {signed}.{_base64url(hmac.digest(key, signed.encode(), 'sha256'))}"


def _segment(content: object) -> str:
    return _base64url(json.dumps(content, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
