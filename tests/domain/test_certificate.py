"""What a certificate is for, and how what a receiver sends hangs together."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tocsin.domain.certificate import Certificate, path_of

NOW = datetime(2026, 11, 2, 3, tzinfo=UTC)
CERTIFICATE = Certificate(
    subject="CN=a",
    issuer="CN=b",
    names=("pager.example", "*.Wild.example", "203.0.113.7", "2001:db8::7"),
    not_before=NOW,
    not_after=NOW + timedelta(days=1),
    key="",
    is_key_weak=False,
    signature="",
    is_signature_weak=False,
    is_self_signed=False,
    is_ca=False,
    issuer_urls=(),
    fingerprint="",
)


@pytest.mark.parametrize(
    ("host", "is_for"),
    [
        ("pager.example", True),
        ("PAGER.example.", True),
        ("x.pager.example", False),
        ("a.wild.EXAMPLE", True),
        ("wild.example", False),
        ("a.b.wild.example", False),
        ("203.0.113.7", True),
        ("203.0.113.8", False),
        ("2001:db8:0::7", True),
        ("*.wild.example", True),
    ],
)
def test_a_certificate_is_for_the_names_it_has(host: str, is_for: bool) -> None:  # noqa: FBT001 - named by the table
    """In any case; a star stands for one label; an address is compared as an address."""
    assert CERTIFICATE.is_for(host) is is_for


def test_the_way_up_is_found_in_any_order() -> None:
    """Receivers send more than is needed, and in disorder; two that issue each other end."""

    def issued(subject: str, issuer: str) -> Certificate:
        return replace(
            CERTIFICATE, subject=subject, issuer=issuer, is_self_signed=subject == issuer
        )

    leaf, lower, upper, root = (
        issued(*names) for names in (("l", "i"), ("i", "j"), ("j", "r"), ("r", "r"))
    )
    assert path_of((leaf, root, upper, issued("x", "y"), lower)) == [leaf, lower, upper, root]
    assert path_of((leaf, upper)) == [leaf]
    circle = issued("a", "b"), issued("b", "a")
    assert path_of(circle) == [*circle]
    assert path_of((leaf, issued("i", "a"), *circle)) == [leaf, issued("i", "a"), *circle]
    assert path_of((root, leaf)) == [root]
    assert path_of(()) == []
