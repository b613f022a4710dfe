"""Tokens: Heketi's rules, its order of faults and its texts, as recorded from 10.4.1, and what must never pass."""

import base64
import json
import string

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from piragua.http.refusals import AuthorizationMalformed, TokenRefused
from piragua.http.tokens import Keys, Leeway, Role, role_of
from tests.support.heketi_clients.front_end import ADMIN_KEY, USER_KEY, FrontEnd
from tests.support.heketi_clients.tokens import qsh, signed

NOW = 1_795_161_382
PATH = "/clusters"
BAD_SIGNATURE = "Invalid JWT token: signature is invalid (client and server secrets may not match)"
TOO_EARLY = "Invalid JWT token: Token used before issued (client and server clocks may differ)"
BAD_QSH = "Invalid qsh claim in token"
GO_FIELD = "Invalid JWT token: json: cannot unmarshal {} into Go struct field HeketiJwtClaims.{}"


def claims(**changes: object) -> dict[str, object]:
    """A valid administrator's claims; a change to None leaves a claim out."""
    all_claims: dict[str, object] = {
        "iss": "admin",
        "iat": NOW,
        "exp": NOW + 300,
        "qsh": qsh("GET", PATH),
        **changes,
    }
    return {name: value for name, value in all_claims.items() if value is not None}


def bearer(key: bytes = ADMIN_KEY, **changes: object) -> str:
    return "bearer " + signed(claims(**changes), key)


def unsigned(header: object) -> str:
    parts = (json.dumps(part).encode() for part in (header, claims()))
    return "bearer " + ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."


def role(
    authorization: str | None, *, method: str = "GET", path: str = PATH, leeway: Leeway | None = None
) -> Role:
    return role_of(
        authorization if authorization is None else authorization.encode("latin-1"),
        method=method,
        path=path.encode(),
        keys=Keys(ADMIN_KEY, USER_KEY),
        now_seconds=NOW,
        leeway=leeway or Leeway(exp_seconds=0),
    )


def fault(authorization: str | None, **options: Leeway) -> str:
    with pytest.raises((TokenRefused, AuthorizationMalformed)) as caught:
        role(authorization, **options)  # type: ignore[arg-type]
    return str(caught.value)


ACCEPTED = {
    "A41 capitalised scheme": bearer().replace("bearer", "Bearer"),
    "A42 upper case and blanks": bearer().replace("bearer ", "BEARER    "),
    "A43 valid": bearer(),
    "A48 exp is now": bearer(exp=NOW),
    "A50 iat in 60 s": bearer(iat=NOW + 60),
    "A51 iat in 119 s": bearer(iat=NOW + 119),
    "A55 no iat": bearer(iat=None),
    "A66 HS384": "bearer " + signed(claims(), ADMIN_KEY, "HS384"),
    "A67 HS512": "bearer " + signed(claims(), ADMIN_KEY, "HS512"),
    "A75 unknown claim": bearer(foo=1),
}

