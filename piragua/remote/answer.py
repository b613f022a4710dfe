"""What requests and answers hold."""

from collections.abc import Sequence
from typing import Any

Answer = dict[str, Any]
"""A JSON object."""

Query = Sequence[tuple[str, str]]
"""Names and values behind the question mark, not yet percent-encoded."""
