"""Tokens as the recordings describe them: one that is right for the request, and what is changed about it.

exp, iat, nbf   seconds from now            claims     other values for these
without         a claim that is left out    qsh        what is hashed instead; qsh_upper: in upper case
alg             of the signature            sign       "wrong" or "user": another key
header          instead of the usual one    signature  instead of the right one; padding: behind it
scheme          before the token            raw        the whole header, as it is
"""

import base64
import hashlib
import json
import time
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.support.calls import KEYS
from tests.support.heketi_clients.tokens import qsh, signed


def authorization(token: str | dict[str, Any], method: str, target: str) -> str | None:
    """The header's value, None for no header."""
    if token == "none":
        return None
    if isinstance(token, str):
        return f"bearer {signed(_claims(method, target, token), KEYS[token])}"
    if "raw" in token:
        return str(token["raw"])
    return str(token.get("scheme", "bearer ")) + _changed(token, _claims(method, target, "admin"))


def _claims(method: str, target: str, role: str) -> dict[str, Any]:
    now = int(time.time())
    path = unquote(urlsplit("//host" + target).path)
    return {"iss": role, "iat": now, "exp": now + 300, "qsh": qsh(method, path)}


def _changed(token: dict[str, Any], claims: dict[str, Any]) -> str:
    now = claims["iat"]
    claims |= {name: now + token[name] for name in ("exp", "iat", "nbf") if name in token}
    claims |= token.get("claims", {})
    claims.pop(token.get("without", ""), None)
    if "qsh" in token:
        claims["qsh"] = hashlib.sha256(token["qsh"].encode()).hexdigest()
    if token.get("qsh_upper"):
        claims["qsh"] = claims["qsh"].upper()
    key = {"wrong": b"wrong", "user": KEYS["user"]}.get(token.get("sign", ""), KEYS["admin"])
    header, body, signature = signed(claims, key, token.get("alg", "HS256")).split(".")
    if "header" in token:
        header = base64.urlsafe_b64encode(json.dumps(token["header"]).encode()).decode().rstrip("=")
    return f"{header}.{body}.{token.get('signature', signature)}{token.get('padding', '')}"
