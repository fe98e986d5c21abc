import hashlib
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.alert_key import (
    InvalidAlertKey,
    key_hash,
    make_alert_key,
    masked,
    parse_alert_key,
)
from tocsin.secret import Secret

any_text = st.text(st.characters(categories=None))


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_a_made_key_is_a_random_uuid_that_could_be_imported(one: bytes, other: bytes) -> None:
    """It looks as VictorOps' keys do, and different bytes give different keys."""
    key = make_alert_key(one).reveal()
    assert str(uuid.UUID(key)) == key
    assert uuid.UUID(key).version == 4
    assert parse_alert_key(key).reveal() == key
    kept_bits = {uuid.UUID(bytes=each, version=4) for each in (one, other)}
    assert len({make_alert_key(each).reveal() for each in (one, other)}) == len(kept_bits)


@pytest.mark.parametrize("text", ["k" * 8, "k" * 128, "aZ09-._~"])
def test_a_key_can_be_brought_along(text: str) -> None:
    """Anything that a URL carries as it is, so that no sender needs to change."""
    assert parse_alert_key(text) == Secret(text)


@pytest.mark.parametrize(
    "text",
    ["", "k" * 7, "k" * 129, "k" * 8 + "\n", "kkkk/kkkk", "kkkk%20kkkk", "kkkkkkké", "k " * 8],
)
def test_what_cannot_be_a_key_is_refused_without_repeating_it(text: str) -> None:
    """The refusal goes to a log, and the text may be most of a real key."""
    with pytest.raises(InvalidAlertKey) as refused:
        parse_alert_key(text)
    assert refused.value.code == "invalid_alert_key"
    assert refused.value.fields == {"length": len(text)}
    assert not text.strip() or text.strip() not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("3f2a9c4e-0000-4000-8000-000000000000", "3f2a..."),
        ("0123456789abcdef", "0123..."),
        ("0123456789ab", "012..."),
        ("12345678", "12..."),
        ("1234567", "..."),
        ("", "..."),
        ("ab\ncd\x1b[31m and more", "..."),
    ],
)
def test_a_log_sees_a_quarter_of_a_key_and_at_most_four_characters(text: str, shown: str) -> None:
    """And nothing of what a sender put in its place: that could forge a line."""
    assert masked(Secret(text)) == shown


@given(any_text)
def test_any_text_can_be_looked_up_and_masked(text: str) -> None:
    """A malformed key is an unknown key, never an error."""
    assert len(key_hash(Secret(text))) == 32
    assert masked(Secret(text)).isprintable()


def test_a_key_is_kept_as_its_sha_256() -> None:
    """And compared as it is, case and all."""
    assert key_hash(Secret("some-key")) == hashlib.sha256(b"some-key").digest()
    assert key_hash(Secret("some-key")) != key_hash(Secret("SOME-KEY"))
