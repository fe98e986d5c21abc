"""Which fields a webhook is sent, and the exact bytes of them.

Two profiles. `wire` is what VictorOps really sends: every alert field, its name in lower case and
its value as a JSON string, in the order of a Scala map. `documented` is what the vendor's page
lists: three fields, bare.

A body is made for each step that fires, so what depends on the names of an alert's fields is worked
out once for each set of names.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from json.encoder import encode_basestring as json_string
from operator import itemgetter
from typing import Final

from tocsin.domain.wire_order import wire_order
from tocsin.errors import TocsinError
from tocsin_receiver import signed_text, signing_order

_LITERAL: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._*"
_PLAIN: Final = _LITERAL + b"\0% "
_ONE_BYTE: Final = [bytes([byte]) for byte in range(256)]
_ESCAPE: Final = [b"%%%02X" % byte for byte in range(256)]
_ESCAPED_IN_JSON: Final = frozenset(range(0x20)) | frozenset(b'"\\')

# Beyond these a plan is made each time, so that a hostile sender fills no memory.
_KEPT_PLANS: Final = 1024
_KEPT_NAMES: Final = 64
_KEPT_CHARACTERS: Final = 2048

_HEADER_NAMES: Final = frozenset({"x-request-id", "x-amzn-trace-id"})
_HEADER_PREFIX: Final = "x-forwarded-"
# Not the alert's to say. And keys are kept only as hashes: `api_key` is never sent.
_LEFT_OUT: Final = frozenset({"incident", "summary", "api_key"})
# What senders call the host: REST clients, Nagios, and the rest.
_HOST_NAMES: Final = ("host_name", "hostname", "host")

_PROBLEM: Final = "PROBLEM"
_BUILT_IN: Final = ("incident", "summary", "message")

_Strings = tuple[str, ...]
_BuiltIn = tuple[str, str, str]


class PayloadProfile(StrEnum):
    """What a webhook's body holds."""

    WIRE = "wire"
    DOCUMENTED = "documented"


class DuplicateFormField(TocsinError):
    """A form with one name twice has no one meaning, and no signature."""

    code = "duplicate_form_field"


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent, and what is signed of it after the URL (`tocsin_receiver.sign_text`)."""

    form: bytes
    signed_text: str


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the names of an alert decide about its body.

    The values come in one order: incident, summary, message, then those of `names`. `to_form` and
    `to_text` take them from there into the holes of `form` (encoded) and `text` (as they are):
    every second place of a template, which `_filled` joins, because formatting takes twice as long.
    """

    names: _Strings
    pick: Callable[[Mapping[str, str]], _Strings]
    hosts: _Strings
    entity_id: str | None
    entity_state: str | None
    state_message: str | None
    form: list[str]
    to_form: Callable[[Sequence[str]], _Strings]
    text: list[str]
    to_text: Callable[[_Strings], _Strings]


def make_body(
    profile: PayloadProfile,
    *,
    incident: int,
    alert: Mapping[str, str],
    with_headers: bool = False,
    empty_texts: bool = False,
    links: Mapping[str, str] | None = None,
    headline: str = _PROBLEM,
) -> Body:
    """Return the body that tells of `alert`, which raised or kept incident number `incident`.

    `with_headers` lets the HTTP headers of the alert's own request through (profile `wire`).
    `empty_texts` leaves summary and message empty, as VictorOps sent them in 2020. `links` are fields of
    our own, in both profiles; an alert cannot set them. `headline` is the summary's first word.
    """
    if links and profile is PayloadProfile.WIRE:
        alert = {**alert, **links}
    plan = _plan_of(alert, with_headers=with_headers)
    summary = "" if empty_texts else _summary(plan, alert, headline)
    message = "" if empty_texts else f"{summary} - {_text(alert, plan.state_message)}"
    if profile is PayloadProfile.WIRE:
        return _wire_body(plan, (str(incident), summary, message), alert)
    fields = documented_fields(incident=incident, summary=summary, message=message)
    return _any_body({**fields, **(links or {})})


