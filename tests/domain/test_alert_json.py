import codecs
import json
import tracemalloc
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.alert_json import (
    DEEPEST,
    LARGEST_BODY,
    MOST_FIELDS,
    AlertTooLarge,
    NotAnObject,
    NotJson,
    TooDeep,
    TooManyFields,
    read_leaves,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


def fields_of(body: str | bytes) -> dict[str, str]:
    return dict(read_leaves(body.encode() if isinstance(body, str) else body).fields)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('"text"', "text"),
        ("1.50", "1.50"),
        ("-0", "-0"),
        ("1E+400", "1E+400"),
        ("true", "true"),
        ("false", "false"),
        ("null", ""),
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ("{}", "{}"),
        ("[]", "[]"),
        ('[1.50, "1.50", true, false, null, [ ], { } ]', '[1.50,"1.50",true,false,null,[],{}]'),
        ('[{"a b": {"ü": "\\""}}]', '[{"a b":{"ü":"\\""}}]'),
    ],
)
def test_every_value_becomes_text_as_the_sender_spelled_it(value: str, text: str) -> None:
    """Numbers keep their spelling, arrays are compact JSON, null is no value and so empty."""
    assert fields_of(f'{{"f": {value}}}') == {"f": text}


def test_an_integer_of_any_size_stays_exact() -> None:
    """No number is made of the digits, so Python's limit of 4,300 of them is never met."""
    digits = "9" * 100_000
    assert fields_of(f'{{"f": {digits}, "g": [{digits}]}}') == {"f": digits, "g": f"[{digits}]"}


def test_every_text_is_a_plain_string() -> None:
    """What the database driver is given is `str` itself, not a class made from it."""
    fields = fields_of('{"f": 1, "g": NaN, "h": {"i": 2.5}, "j": [1]}')
    assert {type(text) for text in fields.values()} == {str}


def test_nested_names_are_joined_with_dots_in_order() -> None:
    """An object's fields stand where the object stood."""
    body = b'{"a": {"b": {"c": "1"}, "d": "2"}, "a.d": "3", "e": "4"}'
    assert read_leaves(body).fields == [("a.b.c", "1"), ("a.d", "2"), ("a.d", "3"), ("e", "4")]


def test_a_repeated_name_is_kept_each_time() -> None:
    """Which of them wins is decided once, for all names that coincide."""
    assert read_leaves(b'{"a": "1", "b": "2", "a": "3"}').fields == [
        ("a", "1"),
        ("b", "2"),
        ("a", "3"),
    ]


def test_line_breaks_inside_strings_are_understood() -> None:
    """Shell scripts paste a command's output into the JSON that they send."""
    assert fields_of('{"f": "one\ntwo\tthree"}') == {"f": "one\ntwo\tthree"}


@pytest.mark.parametrize(
    "body",
    [
        codecs.BOM_UTF8 + '{"f": "é"}'.encode(),
        '{"f": "é"}'.encode("utf-16"),
        '{"f": "é"}'.encode("utf-16-le"),
        '{"f": "é"}'.encode("utf-16-be"),
        '{"f": "é"}'.encode("utf-32"),
        ' \r\n\t{"f": "é"}\n '.encode(),
    ],
)
def test_any_unicode_encoding_is_understood(body: bytes) -> None:
    """PowerShell and Windows tools send byte-order marks and UTF-16."""
    leaves = read_leaves(body)
    assert leaves.fields == [("f", "é")]
    assert not leaves.has_replaced_bytes


def test_bytes_that_are_not_text_are_replaced() -> None:
    """One byte of Latin-1 does not cost a page; that something was replaced is known."""
    leaves = read_leaves(b'{"f": "caf\xe9"}')
    assert leaves.fields == [("f", "caf\ufffd")]
    assert leaves.has_replaced_bytes


@pytest.mark.parametrize("body", [b'{"f": "\\ud800"}', b'{"\\u0000": "f"}', b'{"f": "\0"}'])
def test_what_may_be_unstorable_is_known(body: bytes) -> None:
    """Without an escape or a NUL in the body there is nothing that a database would not take."""
    assert read_leaves(body).may_be_unstorable
    assert not read_leaves(b'{"f": "\xc3\xa9\\n"}').may_be_unstorable


@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"message_type=CRITICAL", b"{", b'{"f": 1}}', b'{"f": "\\x"}', b"{'f': 1}", b"\0"],
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    """The refusal says where it stopped making sense, and quotes nothing of the body."""
    with pytest.raises(NotJson) as refused:
        read_leaves(body)
    assert refused.value.code == "not_json"
    assert "CRITICAL" not in str(refused.value)


