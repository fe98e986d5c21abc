"""From the body of an alert's request to a flat list of names and texts.

The sender's own spelling survives: `1.50` stays `1.50`, and an integer of a thousand digits stays
exact, because no number is ever made out of the text of one.
"""

import json
from typing import ClassVar, NamedTuple, TypeAlias

from tocsin.errors import TocsinError

LARGEST_BODY = 256 * 1024  # bytes
MOST_FIELDS = 500  # as sent: after flattening, before names that coincide are joined
DEEPEST = 20  # levels of objects and arrays; the alert itself is the first
LONGEST_NAME = 256  # characters; ours, so that nesting under a huge name cannot multiply it


class AlertRefused(TocsinError):
    """Nothing of this alert is stored but the refusal, where a person can find it."""


class AlertTooLarge(AlertRefused):
    """The body is over 256 KiB."""

    code: ClassVar[str] = "alert_too_large"
    status_hint: ClassVar[int] = 413


class NotJson(AlertRefused):
    """The body is not JSON, whatever its Content-Type says."""

    code: ClassVar[str] = "not_json"


class NotAnObject(AlertRefused):
    """The body is JSON, but not an object of fields."""

    code: ClassVar[str] = "not_an_object"


class TooManyFields(AlertRefused):
    """The alert has over 500 fields."""

    code: ClassVar[str] = "too_many_fields"


class TooDeep(AlertRefused):
    """The alert is nested over 20 levels deep."""

    code: ClassVar[str] = "too_deep"


class _Number(str):
    """The text of a JSON number, told apart from a string, which arrays quote."""

    __slots__ = ()


# Objects come as tuples of pairs and arrays as lists: repeated names are all there, in order.
_Value: TypeAlias = "str | bool | tuple[tuple[str, _Value], ...] | list[_Value] | None"

_DECODER = json.JSONDecoder(
    object_pairs_hook=tuple,
    parse_int=_Number,
    parse_float=_Number,
    parse_constant=_Number,  # NaN and Infinity: not JSON, but understood
    strict=False,  # shell scripts send line breaks inside strings as they are
)
_WHITESPACE = " \t\n\r"  # JSON's own four (RFC 8259, 2)
_quoted = json.JSONEncoder(ensure_ascii=False).encode


class Leaves(NamedTuple):
    """Every field of an alert in the order of its body, nested names joined with dots."""

    fields: list[tuple[str, str]]
    has_replaced_bytes: bool  # U+FFFD stands for bytes that were not text
    may_be_unstorable: bool  # there may be lone surrogates or U+0000; if not, there are none


def read_leaves(body: bytes) -> Leaves:
    """Read an alert's body.

    Numbers, true and false become text as the sender spelled them; null, which says that there
    is no value, becomes empty text (as `null` it would be read out to whoever is woken, and all
    entities called null would be one). An array becomes compact JSON text, and so does an empty
    object, so that nothing sent is lost. A byte-order mark is skipped; UTF-16 and UTF-32 are
    recognised; bytes that are not text become U+FFFD.

    Raises: AlertTooLarge, NotJson, NotAnObject, TooDeep, TooManyFields.
    """
    if len(body) > LARGEST_BODY:
        raise AlertTooLarge(
            f"The alert has {len(body)} bytes; send at most {LARGEST_BODY}", bytes=len(body)
        )
    text, has_replaced_bytes = _text_of(body)
    value = _decode(text)
    if type(value) is not tuple:
        raise NotAnObject('The body is JSON but not an object: send {"message_type": ...}')
    fields: list[tuple[str, str]] = []
    _flatten(value, prefix="", depth=1, into=fields)
    if len(fields) > MOST_FIELDS:
        raise TooManyFields(
            f"The alert has {len(fields)} fields; send at most {MOST_FIELDS}",
            field_count=len(fields),
        )
    # JSON spells both with a \u; U+0000 may also stand in a string as it is (see strict).
    return Leaves(fields, has_replaced_bytes, "\\u" in text or "\0" in text)


def _text_of(body: bytes) -> tuple[str, bool]:
    # Two looks save a microsecond; what begins otherwise is looked at closely.
    plain = body[:1] == b"{" and body[1:2] != b"\0"
    encoding = "utf-8" if plain else json.detect_encoding(body)
    try:
        return body.decode(encoding), False
    except UnicodeDecodeError:
        return body.decode(encoding, errors="replace"), True


def _decode(text: str) -> _Value:
    document = text.strip(_WHITESPACE)
    if not document:
        raise NotJson(
            'The body is empty, which is not JSON: send {"message_type": ...}', reason="Empty"
        )
    try:
        value, end = _DECODER.raw_decode(document)
    except RecursionError:
        raise _too_deep() from None
    except json.JSONDecodeError as fault:
        # Names a place, and never quotes the body: it may hold what is private.
        place = f"line {fault.lineno}, column {fault.colno}"
        told = f"The body is not JSON: look at {place}"
        raise NotJson(told, reason=str(fault)) from None
    if end != len(document):
        raise NotJson("The body is not JSON: something follows its end", reason="Extra data")
    decoded: _Value = value
    return decoded


def _flatten(
    pairs: tuple[tuple[str, _Value], ...],
    *,
    prefix: str,
    depth: int,
    into: list[tuple[str, str]],
) -> None:
    _check_depth(depth)
    for name, value in pairs:
        if type(value) is str:
            into.append((prefix + name, value))
        elif type(value) is tuple and value:
            # Names are cut later; one character over the limit is enough to say that this one is.
            inner = f"{(prefix + name)[:LONGEST_NAME]}."
            _flatten(value, prefix=inner, depth=depth + 1, into=into)
        else:
            text = "" if value is None else _json_text(value, depth=depth)
            into.append((prefix + name, text))


def _json_text(value: _Value, *, depth: int) -> str:
    """Return compact JSON for what stands inside a container `depth` levels deep."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case _Number():
            return str(value)
        case str():
            return _quoted(value)
        case list():
            _check_depth(depth + 1)
            return f"[{','.join(_json_text(each, depth=depth + 1) for each in value)}]"
    _check_depth(depth + 1)
    inner = (f"{_quoted(name)}:{_json_text(each, depth=depth + 1)}" for name, each in value)
    return f"{{{','.join(inner)}}}"


def _check_depth(depth: int) -> None:
    if depth > DEEPEST:
        raise _too_deep()


def _too_deep() -> TooDeep:
    return TooDeep(
        f"The alert is nested over {DEEPEST} levels deep; send it flatter", deepest=DEEPEST
    )
