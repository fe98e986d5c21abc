"""A text that could not be read names an entity, or only mentions it."""

import json
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.entity_mention import is_about, spellings

ENTITY = "disk/db 1"


@pytest.mark.parametrize(
    "text",
    [
        '{"message_type": "CRITICAL" "entity_id": "disk/db 1"}',
        '{"Entity_ID":"disk\\/db 1", ',
        "{'entity_id': 'disk/db 1'}",
        "message_type=CRITICAL&entity_id=disk%2Fdb+1&x=y",
        "entity_id=disk/db%201",
        "entity_id: disk/db 1\nmessage_type: CRITICAL",
        '["entity_id" : "disk/db 1"]',
    ],
)
def test_the_whole_value_of_the_field_is_it(text: str) -> None:
    """In broken JSON, Python's repr, a form or YAML."""
    assert is_about(text, ENTITY)


@pytest.mark.parametrize(
    "text",
    [
        '{"entity_id": "disk/db 12"}',
        '{"entity_id": "a disk/db 1"}',
        '{"entity_id": "disk/db 1, and more"}',
        '{"host": "disk/db 1"}',
        '{"parent.entity_id": "disk/db 1"}',
        "entity_id=disk/db%2010",
        "entity_id: disk/db 1 and more",
        '{"entity_id": "disk/db 1',
        '{"entity_id": "DISK/DB 1"}',
        "disk/db 1",
        "",
    ],
)
def test_anything_else_only_mentions_it(text: str) -> None:
    """A longer id, another field, another case; what was cut within it may be any of these."""
    assert not is_about(text, ENTITY)


@given(entity_id=st.text(min_size=1, max_size=20), ascii_=st.booleans())
def test_what_an_encoder_writes_is_found(*, entity_id: str, ascii_: bool) -> None:
    """JSON with escapes and without, and forms; whatever the id is made of."""
    storable = entity_id.encode("utf-8", "replace").decode()
    in_json = json.dumps({"entity_id": storable}, ensure_ascii=ascii_)
    for text in (in_json, in_json.replace("/", "\\/"), urlencode({"entity_id": storable})):
        assert is_about(text, storable)
        assert any(each in text for each in spellings(storable))