@pytest.mark.parametrize("body", [b"[]", b'[{"message_type": "INFO"}]', b'"f"', b"1", b"null"])
def test_json_that_is_not_an_object_is_refused(body: bytes) -> None:
    """An alert is an object of fields."""
    with pytest.raises(NotAnObject) as refused:
        read_leaves(body)
    assert refused.value.code == "not_an_object"


def test_a_body_of_256_kib_is_read_and_one_byte_more_refused() -> None:
    """The limit counts bytes, not characters."""
    body = b'{"f": "' + b"\xc3\xa9" * ((LARGEST_BODY - 10) // 2) + b'" }'
    assert LARGEST_BODY == 262_144
    assert len(body) == LARGEST_BODY
    assert fields_of(body)
    with pytest.raises(AlertTooLarge) as refused:
        read_leaves(body + b" ")
    assert refused.value.code == "alert_too_large"
    assert refused.value.status_hint == 413
    assert refused.value.fields == {"bytes": LARGEST_BODY + 1}


@pytest.mark.parametrize(
    "shape",
    [
        lambda count: {str(number): 1 for number in range(count)},
        lambda count: {"a": {str(number): 1 for number in range(count - 1)}, "b": 1},
        lambda count: (
            {"a": {str(number): 1 for number in range(300)}}
            | {str(number): 1 for number in range(count - 300)}
        ),
        lambda count: {str(number): {} for number in range(count)},
    ],
)
def test_500_fields_are_read_and_one_more_refused(shape: Any) -> None:
    """Counted after flattening, wherever they are nested."""
    assert len(fields_of(json.dumps(shape(MOST_FIELDS)))) == MOST_FIELDS == 500
    with pytest.raises(TooManyFields) as refused:
        fields_of(json.dumps(shape(MOST_FIELDS + 1)))
    assert refused.value.code == "too_many_fields"
    assert refused.value.fields == {"field_count": 501}


@pytest.mark.parametrize(
    ("opened", "closed"), [('{"a":', "}"), ("[", "]"), ('[{"a":', "}]"), ('{"a":[', "]}")]
)
def test_20_levels_are_read_and_one_more_refused(opened: str, closed: str) -> None:
    """Objects and arrays count alike; the alert itself is the first level."""

    def nested(levels: int) -> str:
        times, rest = divmod(levels - 1, opened.count("{") + opened.count("["))
        inner = "[1]" if rest else "1"
        return f'{{"f": {opened * times}{inner}{closed * times}}}'

    assert len(fields_of(nested(DEEPEST))) == 1
    with pytest.raises(TooDeep) as refused:
        fields_of(nested(DEEPEST + 1))
    assert refused.value.code == "too_deep"


@pytest.mark.parametrize("opened", ['{"a":', "[", '[{"a":'])
@pytest.mark.parametrize("levels", [900, 5_000, 50_000])
def test_nesting_that_exhausts_the_parser_is_too_deep(opened: str, levels: int) -> None:
    """The parser's own limit is not a crash, and its answer is the same."""
    body = f'{{"f": {opened * levels}'.encode()[:LARGEST_BODY]
    with pytest.raises((TooDeep, NotJson)) as refused:
        read_leaves(body)
    assert levels < 5_000 or isinstance(refused.value, TooDeep)


def test_nesting_under_a_huge_name_does_not_multiply_it() -> None:
    """A 200 KB name over 400 fields is not copied 400 times."""
    inner = {str(number): "" for number in range(400)}
    body = json.dumps({"n" * 200_000: inner}).encode()
    tracemalloc.start()
    leaves = read_leaves(body)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(leaves.fields) == 400
    assert peak < 4_000_000


@given(json_values)
def test_reading_never_does_anything_but_read_or_refuse(value: object) -> None:
    """Whatever JSON comes in."""
    with suppress(NotAnObject, TooManyFields, TooDeep):
        read_leaves(json.dumps(value).encode())


@given(st.binary(max_size=40) | st.text(alphabet='{}[]":,\\u0d8 1e', max_size=40).map(str.encode))
def test_garbage_is_refused_by_name(body: bytes) -> None:
    """Also bytes that look like JSON at first."""
    with suppress(NotJson, NotAnObject, TooDeep):
        read_leaves(body)


@given(st.lists(json_values, max_size=5))
def test_the_text_of_an_array_is_that_array(values: list[object]) -> None:
    """Nothing in an array is lost: its text reads back as what was sent."""
    text = fields_of(json.dumps({"f": values}))["f"]
    assert json.loads(text) == values
