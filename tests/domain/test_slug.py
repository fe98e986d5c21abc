import hashlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.slug import InvalidSlug, parse_slug, slug_from_name


@pytest.mark.parametrize("text", ["a", "7", "web-shop", "team-1--eu", "x" * 64])
def test_a_slug_is_taken_as_it_is(text: str) -> None:
    """Lower-case letters, digits and inner hyphens."""
    assert parse_slug(text) == text


@pytest.mark.parametrize(
    "text", ["", "-a", "a-", "-", "A", "a b", "a_b", "é", "a\n", "x" * 65, "\ud800"]
)
def test_what_cannot_be_a_slug_is_refused_with_one_that_can(text: str) -> None:
    """Nothing is repaired in silence: two files must mean the same object."""
    with pytest.raises(InvalidSlug) as refused:
        parse_slug(text)
    assert refused.value.code == "invalid_slug"
    instead = refused.value.fields["instead"]
    assert isinstance(instead, str)
    assert parse_slug(instead) == instead
    assert repr(instead) in str(refused.value)


def test_a_long_text_is_refused_as_fast_as_it_is_read() -> None:
    """A form may hold a megabyte, and nothing else runs while a pattern looks for a digit in it."""
    began = time.process_time()
    with pytest.raises(InvalidSlug):
        parse_slug("x" * 50_000)
    assert time.process_time() - began < 0.5


def test_what_may_be_a_secret_is_not_written_another_way() -> None:
    """As it is, it is known and masked in whatever leaves; as a slug nobody would know it again."""
    for text in ("tsn_AbCdEfGh1JkLmN", "Rr4~Tt5-Yy6Uu7Ii8Oo9", "https://a.example/T0pSecret"):
        with pytest.raises(InvalidSlug, match="such as 'database-2'") as refused:
            parse_slug(text)
        assert refused.value.fields["instead"] is None


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Web Shop (EU)", "web-shop-eu"),
        ("  Café №1 ", "cafe-no1"),
        ("Straße", "strasse"),
        ("\u1d2cdmins", "admins"),
        ("a" * 63 + " b", "a" * 63),
        ("web-shop", "web-shop"),
        ("当番", f"unnamed-{hashlib.sha256('当番'.encode()).hexdigest()[:8]}"),
    ],
)
def test_a_slug_from_a_name(name: str, slug: str) -> None:
    """Letters without their accents; hyphens for all else; never too long, never empty."""
    assert slug_from_name(name) == slug


@given(st.text(st.characters(categories=None)))
def test_every_name_gives_a_slug_and_keeps_it(name: str) -> None:
    """And a slug is its own slug."""
    slug = slug_from_name(name)
    assert parse_slug(slug) == slug == slug_from_name(slug)
