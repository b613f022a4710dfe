"""The Python client `heketi` 3.0.0 from PyPI, with the one line repaired that keeps it from any request."""

import hashlib
import importlib
from types import SimpleNamespace
from typing import Any


def python_client(url: str, user: str, key: str) -> Any:
    """A `HeketiClient`. It hashes text, which Python 3 refuses, so its hash gets bytes (docs/heketi-wire.md, 6.2).

    key should have 32 bytes or more: PyJWT warns about less.
    """
    module = importlib.import_module("heketi.heketi")
    module.__dict__["hashlib"] = SimpleNamespace(sha256=lambda text: hashlib.sha256(text.encode()))
    return module.__dict__["HeketiClient"](url, user, key)