def wire_fields(
    *,
    incident: int,
    summary: str,
    message: str,
    alert: Mapping[str, str],
    with_headers: bool = False,
) -> dict[str, str]:
    """Return the fields of profile `wire`: the three of the vendor's page, and the alert's.

    The alert's names are in lower case and its values JSON strings, non-ASCII as it is. Of names
    that then coincide the last in code point order wins: the one in lower case, if it is ASCII.
    Its own `message` replaces the built-in one; its `incident`, `summary` and `api_key` are left
    out, and so are `x-forwarded-*`, `x-request-id` and `x-amzn-trace-id` unless `with_headers`.
    Source: captured requests; JSON's escapes are our choice, as no capture has a quote inside.
    """
    return _fields(
        _plan_of(alert, with_headers=with_headers), (str(incident), summary, message), alert
    )


def documented_fields(*, incident: int, summary: str, message: str) -> dict[str, str]:
    """Return the fields of profile `documented`: what the vendor's page lists, bare."""
    return {"Incident": str(incident), "Summary": summary, "Message": message}


def summary_text(alert: Mapping[str, str]) -> str:
    """Return `PROBLEM <host> <entity_id> <entity_state>`; what is absent leaves its spaces.

    The host is the first of `host_name`, `hostname` and `host` that is not empty.
    """
    return _summary(_plan_of(alert), alert)


def message_text(alert: Mapping[str, str]) -> str:
    """Return the summary, ` - ` and the alert's `state_message`."""
    return f"{summary_text(alert)} - {_text(alert, _plan_of(alert).state_message)}"


def encode_form(fields: Mapping[str, str] | Sequence[tuple[str, str]]) -> bytes:
    """Return `fields` as VictorOps sends them: in wire order and percent-encoded.

    `A-Za-z0-9-._*` stay as they are, a space becomes `+`, each other byte of the UTF-8 `%XX` in
    upper case. Names are encoded by the rule of values: our choice, as no capture has one that
    needs it. Half a character (a lone surrogate, which ingestion lets nobody send) is U+FFFD.
    Raises: DuplicateFormField.
    """
    known = dict(fields)
    if len(known) != len(fields):
        raise DuplicateFormField("a field occurs twice; send each name once")
    return _any_body(known).form


def _fields(plan: _Plan, built_in: _BuiltIn, alert: Mapping[str, str]) -> dict[str, str]:
    fields = dict(zip(_BUILT_IN, map(_whole, built_in), strict=True))
    quoted = [json_string(_whole(text)) for text in plan.pick(alert)]
    return fields | dict(zip(plan.names, quoted, strict=True))


def _any_body(fields: Mapping[str, str]) -> Body:
    """Return the body of any fields. The rule of encoding and signing, without the haste."""
    sent = {_whole(name): _whole(value) for name, value in fields.items()}
    pairs = [_encoded(name) + b"=" + _encoded(sent[name]) for name in wire_order(sent)]
    return Body(form=b"&".join(pairs), signed_text=signed_text(sent))


def _encoded(text: str) -> bytes:
    raw = text.encode()
    return _escaped(raw, set(raw.translate(None, _LITERAL + b"% ")))


def _escaped(raw: bytes, marks: Iterable[int]) -> bytes:
    """Escape `%`, then the bytes `marks`, then the space: each would spoil the one before it."""
    escaped = raw.replace(b"%", b"%25")
    for mark in marks:
        escaped = escaped.replace(_ONE_BYTE[mark], _ESCAPE[mark])
    return escaped.replace(b" ", b"+")


