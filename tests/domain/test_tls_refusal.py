"""What is said of a failed handshake, from what was seen of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.domain.test_certificate import CERTIFICATE

from tocsin.domain.certificate_refusal import Asked, certificate_refusals
from tocsin.domain.handshake import SeenHandshake
from tocsin.domain.handshake_refusal import handshake_refusal, is_about_our_certificate
from tocsin.domain.tls_refusal import Flaw

NOW = datetime(2026, 11, 2, 4, tzinfo=UTC)
ASKED = Asked(host="pager.example", now=NOW, bundle=None)
OLD = SeenHandshake(is_complete=True, version="TLSv1")
NEW = SeenHandshake(is_complete=True, version="TLSv1.3", cipher="TLS_X")
HELLO = b"\x16\x03"
FAILURE = "SSLV3_ALERT_HANDSHAKE_FAILURE"
REFUSED_EARLY = SeenHandshake(is_complete=False, error=FAILURE, first_bytes=b"\x15\x03")
REFUSED_LATE = replace(REFUSED_EARLY, is_after_our_reply=True, first_bytes=HELLO)


@pytest.mark.parametrize(
    ("error", "seen", "has_client", "flaw"),
    [
        ("TLSV1_UNRECOGNIZED_NAME", None, False, Flaw.UNKNOWN_HOST),
        ("TLSV1_ALERT_UNRECOGNIZED_NAME", NEW, False, Flaw.UNKNOWN_HOST),
        ("TLSV1_ALERT_PROTOCOL_VERSION", OLD, False, Flaw.OLD_PROTOCOL),
        ("TLSV1_ALERT_PROTOCOL_VERSION", None, False, Flaw.HANDSHAKE_REFUSED),
        ("UNSUPPORTED_PROTOCOL", replace(OLD, is_complete=False), False, Flaw.OLD_PROTOCOL),
        (FAILURE, None, False, Flaw.HANDSHAKE_REFUSED),
        (FAILURE, REFUSED_EARLY, False, Flaw.NO_COMMON_CIPHER),
        (FAILURE, REFUSED_LATE, False, Flaw.CLIENT_CERTIFICATE_REQUIRED),
        (FAILURE, REFUSED_LATE, True, Flaw.CLIENT_CERTIFICATE_REFUSED),
        ("DH_KEY_TOO_SMALL", NEW, False, Flaw.NO_COMMON_CIPHER),
        ("SSLV3_ALERT_BAD_CERTIFICATE", None, False, Flaw.CLIENT_CERTIFICATE_REQUIRED),
        ("SSLV3_ALERT_BAD_CERTIFICATE", None, True, Flaw.CLIENT_CERTIFICATE_REFUSED),
        ("the connection ended: reset", None, False, Flaw.HANDSHAKE_ENDED),
        ("the connection ended: reset", NEW, False, Flaw.HANDSHAKE_ENDED),
        ("the connection ended: reset", REFUSED_EARLY, False, Flaw.HANDSHAKE_ENDED),
        (
            "the connection ended: reset",
            replace(REFUSED_LATE, error="TLSV1_ALERT_UNKNOWN_CA"),
            False,
            Flaw.CLIENT_CERTIFICATE_REQUIRED,
        ),
        (
            "WRONG_VERSION_NUMBER",
            SeenHandshake(is_complete=False, first_bytes=b"HTTP/1.0 400"),
            False,
            Flaw.NOT_TLS,
        ),
        (
            "WRONG_VERSION_NUMBER",
            SeenHandshake(is_complete=False, first_bytes=b"SSH-2.0-x"),
            False,
            Flaw.NOT_TLS,
        ),
    ],
)
def test_what_is_seen_decides_what_is_said(
    error: str,
    seen: SeenHandshake | None,
    has_client: bool,  # noqa: FBT001 - named by the table
    flaw: Flaw,
) -> None:
    """Only what the evidence shows; without any, that it failed, with OpenSSL's own word for it."""
    refusal = handshake_refusal(error, seen, has_client_certificate=has_client)
    assert refusal.flaw is flaw
    assert refusal.sentence.endswith(".")
    assert refusal.advice.endswith(".")


def test_a_failure_that_passed_is_said_to_have() -> None:
    """A second handshake that succeeds speaks against a lasting fault."""
    refusal = handshake_refusal("the connection ended: reset", NEW, has_client_certificate=False)
    assert "and a second one, right after it, did not" in refusal.sentence


def test_an_alert_about_our_certificate_needs_no_evidence() -> None:
    """It can be about nothing else."""
    assert is_about_our_certificate("TLSV13_ALERT_CERTIFICATE_REQUIRED")
    assert not is_about_our_certificate(FAILURE)
    assert not is_about_our_certificate("WRONG_VERSION_NUMBER")


def refused(code: int, *chain: object, text: str = "") -> SeenHandshake:
    return SeenHandshake(is_complete=False, verify_code=code, verify_text=text, chain=chain)  # type: ignore[arg-type]


@pytest.mark.parametrize("code", [2, 7, 9, 10, 18, 19, 20, 21, 26, 62, 64, 66, 67, 68, 99])
def test_without_any_certificate_openssl_is_believed(code: int) -> None:
    """When nothing could be looked at, its number alone says what to do."""
    (refusal,) = certificate_refusals(refused(code, text="words of OpenSSL"), ASKED)
    assert refusal.sentence.endswith(".")
    assert refusal.advice
    if code in (7, 99):
        assert refusal.flaw is Flaw.UNVERIFIABLE
        assert f"(OpenSSL {code}: words of OpenSSL)" in refusal.sentence


def test_a_chain_that_may_be_longer_is_not_said_to_be_short() -> None:
    """Where Python shows the first certificate only, nobody claims that no intermediate was sent."""
    seen = replace(refused(20, CERTIFICATE), is_whole_chain=False)
    refusal, *_ = certificate_refusals(seen, ASKED)
    assert "shows a certificate that asks for the issuer" in refusal.sentence
    assert "sent no intermediate" not in refusal.sentence


def test_another_certificate_than_the_one_refused_is_not_blamed() -> None:
    """A receiver with several may show a good one the second time."""
    seen = refused(10, replace(CERTIFICATE, not_after=NOW + timedelta(days=9)))
    refusal, *_ = certificate_refusals(seen, ASKED)
    assert refusal.sentence == "A CA of the receiver's chain expired."


def test_many_names_are_not_all_told() -> None:
    """Eight are enough to see that the right one is not there."""
    names = tuple(f"n{number}.example" for number in range(20))
    refusal, *_ = certificate_refusals(refused(62, replace(CERTIFICATE, names=names)), ASKED)
    assert "n7.example and 12 more, and not for pager.example." in refusal.sentence