REFUSED = {
    "A32 no token": (None, "Required authorization token not found"),
    "A33 empty header": ("", "Required authorization token not found"),
    "A34 no scheme": ("abcdef", "Authorization header format must be Bearer {token}"),
    "A35 bearer alone": ("bearer", "Authorization header format must be Bearer {token}"),
    "A36 Basic": ("Basic YWRtaW46YWRtaW4=", "Authorization header format must be Bearer {token}"),
    "A37 three words": ("bearer a b", "Authorization header format must be Bearer {token}"),
    "A38 garbage": ("bearer 1234", "Invalid JWT token: token contains an invalid number of segments"),
    "A39 three segments": ("bearer a.b.c", "Invalid JWT token: illegal base64 data at input byte 0"),
    "A44 wrong key": (bearer(b"wrong"), BAD_SIGNATURE),
    "A45 user key for admin": (bearer(USER_KEY), BAD_SIGNATURE),
    "A46 expired 10 s ago": (bearer(exp=NOW - 10), "Invalid JWT token: Token is expired by 10s"),
    "A47 expired 1 s ago": (bearer(exp=NOW - 1), "Invalid JWT token: Token is expired by 1s"),
    "A49 expired, wrong key": (bearer(b"wrong", exp=NOW - 10), BAD_SIGNATURE),
    "A52 iat in 130 s": (bearer(iat=NOW + 130), TOO_EARLY),
    "A53 iat wins over exp": (bearer(iat=NOW + 130, exp=NOW - 5), TOO_EARLY),
    "A54 nbf": (bearer(nbf=NOW + 60), "Invalid JWT token: token is not valid yet"),
    "A56 no exp": (bearer(exp=None), "Invalid JWT token: Token is expired by 498655h56m22s"),
    "A57 no iss": (bearer(iss=None), "Invalid JWT token: Token missing iss claim"),
    "A58 empty iss": (bearer(iss=""), "Invalid JWT token: Token missing iss claim"),
    "A59 no qsh": (bearer(qsh=None), BAD_QSH),
    "A60 wrong qsh": (bearer(qsh="deadbeef"), BAD_QSH),
    "A61 qsh of another method": (bearer(qsh=qsh("POST", PATH)), BAD_QSH),
    "A62 qsh in upper case": (bearer(qsh=qsh("GET", PATH).upper()), BAD_QSH),
    "A63 unknown issuer": (bearer(iss="root"), "Invalid JWT token: Unknown user"),
    "A64 other case": (bearer(iss="Admin"), "Invalid JWT token: Unknown user"),
    "A65 alg none": (unsigned({"alg": "none"}), "Invalid JWT token: Unexpected signing method: none"),
    "A68 RS256": (unsigned({"alg": "RS256"}), "Invalid JWT token: Unexpected signing method: RS256"),
    "A69 unknown alg": (unsigned({"alg": "XX"}), "Invalid JWT token: signing method (alg) is unavailable."),
    "A70 no alg": (unsigned({}), "Invalid JWT token: signing method (alg) is unspecified."),
    "alg is a number": (unsigned({"alg": 256}), "Invalid JWT token: signing method (alg) is unspecified."),
    "header is a list": (unsigned(["HS256"]), "Invalid JWT token: signing method (alg) is unspecified."),
    "A71 iat float": (bearer(iat=1795161382.5), GO_FIELD.format("number 1795161382.5", "iat of type int64")),
    "A72 exp float": (bearer(exp=1795161443.5), GO_FIELD.format("number 1795161443.5", "exp of type int64")),
    "A73 exp text": (bearer(exp="x"), GO_FIELD.format("string", "exp of type int64")),
    "A74 aud list": (bearer(aud=["x"]), GO_FIELD.format("array", "aud of type string")),
}


