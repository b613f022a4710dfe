"""Tokens: who is asking, by Heketi's rules and in Heketi's words (docs/heketi-wire.md, 2). Pure.

A request carries a JSON Web Token signed with the key of the role that `iss` names. `qsh` binds it to one
method and path. Of several faults the answer names the one that Heketi names: the signature before
`nbf`, that before `iat`, that before `exp`, and `qsh` last.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from enum import Enum

import jwt
from jwt.algorithms import Algorithm
from pydantic import BaseModel, ConfigDict

from piragua.http import go_json
from piragua.http.refusals import AuthorizationMalformed, TokenRefused

_ALGORITHMS = {name: jwt.get_algorithm_by_name(name) for name in ("HS256", "HS384", "HS512")}
_OTHER_ALGORITHMS = frozenset(
    ["none", "EdDSA", *(family + bits for family in ("RS", "PS", "ES") for bits in ("256", "384", "512"))]
)
_NOT_BASE64URL = re.compile("[^A-Za-z0-9_-]")


class Role(Enum):
    """The two issuers of tokens; the values are what `iss` says."""

    ADMIN = "admin"
    USER = "user"


@dataclass(frozen=True)
class Keys:
    """The secrets that tokens are signed with, as bytes, never decoded or trimmed. user None: no such role.

    Raises ValueError for an empty key.
    """

    admin: bytes = field(repr=False)
    user: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.admin or self.user == b"":
            raise ValueError("a key must not be empty")

    def of(self, role: Role) -> bytes | None:
        return self.admin if role is Role.ADMIN else self.user


@dataclass(frozen=True)
class Leeway:
    """By how much clocks may differ. Heketi allows 120 s for `iat` and none for `exp`.

    Some clients' tokens live for one second, hence a few seconds for `exp`.
    """

    exp_seconds: int = 5
    iat_seconds: int = 120


class Claims(BaseModel):
    """The claims that are looked at, or whose type is."""

    model_config = ConfigDict(title="HeketiJwtClaims")  # the struct that Heketi's answers name

    aud: str = ""
    exp: int = 0
    jti: str = ""
    iat: int = 0
    iss: str = ""
    nbf: int = 0
    sub: str = ""
    qsh: str = ""


def role_of(
    authorization: bytes | None,
    *,
    method: str,
    path: bytes,
    keys: Keys,
    now_seconds: int,
    leeway: Leeway,
) -> Role:
    """Who sent the request.

    authorization is the header's value, path the percent-decoded path as it was sent, without query.
    Raises AuthorizationMalformed and TokenRefused.
    """
    token = _token_of(authorization)
    try:
        role, claims = _verified(token, keys, now_seconds, leeway)
    except TokenRefused as error:
        raise TokenRefused(f"Invalid JWT token: {error}") from error
    wanted = hashlib.sha256(method.encode() + b"&" + path).hexdigest()
    if not hmac.compare_digest(claims.qsh.encode(), wanted.encode()):
        raise TokenRefused("Invalid qsh claim in token")
    return role


def _token_of(authorization: bytes | None) -> str:
    if authorization is None or not authorization.strip():
        raise TokenRefused("Required authorization token not found")
    words = authorization.split()
    if len(words) != 2 or words[0].lower() != b"bearer":
        raise AuthorizationMalformed("Authorization header format must be Bearer {token}")
    return words[1].decode("latin-1")


def _verified(token: str, keys: Keys, now_seconds: int, leeway: Leeway) -> tuple[Role, Claims]:
    segments = token.split(".")
    if len(segments) != 3:
        raise TokenRefused("token contains an invalid number of segments")
    header, claims = _header(segments[0]), _claims(segments[1])
    algorithm = _algorithm(go_json.text_member(header, "alg"))
    role = _role(claims.iss)
    key = keys.of(role)
    if key is None:
        raise TokenRefused("Unknown user")
    signed = f"{segments[0]}.{segments[1]}".encode()
    # Any bytes are a key, as in Heketi: PyJWT's prepare_key would refuse some, and its decode warn of short ones.
    if not algorithm.verify(signed, key, _decoded(segments[2])):
        raise TokenRefused("signature is invalid (client and server secrets may not match)")
    _check_times(claims, now_seconds, leeway)
    return role, claims


def _header(segment: str) -> object:
    try:
        return go_json.parse(_decoded(segment))
    except go_json.Undecodable as error:
        raise TokenRefused(str(error)) from error


def _claims(segment: str) -> Claims:
    try:
        return go_json.decode(_decoded(segment), Claims)
    except go_json.Undecodable as error:
        raise TokenRefused(str(error)) from error


def _decoded(segment: str) -> bytes:
    """Base64url without padding. Raises TokenRefused with the offset that Go would name."""
    wrong = _NOT_BASE64URL.search(segment)
    if wrong:
        raise TokenRefused(f"illegal base64 data at input byte {wrong.start()}")
    if len(segment) % 4 == 1:
        raise TokenRefused(f"illegal base64 data at input byte {len(segment) - 1}")
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def _algorithm(name: str | None) -> Algorithm:
    if name is None:
        raise TokenRefused("signing method (alg) is unspecified.")
    if name in _OTHER_ALGORITHMS:
        raise TokenRefused(f"Unexpected signing method: {name}")
    if name not in _ALGORITHMS:
        raise TokenRefused("signing method (alg) is unavailable.")
    return _ALGORITHMS[name]


def _role(issuer: str) -> Role:
    if not issuer:
        raise TokenRefused("Token missing iss claim")
    try:
        return Role(issuer)
    except ValueError:
        raise TokenRefused("Unknown user") from None


def _check_times(claims: Claims, now_seconds: int, leeway: Leeway) -> None:
    """A claim that is 0 is one that is missing, as in Go."""
    if claims.nbf and now_seconds < claims.nbf:
        raise TokenRefused("token is not valid yet")
    if claims.iat and now_seconds < claims.iat - leeway.iat_seconds:
        raise TokenRefused("Token used before issued (client and server clocks may differ)")
    if not claims.exp or now_seconds > claims.exp + leeway.exp_seconds:
        raise TokenRefused(f"Token is expired by {_duration(now_seconds - claims.exp)}")


def _duration(seconds: int) -> str:
    """Whole seconds as Go prints a duration: `10s`, `1m0s`, `2h0m5s`."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
