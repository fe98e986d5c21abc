import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.message_type import MessageType
from tocsin.domain.routing import (
    OPENING_TYPES_BY_DEFAULT,
    InvalidOpeningTypes,
    InvalidRoutingKey,
    RoutingKey,
    format_opening_types,
    parse_opening_types,
    routing_key_of,
)

MAY_OPEN = [MessageType.CRITICAL, MessageType.WARNING, MessageType.INFO]


@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]{1,101}", fullmatch=True))
def test_a_routing_key_equals_itself_in_any_case(text: str) -> None:
    """Either the text is no key, or case does not matter and nothing but ASCII got in."""
    key = routing_key_of(text)
    if key is None:
        with pytest.raises(InvalidRoutingKey):
            RoutingKey(text)
        return
    assert key == RoutingKey(text.upper()) == RoutingKey(text.lower())
    assert hash(key) == hash(RoutingKey(text.swapcase()))
    assert str(key) == key.value == text.lower()
    assert key.value.isascii()


@pytest.mark.parametrize("text", ["", " ", "a b", "\u212aey", "key\n", "é", "x" * 101, "a.b", "٣"])
def test_refused_routing_keys(text: str) -> None:
    """Empty, spaced, non-ASCII (even if it folds to ASCII), a newline, a dot, too long."""
    assert routing_key_of(text) is None
    with pytest.raises(InvalidRoutingKey) as refused:
        RoutingKey(text)
    assert refused.value.code == "invalid_routing_key"
    assert "letters, digits, hyphens" in str(refused.value)


def test_a_routing_key_may_have_a_hundred_characters() -> None:
    """And every kind of character that VictorOps allows."""
    assert routing_key_of("x" * 100) == RoutingKey("X" * 100)
    assert routing_key_of("Team-1_eu") == RoutingKey("team-1_EU")


def test_only_critical_opens_an_incident_by_default() -> None:
    """As VictorOps does, until somebody says otherwise."""
    assert {MessageType.CRITICAL} == OPENING_TYPES_BY_DEFAULT


@pytest.mark.parametrize("text", ["critical, WARNING", "WARNING,CRITICAL", " Warning  critical "])
def test_opening_types_are_a_list_of_words(text: str) -> None:
    """In any order and case, with commas or spaces between."""
    assert parse_opening_types(text) == {MessageType.CRITICAL, MessageType.WARNING}


@given(st.sets(st.sampled_from(MAY_OPEN), min_size=1))
def test_opening_types_survive_being_written(types: set[MessageType]) -> None:
    """What is written is read back, and always written the same way."""
    assert parse_opening_types(format_opening_types(types)) == types
    assert format_opening_types(sorted(types)) == format_opening_types(sorted(types, reverse=True))


def test_opening_types_are_written_gravest_first() -> None:
    """So that a file does not change when it is exported."""
    assert format_opening_types(reversed(MAY_OPEN)) == "CRITICAL, WARNING, INFO"


@pytest.mark.parametrize("text", ["", " , ", "CRITICAL, page", "RECOVERY", "ok", "ACKNOWLEDGEMENT"])
def test_what_cannot_open_an_incident_is_refused(text: str) -> None:
    """No type at all would silence the key; a recovery opens nothing."""
    with pytest.raises(InvalidOpeningTypes) as refused:
        parse_opening_types(text)
    assert refused.value.code == "invalid_opening_types"
    assert "CRITICAL" in str(refused.value)
