"""Fields that a signature may be of where a receiver has others: changed, lost, added, in disorder."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple
from urllib.parse import parse_qsl, quote_plus, unquote_plus

from tocsin_receiver.mistakes import Finding, Mistake
from tocsin_receiver.signed_content import Bytes, Form, sorted_form

BARE = ("incident", "summary", "message")
"""The only values that are sent without quotes."""

# What frameworks put among the fields of a form: Rails, Laravel, Symfony, Django.
_ADDED = frozenset(
    {
        *("_csrf", "_csrf_token", "_method", "_token", "action", "authenticity_token"),
        *("commit", "controller", "csrfmiddlewaretoken", "format", "utf8"),
    }
)
_ZONE = re.compile(
    r"(:[0-9]{2}(?:\.[0-9]+)?) ([0-9]{2}:?[0-9]{2})"
)  # 03:00:00+01:00, less its plus
_PHP_NAMES = (
    (re.compile(r"vo_orig_"), "vo_orig."),
    (re.compile(r"vo_annotate_([usi])_"), r"vo_annotate.\1."),
)


class OtherForm(NamedTuple):
    """What may be signed after the URL, and what is wrong if it is."""

    content: Form | Bytes
    finding: Finding


_LOST_PLUS = Finding(
    Mistake.DECODED_TWICE,
    "a plus sign in a value has become a space: it was decoded twice",
    "decode the form once; most frameworks have done it already",
)


def other_forms(fields: dict[str, str], *, query: str, is_decoded: bool) -> Iterator[OtherForm]:
    """Yield what may be signed in place of `fields`, the likeliest first.

    `query` is that of the URL, which some frameworks mix with the form. `is_decoded` says that the
    fields were decoded here, from the body's bytes, so that the receiver cannot have done it wrong.
    """
    for changed, finding in _changed(fields, query=query, is_decoded=is_decoded):
        yield OtherForm(sorted_form(changed), finding)
    yield from _disordered(fields)
    yield from _encoded(fields)


def with_one_field_changed(fields: dict[str, str], *, is_decoded: bool) -> Iterator[OtherForm]:
    """Yield `fields` with one of them left out, then with the plus signs of one put back."""
    for name, value in fields.items():
        rest = {other: kept for other, kept in fields.items() if other != name}
        yield OtherForm(sorted_form(rest), _added([name]))
        if " " in value and not is_decoded:
            yield OtherForm(sorted_form({**fields, name: value.replace(" ", "+")}), _LOST_PLUS)


def _changed(
    fields: dict[str, str], *, query: str, is_decoded: bool
) -> Iterator[tuple[dict[str, str], Finding]]:
    yield from _quotes(fields)
    yield from _missing(fields)
    yield from _extra(fields, query)
    yield from _decodings(fields, is_decoded=is_decoded)
    yield from _charsets(fields)
    what = "the fields' names were changed on the way to your program"
    fix = "take the names from the body itself; PHP writes _ for a full stop, and php://input does not"
    renamed = Finding(Mistake.FIELD_NAMES, what, fix)
    yield {_dotted(name): value for name, value in fields.items()}, renamed
    yield {name.lower(): value for name, value in fields.items()}, renamed


def _quotes(fields: dict[str, str]) -> Iterator[tuple[dict[str, str], Finding]]:
    what = "the values have lost their double quotes"
    lost = Finding(Mistake.QUOTES_STRIPPED, what, "verify the fields before stripping them")
    for quoted in (_json, _ascii_json, lambda value: f'"{value}"'):
        yield _with_values(fields, quoted, but=BARE), lost
    what = "the signature was made of values without their double quotes"
    fix = "sign the values as they are sent, with the quotes around them"
    bare = Finding(Mistake.QUOTES_NOT_SIGNED, what, fix)
    yield _with_values(fields, lambda value: value.strip('"')), bare


def _missing(fields: dict[str, str]) -> Iterator[tuple[dict[str, str], Finding]]:
    lost = [name for name in ("summary", "message") if name not in fields]
    what = f"an empty field was dropped: {' and '.join(lost)}"
    fix = "keep empty values when decoding; Python's parse_qs does with keep_blank_values=True"
    yield {**fields, **dict.fromkeys(lost, "")}, Finding(Mistake.MISSING_FIELD, what, fix)
    what = "the signature was made without the empty fields"
    fix = "sign the names of empty fields too"
    kept = {name: value for name, value in fields.items() if value}
    yield kept, Finding(Mistake.MISSING_FIELD, what, fix)


def _extra(fields: dict[str, str], query: str) -> Iterator[tuple[dict[str, str], Finding]]:
    asked = {name for name, _ in parse_qsl(query.lstrip("?"), keep_blank_values=True)}
    for names in (_ADDED & fields.keys(), asked & fields.keys(), (_ADDED | asked) & fields.keys()):
        rest = {name: value for name, value in fields.items() if name not in names}
        yield rest, _added(sorted(names))


def _added(names: Iterable[str]) -> Finding:
    what = f"the request was signed without the field {', '.join(map(ascii, names))}"
    fix = "verify the form alone, before your framework adds to it"
    return Finding(Mistake.EXTRA_FIELD, what, fix)


def _decodings(
    fields: dict[str, str], *, is_decoded: bool
) -> Iterator[tuple[dict[str, str], Finding]]:
    once_more = {unquote_plus(name): unquote_plus(value) for name, value in fields.items()}
    if is_decoded:
        what = "the signature was made of values that were decoded twice"
        yield once_more, Finding(Mistake.DECODED_TWICE, what, "decode the form once before signing")
        return
    what = "spaces in the values were left as plus signs"
    fix = "decode the form as a form, where + is a space; in Python, unquote_plus"
    spaces = _with_values(fields, lambda value: value.replace("+", " "))
    yield spaces, Finding(Mistake.PLUS_SIGNS, what, fix)
    what = "the values are still percent-encoded"
    yield once_more, Finding(Mistake.NOT_DECODED, what, "decode the form before verifying it")
    yield _with_values(fields, lambda value: _ZONE.sub(r"\1+\2", value)), _LOST_PLUS
    yield _with_values(fields, lambda value: value.replace(" ", "+")), _LOST_PLUS


def _charsets(fields: dict[str, str]) -> Iterator[tuple[dict[str, str], Finding]]:
    if all(name.isascii() and value.isascii() for name, value in fields.items()):
        return
    what = "text outside ASCII was read in another encoding than UTF-8"
    misread = Finding(Mistake.CHARSET, what, "decode the form as UTF-8, whatever the header says")
    yield _with_texts(fields, partial(_repaired, encoding="latin-1")), misread
    yield _with_texts(fields, partial(_repaired, encoding="cp1252")), misread
    what = "accented letters were composed or taken apart on the way"
    normal = Finding(Mistake.CHARSET, what, "verify the values before normalising them")
    yield _with_texts(fields, partial(unicodedata.normalize, "NFC")), normal
    yield _with_texts(fields, partial(unicodedata.normalize, "NFD")), normal


def _disordered(fields: dict[str, str]) -> Iterator[OtherForm]:
    what = "the signature was made of fields in another order"
    fix = "sort them by name, capitals before small letters, as bytes and not by a language's rules"
    finding = Finding(Mistake.SORT_ORDER, what, fix)
    pairs = list(fields.items())
    for ordered in (
        pairs,
        sorted(pairs),
        sorted(pairs, key=lambda pair: pair[0].lower()),
        sorted(pairs, key=lambda pair: re.sub(r"\W|_", "", pair[0].lower())),
        sorted(pairs, key=lambda pair: pair[1]),
        sorted(pairs, key="".join),
        sorted(pairs, reverse=True),
    ):
        yield OtherForm(Form(ordered), finding)


def _encoded(fields: dict[str, str]) -> Iterator[OtherForm]:
    """Yield the fields encoded, put together as bodies are, and in an old encoding."""
    by_value = sorted_form(fields)
    what = "the signature was made of values that are still percent-encoded"
    fix = "sign the values as they are after decoding the form"
    not_decoded = Finding(Mistake.NOT_DECODED, what, fix)
    what = "the signature was made of the form put together again, with = and &"
    fix = "sign each name and value with nothing between"
    joined = Finding(Mistake.RAW_BODY, what, fix)
    for encode in (str, quote_plus, as_sent):
        encoded = {name: (encode(name), encode(value)) for name, value in fields.items()}
        yield OtherForm(Form([encoded[name] for name, _ in by_value.pairs]), not_decoded)
        for names in ([name for name, _ in by_value.pairs], list(fields)):
            body = "&".join(["=".join(encoded[name]) for name in names])
            yield OtherForm(Bytes("body", body.encode()), joined)
    what = "the signature was made of text in another encoding than UTF-8"
    try:
        "".join([text for pair in by_value.pairs for text in pair]).encode("latin-1")
    except UnicodeEncodeError:
        return
    finding = Finding(Mistake.CHARSET, what, "sign the UTF-8 of the values")
    yield OtherForm(Form(by_value.pairs, "latin-1"), finding)


def _with_values(
    fields: dict[str, str], change: Callable[[str], str], *, but: Iterable[str] = ()
) -> dict[str, str]:
    return {name: value if name in but else change(value) for name, value in fields.items()}


def _with_texts(fields: dict[str, str], change: Callable[[str], str]) -> dict[str, str]:
    return {change(name): change(value) for name, value in fields.items()}


def _repaired(text: str, encoding: str) -> str:
    """Return what a UTF-8 text was before it was read as if it were of another encoding."""
    try:
        return text.encode(encoding).decode("utf-8")
    except UnicodeError:
        return text


def _dotted(name: str) -> str:
    for written, sent in _PHP_NAMES:
        name = written.sub(sent, name)
    return name


def _json(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _ascii_json(value: str) -> str:
    return json.dumps(value)


def as_sent(text: str) -> str:
    """Return the text encoded as VictorOps does, which leaves * and not ~."""
    return quote_plus(text, safe="*").replace("~", "%7E")
