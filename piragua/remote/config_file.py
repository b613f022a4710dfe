"""A client's settings in a file: which server, whose key, whom to trust."""

import os
import tomllib
from collections.abc import Mapping

from piragua.remote.errors import WrongSetting

SYSTEM = "/etc/piragua/client.toml"
_OF_USER = "piragua/client.toml"
_PATHS = ("key_file", "cacert")
_KNOWN = ("server", *_PATHS)


def read(given: str | None) -> dict[str, str]:
    """`server`, `key_file` and `cacert`, as far as they are set; paths are absolute.

    given: the only file that counts; else the user's file counts, and for what it does not set the system's.
    Raises WrongSetting.
    """
    if given is not None:
        return _read(given, required=True)
    return _read(SYSTEM) | _read(_user_file())


def _user_file() -> str:
    folder = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return os.path.join(folder, _OF_USER)


def _read(path: str, *, required: bool = False) -> dict[str, str]:
    try:
        with open(path, "rb") as file:
            content = tomllib.load(file)
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        # The system's file can be for some users only.
        if required or (isinstance(error, PermissionError) and path != SYSTEM):
            raise WrongSetting(f"{path}: {error.strerror}") from None
        return {}
    except (OSError, ValueError) as error:
        raise WrongSetting(f"{path} cannot be read: {error}") from None
    return _checked(path, content)


def _checked(path: str, content: Mapping[str, object]) -> dict[str, str]:
    checked = {}
    for name, value in content.items():
        if name not in _KNOWN:
            known = ", ".join(_KNOWN)
            raise WrongSetting(f"{path}: {name} is no setting; there are {known}")
        if not isinstance(value, str) or not value:
            raise WrongSetting(f"{path}: {name} has to be a text in quotes")
        checked[name] = os.path.join(os.path.dirname(path), os.path.expanduser(value)) if name in _PATHS else value
    return checked
