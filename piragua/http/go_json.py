"""JSON as Go's encoding/json decodes it into a struct (docs/heketi-wire.md, 1.4 and 2.2).

A pydantic model stands for the struct. The struct is called as the model's title says, or else as the model is. A
field is called what the key is called, every field has a default (Go's zero value), and its type is one of int
(int64), float (float32), str, bool, list[str], dict[str, str] or another such model. Keys of models match in any
case, unknown ones are ignored, a later duplicate wins (objects merge), `null` changes nothing but empties a list
or a dictionary, numbers keep their literal, so `1.0` is no integer.
"""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel

Model = TypeVar("Model", bound=BaseModel)

_INT64 = range(-(2**63), 2**63)
_INTEGER = re.compile(r"-?[0-9]{1,19}")
_FLOAT32_MAX = float.fromhex("0x1.ffffffp127")
# Go folds these two letters as well; str.lower() knows only the second.
_FOLDED = str.maketrans({"\N{LATIN SMALL LETTER LONG S}": "s", "\N{KELVIN SIGN}": "k"})
_SURROGATE = re.compile("[\ud800-\udfff]")


class Undecodable(ValueError):
    """Not JSON, or a value of the wrong type; `str()` says which, as Go words it where it matters."""


class _Number(str):
    """A number's literal."""


class _Object(tuple[tuple[str, Any], ...]):
    """An object's keys and values in their order, duplicates included."""


def decode(body: bytes, model: type[Model]) -> Model:
    """The model that the body describes; `null` is the model of all defaults. Raises Undecodable."""
    struct = model.model_config.get("title") or model.__name__
    return model.model_validate(_merge(model, parse(body), {}, f"{struct}."))


def parse(body: bytes) -> Any:
    """The JSON value, numbers as their literals, objects as pairs. Invalid UTF-8 is repaired.

    Raises Undecodable: no value, text behind it, a byte order mark, NaN, nested too deep.
    """
    try:
        return json.loads(
            body.decode("utf-8", errors="replace"),
            object_pairs_hook=_Object,
            parse_int=_Number,
            parse_float=_Number,
            parse_constant=_refuse_constant,
        )
    except RecursionError as error:
        raise Undecodable("exceeded max depth") from error
    except json.JSONDecodeError as error:
        raise Undecodable(_in_words(error)) from error
    except ValueError as error:
        raise Undecodable(str(error)) from error


def _in_words(error: json.JSONDecodeError) -> str:
    """What is wrong, as Go words it where that is simple."""
    rest = error.doc[error.pos :].lstrip(" \t\r\n")
    if not rest or error.msg.startswith("Unterminated string"):
        return "unexpected end of JSON input"
    where = {"Extra data": "after top-level value", "Expecting value": "looking for beginning of value"}
    return f"invalid character {rest[0]!r} {where[error.msg]}" if error.msg in where else str(error)


def text_member(value: Any, key: str) -> str | None:
    """The last value under exactly that key; None if it is no string, or value is no object."""
    if not isinstance(value, _Object):
        return None
    found = next((item for name, item in reversed(value) if name == key), None)
    return found if isinstance(found, str) and not isinstance(found, _Number) else None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"invalid character {name[0]!r} looking for beginning of value")


def _merge(model: type[BaseModel], value: Any, into: dict[str, Any], where: str) -> dict[str, Any]:
    if value is None:
        return into
    if not isinstance(value, _Object):
        raise _mismatch(value, where.rstrip("."), "struct")
    names = {name.lower(): name for name in model.model_fields}
    for key, item in value:
        name = names.get(key.translate(_FOLDED).lower())
        if name is not None:
            _set(into, name, model.model_fields[name].annotation, item, where)
    return into


def _set(into: dict[str, Any], name: str, kind: Any, item: Any, where: str) -> None:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        into[name] = _merge(kind, item, into.get(name, {}), f"{where}{name}.")
    elif kind == list[str]:
        into[name] = _strings(item, where + name)
    elif kind == dict[str, str]:
        into[name] = {**into.get(name, {}), **_texts(item, where + name)} if item is not None else {}
    elif item is not None:
        into[name] = _SCALARS[kind](item, where + name)


def _integer(item: Any, where: str) -> int:
    if isinstance(item, _Number) and _INTEGER.fullmatch(item) and int(item) in _INT64:
        return int(item)
    raise _mismatch(item, where, "int64")


def _float(item: Any, where: str) -> float:
    if isinstance(item, _Number) and abs(float(item)) < _FLOAT32_MAX:
        return float(item)
    raise _mismatch(item, where, "float32")


def _string(item: Any, where: str) -> str:
    if not isinstance(item, str) or isinstance(item, _Number):
        raise _mismatch(item, where, "string")
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", item)


def _boolean(item: Any, where: str) -> bool:
    if not isinstance(item, bool):
        raise _mismatch(item, where, "bool")
    return item


def _strings(item: Any, where: str) -> list[str]:
    if item is None:
        return []
    if not isinstance(item, list):
        raise _mismatch(item, where, "[]string")
    elements: Iterable[Any] = item
    return ["" if element is None else _string(element, where) for element in elements]


def _texts(item: Any, where: str) -> dict[str, str]:
    if not isinstance(item, _Object):
        raise _mismatch(item, where, "map[string]string")
    return {_string(key, where): "" if value is None else _string(value, where) for key, value in item}


_SCALARS: dict[Any, Callable[[Any, str], Any]] = {
    int: _integer,
    float: _float,
    str: _string,
    bool: _boolean,
}


def _mismatch(item: Any, where: str, wanted: str) -> Undecodable:
    return Undecodable(f"json: cannot unmarshal {_kind(item)} into Go struct field {where} of type {wanted}")


def _kind(item: Any) -> str:
    if isinstance(item, _Number):
        return f"number {item}"
    if isinstance(item, _Object):
        return "object"
    return {str: "string", bool: "bool", list: "array"}.get(type(item), "null")
