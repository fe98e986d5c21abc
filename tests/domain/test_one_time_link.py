"""Tokens that only this installation makes, and that say what they are for."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.one_time_link import (
    InvalidLinks,
    LinkAction,
    LinkClaim,
    Links,
    masked_links,
    parse_link_actions,
    read_token,
)

NOW = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)
KEYS = (b"k" * 32, b"o" * 32)
LINKS = Links("https://tocsin.example", KEYS)
IDS = st.integers(0, 2**63 - 1)


def token_of(url: str) -> str:
    return url.removeprefix("https://tocsin.example/l/")


@given(IDS, st.sampled_from(LinkAction))
def test_a_token_says_what_it_was_made_for(delivery_id: int, action: LinkAction) -> None:
    """Delivery, action, and 24 hours from when it was made."""
    (url,) = LINKS.urls(delivery_id, [action], now=NOW).values()
    expires_at = NOW + timedelta(hours=24)
    assert read_token(token_of(url), KEYS) == LinkClaim(delivery_id, action, expires_at)


def test_each_action_has_its_field() -> None:
    """Only those that were asked for."""
    assert list(LINKS.urls(7, LinkAction, now=NOW)) == ["ack_url", "resolve_url"]
    assert list(LINKS.urls(7, [LinkAction.RESOLVE], now=NOW)) == ["resolve_url"]


def test_another_key_makes_other_tokens() -> None:
    """One that was in force before still verifies; one that never was does not."""
    (url,) = LINKS.urls(7, [LinkAction.RESOLVE], now=NOW).values()
    assert read_token(token_of(url), (b"n" * 32, *KEYS)) is not None
    assert read_token(token_of(url), (b"n" * 32,)) is None


@given(IDS, st.integers(0, 43), st.sampled_from("AZaz09-_"))
def test_no_character_of_a_token_can_be_changed(delivery_id: int, at: int, other: str) -> None:
    """Not its delivery, its action, its expiry, nor its signature."""
    (url,) = LINKS.urls(delivery_id, [LinkAction.ACKNOWLEDGE], now=NOW).values()
    token = token_of(url)
    changed = token[:at] + other + token[at + 1 :]
    assert (read_token(changed, KEYS) is None) == (changed != token)


@given(st.text(max_size=60) | st.text("Aa0-_=", min_size=44, max_size=44))
def test_nothing_that_is_no_token_breaks_anything(text: str) -> None:
    """It is unknown, and that is all."""
    assert read_token(text, KEYS) is None


def test_links_are_masked_wherever_they_stand() -> None:
    """In a URL, and in the form that carries it."""
    (url,) = LINKS.urls(7, [LinkAction.RESOLVE], now=NOW).values()
    token = token_of(url)
    for text in (url, f"ack_url=%22https%3A%2F%2Ftocsin.example%2Fl%2F{token}%22&x=1"):
        assert token[4:] not in masked_links(text)
        assert f"{token[:4]}..." in masked_links(text)
    assert masked_links("https://a.example/l/short") == "https://a.example/l/short"


def test_links_are_for_two_actions() -> None:
    """In one order, each once; anything else is refused."""
    assert parse_link_actions(["resolve", "acknowledge", "resolve"]) == tuple(LinkAction)
    assert parse_link_actions([]) == ()
    with pytest.raises(InvalidLinks, match="acknowledge and resolve"):
        parse_link_actions(["hold"])
