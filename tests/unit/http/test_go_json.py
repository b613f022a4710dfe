"""Bodies are decoded as Go decodes them, which is more lenient with keys and stricter with types than Python."""

import json
import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from piragua.http.go_json import Undecodable, decode


class Inner(BaseModel):
    type: str = ""
    count: int = 0


class Outer(BaseModel):
    size: int = 0
    name: str = ""
    block: bool = False
    factor: float = 0
    clusters: list[str] = []
    inner: Inner = Inner()


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{}", Outer()),
        ("null", Outer()),
        (' \n{"size": 1}\t\r\n', Outer(size=1)),
        ('{"SIZE": 1, "nAmE": "x"}', Outer(size=1, name="x")),
        ('{"\u017fize": 1}', Outer(size=1)),
        ('{"bloc\u212a": true}', Outer(block=True)),
        ('{"size": 1, "Size": 2}', Outer(size=2)),
        ('{"size": 1, "size": null}', Outer(size=1)),
        ('{"clusters": ["a"], "clusters": null}', Outer()),
        ('{"clusters": ["a", null]}', Outer(clusters=["a", ""])),
        ('{"inner": {"type": "a"}, "inner": {"count": 2}}', Outer(inner=Inner(type="a", count=2))),
        ('{"inner": null}', Outer()),
        ('{"unknown": [1.5, {"size": "x"}]}', Outer()),
        ('{"size": -0}', Outer()),
        ('{"size": 9223372036854775807}', Outer(size=2**63 - 1)),
        ('{"size": -9223372036854775808}', Outer(size=-(2**63))),
        ('{"factor": 1}', Outer(factor=1)),
        ('{"factor": 1.5e0}', Outer(factor=1.5)),
        ('{"name": "\\ud800"}', Outer(name="\ufffd")),
        ('{"name": "\\ud83d\\ude00"}', Outer(name="\U0001f600")),
    ],
)
def test_decodes(body: str, expected: Outer) -> None:
    assert decode(body.encode(), Outer) == expected


@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        "[]",
        "1",
        '"x"',
        "true",
        "{",
        "{}{}",
        "{} x",
        "\ufeff{}",
        "{'size': 1}",
        '{"size": 1,}',
        '{"size": 01}',
        '{"size": +1}',
        '{"size": "1"}',
        '{"size": true}',
        '{"size": 1.0}',
        '{"size": 1e2}',
        '{"size": 9223372036854775808}',
        '{"size": -9223372036854775809}',
        '{"size": ' + "9" * 5000 + "}",
        '{"size": [1]}',
        '{"name": 1}',
        '{"name": ["x"]}',
        '{"name": "\n"}',
        '{"block": 1}',
        '{"block": "true"}',
        '{"factor": "1"}',
        '{"factor": 1e39}',
        '{"factor": NaN}',
        '{"factor": Infinity}',
        '{"factor": -Infinity}',
        '{"clusters": "a"}',
        '{"clusters": {}}',
        '{"clusters": [1]}',
        '{"inner": []}',
        '{"inner": "x"}',
        '{"inner": {"count": "x"}}',
        "[" * 100_000,
    ],
)
def test_refuses(body: str) -> None:
    with pytest.raises(Undecodable):
        decode(body.encode(), Outer)


def test_names_the_field_as_go_does() -> None:
    text = "json: cannot unmarshal number 1.5 into Go struct field Outer.inner.count of type int64"
    with pytest.raises(Undecodable, match=f"^{re.escape(text)}$"):
        decode(b'{"inner": {"count": 1.5}}', Outer)


def test_repairs_invalid_utf8() -> None:
    assert decode(b'{"name": "a\xffb"}', Outer).name == "a\ufffdb"


@given(JSON_VALUES)
def test_ignores_what_it_does_not_know(value: object) -> None:
    body = json.dumps({"size": 3, "unknown": value, "inner": {"unknown": value}})
    assert decode(body.encode(), Outer) == Outer(size=3)


@given(st.integers(min_value=-(2**63), max_value=2**63 - 1), st.text(), st.lists(st.text()), st.booleans())
def test_what_is_written_is_read_back(size: int, name: str, clusters: list[str], block: bool) -> None:
    body = json.dumps({"size": size, "name": name, "clusters": clusters, "block": block}).encode()
    assert decode(body, Outer) == Outer(size=size, name=name, clusters=clusters, block=block)


@given(st.binary())
def test_any_bytes_are_decoded_or_refused(body: bytes) -> None:
    with suppress(Undecodable):
        assert isinstance(decode(body, Outer), Outer)


class Tagged(BaseModel):
    tags: dict[str, str] = {}


@pytest.mark.parametrize(
    ("body", "tags"),
    [
        ('{"tags": {"a": "b", "A": "c"}}', {"a": "b", "A": "c"}),
        ('{"TAGS": {"a": "b"}, "tags": {"c": null, "a": "d"}}', {"a": "d", "c": ""}),
        ('{"tags": {"a": "b"}, "tags": null}', {}),
        ("null", {}),
    ],
)
def test_keys_of_a_map_are_taken_as_they_are(body: str, tags: dict[str, str]) -> None:
    assert decode(body.encode(), Tagged).tags == tags


@pytest.mark.parametrize("body", ['{"tags": []}', '{"tags": "a"}', '{"tags": {"a": 1}}', '{"tags": {"a": {}}}'])
def test_a_map_holds_texts_only(body: str) -> None:
    with pytest.raises(Undecodable, match=r"^json: cannot unmarshal "):
        decode(body.encode(), Tagged)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("", "unexpected end of JSON input"),
        ("{", "unexpected end of JSON input"),
        ('{"tags": ', "unexpected end of JSON input"),
        ('{"tags": {"a', "unexpected end of JSON input"),
        ("x", "invalid character 'x' looking for beginning of value"),
        ("{} x", "invalid character 'x' after top-level value"),
    ],
)
def test_says_where_the_text_goes_wrong_as_go_does(body: str, text: str) -> None:
    with pytest.raises(Undecodable, match=f"^{re.escape(text)}$"):
        decode(body.encode(), Tagged)
