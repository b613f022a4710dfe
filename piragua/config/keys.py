"""The two keys: from the environment, from files, or as the original Piragua had the one it knew."""

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretBytes

from piragua.config.values import ConfigError

# What the original's package had in /etc/piragua/environment: everybody knows it.
_SHIPPED_DEFAULT = b"super_secret"
_LONGEST_KEY_BYTES = 64 * 1024


def key(env: Mapping[str, str], name: str) -> SecretBytes | None:
    """The key that `name` or `name`_FILE gives, or None when neither is set.

    One newline at a file's end is no part of the key. Raises ConfigError when both are set, and
    when the key is empty, unreadable, or the original's shipped default.
    """
    file_name = f"{name}_FILE"
    if name in env and env.get(file_name):
        raise ConfigError(f"{name} and {file_name} are both set: only one of them may be.")
    if name in env:
        return _usable(name, env[name].encode("utf-8", "surrogateescape"))
    if env.get(file_name):
        return _usable(file_name, _content(file_name, env[file_name]))
    return None


def original_key(text: str) -> SecretBytes:
    """The admin key that the original's JWT_SECRET holds: the variable is base64 of the key."""
    # The shipped default is no base64 at all; its own sentence helps more than "not base64".
    if text.encode("utf-8", "surrogateescape") == _SHIPPED_DEFAULT:
        return _usable("JWT_SECRET", _SHIPPED_DEFAULT)
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ConfigError(
            "JWT_SECRET must be base64 of the admin key; PIRAGUA_ADMIN_KEY takes the key as it is."
        ) from None
    return _usable("JWT_SECRET", decoded)


def _content(variable: str, path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            content = file.read(_LONGEST_KEY_BYTES + 1)
    except (OSError, ValueError) as error:
        # The path is not repeated: somebody may have put the key itself there.
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise ConfigError(f"{variable} names a file that cannot be read ({reason}).") from None
    if len(content) > _LONGEST_KEY_BYTES:
        raise ConfigError(f"{variable} names a file larger than {_LONGEST_KEY_BYTES} bytes.")
    return content.removesuffix(b"\n")


def _usable(variable: str, value: bytes) -> SecretBytes:
    if not value:
        raise ConfigError(f"{variable} gives an empty key.")
    if value == _SHIPPED_DEFAULT:
        raise ConfigError(f"{variable} gives the default key of the original Piragua, which everybody knows.")
    return SecretBytes(value)


def secret(key: SecretBytes | None) -> bytes:
    """A key as it is; empty where none is set."""
    return b"" if key is None else key.get_secret_value()