def _whole(text: str) -> str:
    """Replace half characters, which UTF-8 cannot say."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_plans: dict[bool, dict[_Strings, _Plan]] = {False: {}, True: {}}


def _plan_of(alert: Mapping[str, str], *, with_headers: bool = False) -> _Plan:
    names, plans = tuple(alert), _plans[with_headers]
    plan = plans.get(names)
    if plan is None:
        plan = _make_plan(names, with_headers=with_headers)
        if len(names) <= _KEPT_NAMES and sum(map(len, names)) <= _KEPT_CHARACTERS:
            if len(plans) >= _KEPT_PLANS:
                plans.clear()
            plans[names] = plan
    return plan


def _make_plan(alert_names: _Strings, *, with_headers: bool) -> _Plan:
    chosen = {_whole(name).lower(): name for name in sorted(alert_names)}
    names = [name for name in chosen if _is_sent(name, with_headers=with_headers)]
    values = {name: at for at, name in enumerate([*_BUILT_IN, *names])}  # an own message wins
    on_wire, signed = wire_order(values), signing_order(values)
    bare = frozenset(_BUILT_IN) - frozenset(names)
    return _Plan(
        names=tuple(names),
        pick=_picker([chosen[name] for name in names]),
        hosts=tuple([chosen[name] for name in _HOST_NAMES if name in chosen]),
        entity_id=chosen.get("entity_id"),
        entity_state=chosen.get("entity_state"),
        state_message=chosen.get("state_message"),
        form=_template([_form_part(name, is_bare=name in bare) for name in on_wire], "&"),
        to_form=itemgetter(*[values[name] for name in on_wire]),
        text=_template([_text_part(name, is_bare=name in bare) for name in signed], ""),
        to_text=itemgetter(*[values[name] for name in signed]),
    )


def _is_sent(name: str, *, with_headers: bool) -> bool:
    is_header = name in _HEADER_NAMES or name.startswith(_HEADER_PREFIX)
    return name not in _LEFT_OUT and (with_headers or not is_header)


def _picker(names: Sequence[str]) -> Callable[[Mapping[str, str]], _Strings]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda alert: tuple([alert[name] for name in names])


def _form_part(name: str, *, is_bare: bool) -> tuple[str, str]:
    """Return what stands before a value, and what after it."""
    encoded = _encoded(name).decode()
    return (f"{encoded}=", "") if is_bare else (f"{encoded}=%22", "%22")


def _text_part(name: str, *, is_bare: bool) -> tuple[str, str]:
    return (name, "") if is_bare else (f'{name}"', '"')


def _template(parts: Sequence[tuple[str, str]], separator: str) -> list[str]:
    """Return the text around the values, with an empty place for each."""
    template = [""]
    for before, after in parts:
        template[-1] += before
        template += ["", after + separator]
    template[-1] = template[-1].removesuffix(separator)
    return template


def _filled(template: list[str], values: _Strings) -> str:
    text = template.copy()
    text[1::2] = values
    return "".join(text)


def _text(alert: Mapping[str, str], name: str | None) -> str:
    return alert[name] if name is not None else ""


def _summary(plan: _Plan, alert: Mapping[str, str], headline: str = _PROBLEM) -> str:
    host = ""
    for name in plan.hosts:
        host = host or alert[name]
    return f"{headline} {host} {_text(alert, plan.entity_id)} {_text(alert, plan.entity_state)}"


def _wire_body(plan: _Plan, built_in: _BuiltIn, alert: Mapping[str, str]) -> Body:
    """Return the body of `wire_fields`, with every value encoded in one go.

    A call for each value would cost more than all of the work. What few alerts hold is left to
    the slow way: half characters, and the NUL that stands between values here.
    """
    texts = plan.pick(alert)
    try:
        raw = "\0".join(built_in + texts).encode()
    except UnicodeEncodeError:
        return _any_body(_fields(plan, built_in, alert))
    marks = set(raw.translate(None, _PLAIN))
    if not marks.isdisjoint(_ESCAPED_IN_JSON):
        texts = tuple([json_string(text)[1:-1] for text in texts])
        raw, marks = "\0".join(built_in + texts).encode(), marks | {ord("\\")}
    values = built_in + texts
    if raw.count(b"\0") >= len(values):
        return _any_body(_fields(plan, built_in, alert))
    parts = _escaped(raw, marks).decode().split("\0")
    form = _filled(plan.form, plan.to_form(parts)).encode()
    return Body(form=form, signed_text=_filled(plan.text, plan.to_text(values)))
