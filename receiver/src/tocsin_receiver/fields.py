"""Which fields a form holds, and the text of them that is signed."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Union
from urllib.parse import unquote_plus

from tocsin_receiver.errors import DuplicateField, MalformedBody, MalformedField

Fields = Union[Mapping[str, str], Iterable[tuple[str, str]]]

# What form objects call the method that gives every value of a name: Flask, Django and Starlette
# say getlist; aiohttp and Bottle say getall.
_ALL_VALUES = ("getlist", "getall")


def decode_form(body: bytes) -> dict[str, str]:
    """Return the fields of an `application/x-www-form-urlencoded` body, in its order.

    Raises: MalformedBody, if it is not ASCII text of name=value pairs whose `%XX` are UTF-8;
    DuplicateField, if a name occurs twice.
    """
    if not isinstance(body, bytes):
        raise MalformedBody("give the body as the bytes that arrived, before anything parsed them")
    try:
        pairs = [_decode_pair(part) for part in body.decode("ascii").split("&")] if body else []
    except UnicodeDecodeError as error:
        raise MalformedBody("the body is not a form: it has bytes that are not UTF-8") from error
    return _without_duplicates(pairs)


def _decode_pair(part: str) -> tuple[str, str]:
    name, equals, value = part.partition("=")
    if not equals:
        is_json = part.lstrip()[:1] in ("{", "[")
        raise MalformedBody(
            "the body is JSON, and webhooks send forms: take the body's bytes as they arrive, before a "
            "gateway or framework converts them"
            if is_json
            else "the body is not a form: it has a part without an equals sign"
        )
    return unquote_plus(name, errors="strict"), unquote_plus(value, errors="strict")


def signed_text(fields: Fields) -> str:
    """Return every name and value, in signing order, with nothing between: what follows the URL.

    Raises: DuplicateField; MalformedField, if a name or value is not text.
    """
    # In a dict no name can occur twice; spare the server the copy.
    known = fields if type(fields) is dict else unique_fields(fields)
    try:
        return "".join([name + known[name] for name in signing_order(known)])
    except TypeError as error:
        raise MalformedField(
            "a field's name or value is not text; give the strings of the decoded form"
        ) from error


def signing_order(names: Iterable[str]) -> list[str]:
    """Return `names` sorted as they are signed: by UTF-16 code units, as VictorOps' strings compare.

    That differs from Python's own order only for names beyond the Basic Multilingual Plane.
    """
    ordered = sorted(names)
    return ordered if "".join(ordered).isascii() else sorted(ordered, key=_utf16)


def unique_fields(fields: Fields) -> dict[str, str]:
    """Return `fields` as a dict. Raises: DuplicateField, MalformedField."""
    try:
        pairs = _pairs_of(fields)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise MalformedField("the fields are neither a mapping nor pairs of text") from error
    return _without_duplicates(pairs)


def _pairs_of(fields: Fields) -> list[tuple[str, str]]:
    for method in _ALL_VALUES:  # `items()` of these would show one value of each name
        if hasattr(fields, method):
            return _every_value(fields, getattr(fields, method))
    if isinstance(fields, Mapping):
        return list(fields.items())
    return [(name, value) for name, value in fields]


def _every_value(
    names: Iterable[Any], values_of: Callable[[str], Iterable[str]]
) -> list[tuple[str, str]]:
    return [(name, value) for name in dict.fromkeys(names) for value in values_of(name)]


def _without_duplicates(pairs: list[tuple[str, str]]) -> dict[str, str]:
    try:
        fields = dict(pairs)
    except TypeError as error:  # a name that cannot be hashed
        raise MalformedField("a field's name is not text") from error
    if len(fields) != len(pairs):
        names = Counter(name for name, _ in pairs)
        ((twice, _),) = names.most_common(1)
        raise DuplicateField(f"the field {twice!a} occurs twice, so the request is ambiguous")
    return fields


def _utf16(name: str) -> bytes:
    return name.encode("utf-16-be", "surrogatepass")
