"""Certificates that webhooks depend on: their receivers' and their own, and warnings before they end."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from tocsin.actions.incident_set import Context
from tocsin.domain.certificate import Certificate
from tocsin.domain.certificate_ending import (
    ReceiverCertificate,
    decide_warning,
    next_warning_at,
)
from tocsin.domain.timeline import ENGINE, NO_INCIDENT, Kind, TimelineEntry
from tocsin.domain.timeline_sentence import ending_text
from tocsin.domain.webhook import Webhook
from tocsin.domain.webhook_url import check_webhook_url
from tocsin.store.certificates import (
    find_receiver_certificates,
    forget_warnings,
    give_warning,
)
from tocsin.store.database import Tx
from tocsin.store.timeline import add_to_timeline
from tocsin.transport.certificates import read_pem

_REMEMBERED: Final = timedelta(days=90)


class Whose(StrEnum):
    """Whose certificate it is."""

    RECEIVER = "receiver"
    CLIENT = "client"
    """Ours, which the receiver asks for."""


@dataclass(frozen=True, slots=True)
class CertificateInUse:
    """A certificate without which a webhook cannot be called. Units: instants are aware UTC."""

    webhook: Webhook
    whose: Whose
    issuer: str
    starts_at: datetime
    expires_at: datetime
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Warned:
    """The certificates that were warned of just now, and when the next warning may be due."""

    certificates: tuple[CertificateInUse, ...]
    next_at: datetime | None


def find_shown(tx: Tx, webhooks: Iterable[Webhook]) -> dict[int, ReceiverCertificate]:
    """Return what the receivers of these webhooks last showed, by the webhook's id.

    What was shown where a webhook's URL led before is not.
    """
    kept = find_receiver_certificates(tx)
    return {
        webhook.id: kept[webhook.id]
        for webhook in webhooks
        if webhook.id in kept and _is_shown_by(webhook, kept[webhook.id])
    }


def _is_shown_by(webhook: Webhook, certificate: ReceiverCertificate) -> bool:
    url = check_webhook_url(webhook.url)
    where = (certificate.host, certificate.port)
    return url.scheme == "https" and (url.host, url.port) == where


def certificates_in_use(tx: Tx, webhooks: Iterable[Webhook]) -> list[CertificateInUse]:
    """Return the certificates that enabled webhooks depend on, in order of slug."""
    enabled = sorted(
        (webhook for webhook in webhooks if webhook.disabled_at is None),
        key=lambda webhook: webhook.slug,
    )
    shown = find_shown(tx, enabled)
    return [each for webhook in enabled for each in _of(webhook, shown.get(webhook.id))]


def _of(webhook: Webhook, shown: ReceiverCertificate | None) -> Iterator[CertificateInUse]:
    if shown is not None:
        yield CertificateInUse(
            webhook=webhook,
            whose=Whose.RECEIVER,
            issuer=shown.issuer,
            starts_at=shown.starts_at,
            expires_at=shown.expires_at,
            fingerprint=shown.fingerprint,
        )
    yield from own_certificate(webhook)


def own_certificate(webhook: Webhook) -> Iterator[CertificateInUse]:
    """Yield the client certificate of a webhook that has one."""
    if webhook.client_certificate is not None:
        yield used_as(Whose.CLIENT, webhook, read_pem(webhook.client_certificate.chain)[0])


def used_as(whose: Whose, webhook: Webhook, certificate: Certificate) -> CertificateInUse:
    """Return what matters of a certificate that a webhook depends on."""
    return CertificateInUse(
        webhook=webhook,
        whose=whose,
        issuer=certificate.issuer,
        starts_at=certificate.not_before,
        expires_at=certificate.not_after,
        fingerprint=certificate.fingerprint,
    )


def endings(used: Iterable[CertificateInUse], now: datetime) -> Iterator[str]:
    """Yield a sentence for each certificate that ends soon, or has ended."""
    for each in used:
        if decide_warning(each.starts_at, each.expires_at, now) is not None:
            yield ending_text(
                each.webhook.slug, each.whose.value, each.issuer, each.expires_at, now
            )


def warn_of_endings(tx: Tx, context: Context) -> Warned:
    """Put a warning into the feed for each certificate that ends soon: once each, in its time."""
    used = certificates_in_use(tx, context.configuration.webhooks.values())
    warned = [each for each in used if _is_to_be_warned_of(tx, each, context.now)]
    ids = context.ids.take(len(warned), context.now)
    entries = [_entry(each, id_, context.now) for each, id_ in zip(warned, ids, strict=True)]
    add_to_timeline(tx, entries)
    if warned:
        forget_warnings(tx, expired_before=context.now - _REMEMBERED)
    next_at = (next_warning_at(each.starts_at, each.expires_at, context.now) for each in used)
    return Warned(tuple(warned), min((at for at in next_at if at is not None), default=None))


def _is_to_be_warned_of(tx: Tx, used: CertificateInUse, now: datetime) -> bool:
    days = decide_warning(used.starts_at, used.expires_at, now)
    return days is not None and give_warning(
        tx, used.webhook.id, used.fingerprint, days, expires_at=used.expires_at
    )


def _entry(used: CertificateInUse, id_: int, now: datetime) -> TimelineEntry:
    detail: dict[str, Any] = {
        "webhook": used.webhook.slug,
        "whose": used.whose.value,
        "issuer": used.issuer,
        "expires_at": used.expires_at.isoformat(),
    }
    return TimelineEntry(NO_INCIDENT, id_, now, Kind.CERTIFICATE_ENDING, ENGINE, detail)