@pytest.mark.parametrize("authorization", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepts_what_heketi_accepts(authorization: str) -> None:
    assert role(authorization) is Role.ADMIN


@pytest.mark.parametrize(("authorization", "text"), REFUSED.values(), ids=REFUSED.keys())
def test_refuses_in_heketis_words(authorization: str | None, text: str) -> None:
    assert fault(authorization) == text


def test_claims_that_are_no_json_are_named_as_such() -> None:
    """Item A40; the detail is not Heketi's."""
    text = fault("bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.bm90IGpzb24.xx")
    assert text.startswith("Invalid JWT token: ")


def test_padded_signature_is_refused() -> None:
    """Item A76: a signature of SHA-256 has 43 characters."""
    assert fault(bearer() + "=") == "Invalid JWT token: illegal base64 data at input byte 43"


def test_one_second_tokens_survive_a_clock_that_differs_a_little() -> None:
    """On purpose not like items A46 and A47: the Python client's tokens live for one second."""
    assert role(bearer(exp=NOW - 5), leeway=Leeway()) is Role.ADMIN
    assert fault(bearer(exp=NOW - 6), leeway=Leeway()) == "Invalid JWT token: Token is expired by 6s"


@pytest.mark.parametrize(
    ("seconds", "text"), [(59, "59s"), (60, "1m0s"), (3599, "59m59s"), (3600, "1h0m0s"), (90061, "25h1m1s")]
)
def test_says_for_how_long_a_token_has_been_expired(seconds: int, text: str) -> None:
    assert fault(bearer(exp=NOW - seconds)) == f"Invalid JWT token: Token is expired by {text}"


def test_user_key_makes_a_user() -> None:
    assert role(bearer(USER_KEY, iss="user")) is Role.USER


def test_without_a_user_key_there_is_no_user() -> None:
    with pytest.raises(TokenRefused, match="Unknown user"):
        role_of(
            bearer(USER_KEY, iss="user").encode(),
            method="GET",
            path=PATH.encode(),
            keys=Keys(ADMIN_KEY),
            now_seconds=NOW,
            leeway=Leeway(),
        )


@pytest.mark.parametrize("keys", [(b"", None), (b"x", b"")])
def test_an_empty_key_is_no_key(keys: tuple[bytes, bytes | None]) -> None:
    with pytest.raises(ValueError, match="empty"):
        Keys(*keys)


def test_keys_do_not_show() -> None:
    assert "administrator" not in repr(Keys(ADMIN_KEY, USER_KEY))


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
@given(key=st.binary(min_size=64, max_size=100))
def test_verifies_what_another_library_signs(algorithm: str, key: bytes) -> None:
    made = jwt.encode(claims(), key, algorithm=algorithm)
    options = {"method": "GET", "path": PATH.encode(), "now_seconds": NOW, "leeway": Leeway()}
    assert role_of(f"bearer {made}".encode(), keys=Keys(key), **options) is Role.ADMIN  # type: ignore[arg-type]
    with pytest.raises(TokenRefused):
        role_of(f"bearer {made}".encode(), keys=Keys(key + b"\n"), **options)  # type: ignore[arg-type]


@given(position=st.integers(min_value=0), letter=st.sampled_from(string.ascii_letters + string.digits + "-_."))
def test_a_changed_token_is_refused(position: int, letter: str) -> None:
    """But for the last letter of the signature, some bits of which mean nothing."""
    token = bearer()
    start = len("bearer ")
    at = start + position % (len(token) - start - 1)
    changed = token[:at] + letter + token[at + 1 :]
    if changed != token:
        fault(changed)


@given(method=st.sampled_from(["GET", "POST", "DELETE"]), path=st.text(st.characters(codec="utf-8")))
def test_a_token_opens_one_method_and_path_only(method: str, path: str) -> None:
    bound = bearer(qsh=qsh(method, "/" + path))
    assert role(bound, method=method, path="/" + path) is Role.ADMIN
    for other_method, other_path in [("PUT", "/" + path), (method, "/" + path + "x")]:
        with pytest.raises(TokenRefused, match=BAD_QSH):
            role(bound, method=other_method, path=other_path)


@given(st.text(st.characters(max_codepoint=255)))
def test_any_header_at_all_is_answered(authorization: str) -> None:
    fault(authorization)


@given(st.binary(), st.binary(), st.binary())
def test_any_segments_at_all_are_answered(header: bytes, payload: bytes, signature: bytes) -> None:
    parts = (base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (header, payload, signature))
    fault("bearer " + ".".join(parts))


@pytest.mark.anyio
async def test_the_first_of_several_headers_counts() -> None:
    """Item A85."""
    front = FrontEnd()
    valid = f"bearer {front.token_for('admin', 'GET', PATH)}"
    assert (await front.ask("GET", PATH, authorization=[valid, "garbage"])).status_code == 200
    assert (await front.ask("GET", PATH, authorization=["garbage", valid])).status_code == 400


@pytest.mark.anyio
@pytest.mark.parametrize(("authorization", "status"), [("bearer", 400), ("bearer a.b.c", 401), ("", 401)])
async def test_statuses_of_refusals(authorization: str, status: int) -> None:
    reply = await FrontEnd().ask("GET", PATH, authorization=[authorization])
    assert reply.status_code == status
    assert "WWW-Authenticate" not in reply.headers


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("target", "signed_path", "status"),
    [
        ("/volumes?x=1", "/volumes?x=1", 401),  # item A29
        ("/%76olumes", "/%76olumes", 401),  # item A31
        ("/volumes?x=1", "/volumes", 200),
        ("/%76olumes", "/volumes", 200),
    ],
)
async def test_the_decoded_path_without_query_is_signed(target: str, signed_path: str, status: int) -> None:
    front = FrontEnd(clock=lambda: NOW)
    authorization = bearer(qsh=qsh("GET", signed_path))
    assert (await front.ask("GET", target, authorization=[authorization])).status_code == status


@pytest.mark.anyio
@pytest.mark.parametrize("authorization", [None, "garbage", bearer(b"wrong", iss="")])
async def test_with_authentication_off_the_header_is_not_looked_at(authorization: str | None) -> None:
    headers = [] if authorization is None else [authorization]
    reply = await FrontEnd(keys=None).ask("GET", PATH, role=None, authorization=headers)
    assert reply.status_code == 200
