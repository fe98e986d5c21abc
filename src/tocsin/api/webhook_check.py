"""Looking at a webhook's receiver without sending it anything."""

from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import Field

from tocsin.actions.checked_webhook import CheckedWebhook, explain_inspection
from tocsin.actions.webhooks import get_webhook
from tocsin.api.access import Administrator
from tocsin.api.declaring import management
from tocsin.api.dependencies import Work
from tocsin.api.field_types import AnswerModel, Instant
from tocsin.api.webhooks import Slug
from tocsin.domain.certificate import Certificate
from tocsin.domain.outcome import Outcome
from tocsin.domain.tls_refusal import Flaw

router: Final = management("webhooks", prefix="/webhooks")


class CheckedAddress(AnswerModel):
    """An address of the webhook's host, and why it may not be called."""

    ip: str
    refusal: Annotated[str | None, Field(description="null: it may be called")]


class CertificateAnswer(AnswerModel):
    """A certificate, as it says."""

    subject: Annotated[str, Field(examples=["CN=pager.example"])]
    names: Annotated[list[str], Field(examples=[["pager.example"]])]
    issuer: str
    starts_at: Instant
    expires_at: Instant
    days_left: Annotated[int, Field(description="Whole days; below 0 it has expired")]
    key: Annotated[str, Field(examples=["RSA 2048 bits"])]
    signature: Annotated[str, Field(examples=["SHA-256"])]
    fingerprint: Annotated[str, Field(description="SHA-256, in hexadecimal digits")]


class FlawAnswer(AnswerModel):
    """One thing that is wrong with TLS, and what to do."""

    flaw: Flaw
    sentence: str
    advice: str


class CheckAnswer(AnswerModel):
    """How far an attempt would come. Phases that were not reached are null."""

    ok: Annotated[bool, Field(description="An attempt would be sent")]
    outcome: Annotated[
        Outcome | None, Field(description="Of an attempt; null when it would be sent")
    ]
    explanation: Annotated[str | None, Field(description="What went wrong, and what to do")]
    detail: Annotated[str | None, Field(description="The facts behind it")]
    flaws: Annotated[list[FlawAnswer], Field(description="Of TLS, the main one first")]
    warnings: Annotated[
        list[str], Field(description="What is to be done though an attempt is sent")
    ]
    host: str
    port: int
    tls: bool
    addresses: list[CheckedAddress]
    address: Annotated[str | None, Field(description="The one connected to")]
    microseconds: Annotated[dict[str, int | None], Field(description="resolve, connect, tls")]
    version: Annotated[str | None, Field(examples=["TLSv1.3"])]
    cipher: str | None
    chain: Annotated[
        list[CertificateAnswer], Field(description="As the receiver sent it, its own first")
    ]


@router.post("/{slug}/check", summary="Check a webhook without sending")
async def check_webhook(_: Administrator, work: Work, slug: Slug) -> CheckAnswer:
    """Resolves, checks the addresses, connects and shakes hands as an attempt does, and closes."""
    services = work.services
    webhook = await work.read(lambda tx: get_webhook(tx, slug, services.vault))
    found = await services.check_webhook(webhook)
    now = services.clock.now()
    return _render(explain_inspection(webhook, found, now), now)


def _render(checked: CheckedWebhook, now: datetime) -> CheckAnswer:
    found = checked.found
    destination, handshake = found.destination, found.handshake
    return CheckAnswer(
        ok=found.outcome is None,
        **_outcome(checked),
        warnings=list(checked.warnings),
        host=destination.host,
        port=destination.port,
        tls=destination.is_tls,
        addresses=[
            CheckedAddress(ip=each.address.ip, refusal=each.refusal or None)
            for each in found.addresses
        ],
        address=found.address or None,
        microseconds={
            "resolve": found.resolve_us,
            "connect": found.connect_us,
            "tls": found.tls_us,
        },
        version=handshake.version or None if handshake else None,
        cipher=handshake.cipher or None if handshake else None,
        chain=[_certificate(each, now) for each in (handshake.chain if handshake else ())],
    )


def _outcome(checked: CheckedWebhook) -> dict[str, Any]:
    found = checked.found
    return {
        "outcome": found.outcome,
        "explanation": checked.explanation,
        "detail": found.detail or None,
        "flaws": [
            FlawAnswer(flaw=each.flaw, sentence=each.sentence, advice=each.advice)
            for each in found.refusals
        ],
    }


def _certificate(certificate: Certificate, now: datetime) -> CertificateAnswer:
    return CertificateAnswer(
        subject=certificate.subject,
        names=list(certificate.names),
        issuer=certificate.issuer,
        starts_at=certificate.not_before,
        expires_at=certificate.not_after,
        days_left=(certificate.not_after - now).days,
        key=certificate.key,
        signature=certificate.signature,
        fingerprint=certificate.fingerprint,
    )
