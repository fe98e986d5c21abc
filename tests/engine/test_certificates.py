"""Only what is new about a receiver's certificate goes to the store."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tocsin.domain.outcome import Outcome
from tocsin.domain.webhook import Webhook
from tocsin.engine.certificates import ShownCertificates
from tocsin.secret import Secret
from tocsin.transport.exchange import Answer, PeerCertificate

NOW = datetime(2026, 11, 2, 3, tzinfo=UTC)
WEBHOOK = Webhook(
    id=7, slug="a", name="A", url="https://a.example/x", auth_code=Secret("0123456789abcdef")
)
PEER = PeerCertificate("Ours", NOW, NOW + timedelta(days=90), "00ff")


def answer(peer: PeerCertificate | None = PEER, **changes: Any) -> Answer:
    made = Answer(Outcome.DELIVERED, 200, "", "203.0.113.7", False, 1, 1, 1, 1, 1, 1, peer=peer)  # noqa: FBT003
    return made._replace(**changes)


def test_a_certificate_is_noted_when_it_is_new() -> None:
    """Not at each delivery, and not for each connection; but for another one, or at another place."""
    shown = ShownCertificates()
    noted = shown.note(WEBHOOK, answer(), now=NOW)
    assert noted is not None
    assert (noted.webhook_id, noted.host, noted.port) == (7, "a.example", 443)
    assert (noted.issuer, noted.expires_at, noted.seen_at) == ("Ours", PEER.expires_at, NOW)
    assert shown.note(WEBHOOK, answer(), now=NOW) is None
    renewed = answer(PEER._replace(fingerprint="11"))
    assert shown.note(WEBHOOK, renewed, now=NOW) is not None
    assert shown.note(WEBHOOK, renewed._replace(is_reused=True), now=NOW) is None
    assert shown.note(WEBHOOK, answer(is_reused=True), now=NOW) is None
    elsewhere = replace(WEBHOOK, url="https://a.example:8443/x")
    assert shown.note(elsewhere, renewed, now=NOW) is not None
    assert shown.note(replace(WEBHOOK, id=8), renewed, now=NOW) is not None


def test_without_tls_there_is_nothing_to_note() -> None:
    """A plain URL, or no connection at all."""
    assert ShownCertificates().note(WEBHOOK, answer(None), now=NOW) is None
