"""Which fields a webhook is sent, and that the quick way of making them is the plain one."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tocsin.domain.payload import (
    Body,
    DuplicateFormField,
    PayloadProfile,
    documented_fields,
    encode_form,
    make_body,
    message_text,
    summary_text,
    wire_fields,
)
from tocsin.domain.wire_order import wire_order
from tocsin_receiver import decode_form, sign, sign_text, signed_text

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text(encoding="utf-8"))
BODIES = {vector["name"]: vector for vector in VECTORS["bodies"]}

whole_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
any_text = st.text(st.characters(), max_size=30)  # half characters too
HALF = "\ud800"
telling_names = st.sampled_from(
    [
        "message",
        "Message",
        "incident",
        "SUMMARY",
        "api_key",
        "entity_id",
        "entity_state",
        "state_message",
        "host",
        "HOST",
        "host_name",
        "hostname",
        "x-forwarded-for",
        "X-Request-Id",
        "a%sb",
        "&=%",
    ]
)
alerts = st.dictionaries(telling_names | any_text, any_text, max_size=20)


def body_of(vector: Mapping[str, Any]) -> Body:
    return make_body(
        PayloadProfile(vector["profile"]),
        incident=vector["incident"],
        alert=vector["alert"],
        with_headers=vector["with_headers"],
        empty_texts=vector["empty_texts"],
    )


def plainly_encoded(fields: Mapping[str, str]) -> bytes:
    """The encoding again, from urllib: it leaves `~` alone and encodes `*`, which VictorOps does
    the other way round."""

    def encode(text: str) -> str:
        return quote_plus(text, safe="*").replace("~", "%7E")

    names = wire_order(fields)
    return "&".join([f"{encode(name)}={encode(fields[name])}" for name in names]).encode()


@pytest.mark.parametrize("vector", VECTORS["bodies"], ids=lambda vector: vector["name"])
def test_bodies_are_byte_for_byte_those_recorded(vector: dict[str, Any]) -> None:
    """Profile, order, quotes and escapes come out as another program worked them out."""
    form = body_of(vector).form
    assert form == vector["form"].encode()
    assert hashlib.sha256(form).hexdigest() == vector["form_sha256"]
    assert [list(pair) for pair in decode_form(form).items()] == vector["pairs"]


@pytest.mark.parametrize("vector", VECTORS["signatures"], ids=lambda vector: vector["url"])
def test_signatures_are_those_recorded(vector: dict[str, Any]) -> None:
    """A body's own text, and its decoded form, give the signature that another program made."""
    body = body_of(BODIES[vector["body"]])
    url, auth_code = vector["url"], vector["auth_code"]
    assert sign_text(url, body.signed_text, auth_code) == vector["signature"]
    assert sign(url, decode_form(body.form), auth_code) == vector["signature"]


@given(alert=alerts, with_headers=st.booleans(), empty_texts=st.booleans())
@example(alert={"a": "x\0y", "b": ""}, with_headers=False, empty_texts=False)
@example(alert={"a": "\ud800", "\udfff": "b", HALF: "c"}, with_headers=False, empty_texts=False)
@example(alert={"entity_id": "\0", "a": '"'}, with_headers=False, empty_texts=False)
@example(alert={"entity_id": '"\\', "message": "\x7f\x1f"}, with_headers=True, empty_texts=False)
def test_the_quick_way_is_the_plain_way(
    *, alert: dict[str, str], with_headers: bool, empty_texts: bool
) -> None:
    """Any alert gives the same body in one go as field by field, and never fails."""
    summary = "" if empty_texts else summary_text(alert)
    message = "" if empty_texts else message_text(alert)
    fields = wire_fields(
        incident=5, summary=summary, message=message, alert=alert, with_headers=with_headers
    )
    body = make_body(
        PayloadProfile.WIRE,
        incident=5,
        alert=alert,
        with_headers=with_headers,
        empty_texts=empty_texts,
    )
    assert body == Body(form=plainly_encoded(fields), signed_text=signed_text(fields))
    assert body.form == encode_form(fields)


@given(st.dictionaries(whole_text, whole_text, max_size=20))
@example({"+ %": "% +", "a": "~*-._", "é": "\0", "b": "\U0001f525"})
def test_encoding_is_the_rule_and_comes_back(fields: dict[str, str]) -> None:
    """A form is the same as urllib's but for `~` and `*`, and any reader gets the fields back."""
    form = encode_form(fields)
    assert form == plainly_encoded(fields)
    pairs = parse_qsl(form.decode("ascii"), keep_blank_values=True, strict_parsing=bool(fields))
    assert pairs == [(name, fields[name]) for name in wire_order(fields)]
    assert encode_form(list(fields.items())) == form


def test_each_byte_is_encoded_by_the_rule() -> None:
    """`A-Za-z0-9-._*` stay, a space is `+`, each other byte is `%XX` in upper case."""
    ascii_text = "".join(map(chr, range(128)))
    expected = "".join(
        c if c.isalnum() or c in "-._*" else "+" if c == " " else f"%{ord(c):02X}"
        for c in ascii_text
    )
    assert encode_form({ascii_text: ascii_text}) == f"{expected}={expected}".encode()
    assert encode_form({"ü": "火\U0001f525"}) == b"%C3%BC=%E7%81%AB%F0%9F%94%A5"


