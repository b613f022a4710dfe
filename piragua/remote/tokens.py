"""The Authorization header of one request, as every client of Heketi makes it."""

import hashlib
import json

import jwt
from jwt.algorithms import HMACAlgorithm

LIFE_SECONDS = 60
_ALGORITHM = "HS256"


class _AnySecret(HMACAlgorithm):
    """Takes any bytes as the key, as Heketi does.

    PyJWT itself warns of short keys, and refuses those that look like a public key or like JSON.
    """

    def prepare_key(self, key: str | bytes) -> bytes:
        return key.encode() if isinstance(key, str) else key

    def check_key_length(self, key: bytes) -> None:
        """None is too short."""


_JWS = jwt.PyJWS(algorithms=[])
_JWS.register_algorithm(_ALGORITHM, _AnySecret(HMACAlgorithm.SHA256))


def authorization(
    key: bytes, method: str, path: str, *, now_seconds: int, life_seconds: int = LIFE_SECONDS, role: str = "admin"
) -> str:
    """The header for that method and path (without its query), good for that long.

    key: of the role, which is `admin` or `user`.
    """
    qsh = hashlib.sha256(f"{method}&{path}".encode()).hexdigest()
    claims = {"iss": role, "iat": now_seconds, "exp": now_seconds + life_seconds, "qsh": qsh}
    payload = json.dumps(claims, separators=(",", ":")).encode()
    return f"bearer {_JWS.encode(payload, key, algorithm=_ALGORITHM)}"
