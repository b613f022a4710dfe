"""What the OpenAPI description says of a body's fields.

Nothing is enforced by it: the models themselves check, in Heketi's order and words.
"""

from typing import Any

from pydantic import ConfigDict, Field


def told(description: str | None = None, **schema: Any) -> Any:
    """A field's meaning, and what JSON Schema says of good values."""
    return Field(description=description, json_schema_extra=schema)


def needs(*fields: str) -> ConfigDict:
    """Fields that have to be there, though a missing one is found out later."""
    return ConfigDict(json_schema_extra={"required": list(fields)})
