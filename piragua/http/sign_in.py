"""Signing in with a token: what every front-end uses that has no way of its own."""

import time
from collections.abc import Callable

from piragua.config import Settings
from piragua.config.keys import secret
from piragua.http.path_space import SignIn, SignInAttempt
from piragua.http.tokens import Keys, Leeway, role_of


def sign_in_with_tokens(
    keys: Keys | None, *, leeway: Leeway | None = None, now_seconds: Callable[[], float] = time.time
) -> SignIn | None:
    """Lets in who brings a token that one of the keys has signed. keys None: no sign-in at all.

    now_seconds: since 1970, for the times in tokens. The sign-in raises AuthorizationMalformed and TokenRefused.
    """
    if keys is None:
        return None
    allowed = leeway or Leeway()

    async def sign_in(attempt: SignInAttempt) -> str:
        role = role_of(
            attempt.header(b"authorization"),
            method=attempt.method,
            path=attempt.path,
            keys=keys,
            now_seconds=int(now_seconds()),
            leeway=allowed,
        )
        return role.value

    return sign_in


def keys_of(settings: Settings) -> Keys | None:
    """The keys that tokens are signed with; None when authentication is off."""
    if settings.disable_auth:
        return None
    return Keys(admin=secret(settings.admin_key), user=secret(settings.user_key) or None)