def test_half_characters_become_the_replacement_character() -> None:
    """A lone surrogate has no UTF-8, so U+FFFD is sent for it; a pair of them is one character."""
    assert encode_form({"a\ud800": "\udc00b"}) == b"a%EF%BF%BD=%EF%BF%BDb"
    assert encode_form({"a": "\ud83d\udd25"}) == b"a=%F0%9F%94%A5"
    body = make_body(PayloadProfile.WIRE, incident=1, alert={"a": "\ud800", "b\udc00": "x"})
    assert b"a=%22%EF%BF%BD%22" in body.form
    assert body.signed_text == signed_text(decode_form(body.form))


def test_a_form_with_a_name_twice_is_refused() -> None:
    """Two values for a name would leave the receiver to choose one, and the signature another."""
    with pytest.raises(DuplicateFormField):
        encode_form([("a", "1"), ("b", "2"), ("a", "1")])


def test_alert_values_are_json_strings_and_the_built_in_ones_bare() -> None:
    """Only incident, summary and message come without quotes."""
    assert wire_fields(incident=9, summary="s", message="m", alert={"Empty": "", "N": "é\n"}) == {
        "incident": "9",
        "summary": "s",
        "message": "m",
        "empty": '""',
        "n": '"é\\n"',
    }


def test_an_alert_may_replace_message_and_nothing_else() -> None:
    """Its own message is sent, in quotes; its incident, summary and api_key are not."""
    alert = {"MESSAGE": "own", "Incident": "1", "summary": "own", "API_KEY": "k"}
    fields = wire_fields(incident=9, summary="s", message="m", alert=alert)
    assert fields == {"incident": "9", "summary": "s", "message": '"own"'}


def test_headers_are_sent_only_if_asked_for() -> None:
    """What a proxy added to the alert's request says nothing about the alert."""
    alert = {"X-Forwarded-For": "1", "x-request-id": "2", "X-Amzn-Trace-Id": "3", "x-other": "4"}

    def names(*, with_headers: bool) -> set[str]:
        fields = wire_fields(
            incident=9, summary="", message="", alert=alert, with_headers=with_headers
        )
        return fields.keys() - {"incident", "summary", "message"}

    assert names(with_headers=False) == {"x-other"}
    assert names(with_headers=True) == {name.lower() for name in alert}


@pytest.mark.parametrize("turn", [1, -1])
def test_of_names_that_differ_in_case_the_lower_one_wins(turn: int) -> None:
    """Whatever the order they came in, the field that is sent is the one spelled as it is sent."""
    alert = dict([("HOST", "upper"), ("host", "lower"), ("Host", "mixed")][::turn])
    assert wire_fields(incident=9, summary="", message="", alert=alert)["host"] == '"lower"'


def test_texts_say_host_entity_and_state() -> None:
    """The summary is `PROBLEM <host> <entity_id> <entity_state>`; the message adds the output."""
    alert = {"Host_Name": "web-1", "entity_id": "disk", "entity_state": "CRITICAL"}
    assert summary_text(alert) == "PROBLEM web-1 disk CRITICAL"
    assert message_text(alert | {"State_Message": "full"}) == "PROBLEM web-1 disk CRITICAL - full"


def test_texts_of_a_bare_alert_keep_their_spaces() -> None:
    """An absent host leaves two spaces, as VictorOps has them."""
    assert (
        summary_text({"entity_id": "disk", "entity_state": "CRITICAL"}) == "PROBLEM  disk CRITICAL"
    )
    assert message_text({}) == "PROBLEM    - "


@pytest.mark.parametrize(
    ("alert", "host"),
    [
        ({"host": "c", "hostname": "b", "host_name": "a"}, "a"),
        ({"host": "c", "hostname": "b", "host_name": ""}, "b"),
        ({"host": "c"}, "c"),
    ],
)
def test_the_host_is_the_first_that_is_named(alert: dict[str, str], host: str) -> None:
    """`host_name`, else `hostname`, else `host`; an empty one is none."""
    assert summary_text(alert) == f"PROBLEM {host}  "


def test_the_documented_profile_is_three_bare_fields() -> None:
    """Exactly what the vendor's page lists, in that order, whatever else the alert has."""
    alert = {"entity_id": "e", "entity_state": "CRITICAL", "state_message": 'a "b"', "message": "x"}
    body = make_body(PayloadProfile.DOCUMENTED, incident=12, alert=alert)
    assert decode_form(body.form) == documented_fields(
        incident=12, summary="PROBLEM  e CRITICAL", message='PROBLEM  e CRITICAL - a "b"'
    )
    assert body.form.startswith(b"Incident=12&Summary=PROBLEM++e+CRITICAL&Message=")
    assert body.signed_text == signed_text(decode_form(body.form))


def test_texts_may_be_left_empty() -> None:
    """As in 2020: the names are there, with nothing after them, in either profile."""
    alert = {"entity_id": "e", "entity_state": "s"}
    for profile in PayloadProfile:
        fields = decode_form(make_body(profile, incident=1, alert=alert, empty_texts=True).form)
        texts = [text for name, text in fields.items() if name.lower() in ("summary", "message")]
        assert texts == ["", ""]


def test_names_that_change_with_every_alert_are_not_kept_for_ever() -> None:
    """What is kept for a set of names is bounded, in sets and in the size of each."""
    from tocsin.domain import payload

    for number in range(payload._KEPT_PLANS + 10):
        make_body(PayloadProfile.WIRE, incident=1, alert={f"name-{number}": "x"})
    make_body(PayloadProfile.WIRE, incident=1, alert={"long" * 1000: "x"})
    make_body(PayloadProfile.WIRE, incident=1, alert={str(n): "x" for n in range(100)})
    kept = payload._plans[False]
    assert len(kept) <= payload._KEPT_PLANS
    assert ("long" * 1000,) not in kept
    assert all(len(names) <= payload._KEPT_NAMES for names in kept)
