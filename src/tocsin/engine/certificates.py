"""Certificates as the engine meets them: what receivers show that is new, and what ends soon."""

import asyncio
import logging
from datetime import datetime, timedelta
from typing import Final

from tocsin.actions.certificates import Warned, warn_of_endings
from tocsin.actions.incident_set import ContextSource
from tocsin.clock import Clock
from tocsin.domain.certificate_ending import ReceiverCertificate
from tocsin.domain.timeline_sentence import ending_text
from tocsin.domain.webhook import Webhook
from tocsin.engine.request import destination_of
from tocsin.store.writer import StoreUnavailable, Writer
from tocsin.transport.exchange import Answer

_LOOK_AGAIN: Final = timedelta(days=1)
"""Also when nothing is due: webhooks may have got other client certificates."""
_AFTER_A_FAILURE: Final = timedelta(minutes=1)
logger = logging.getLogger(__name__)


class ShownCertificates:
    """Remembers what each receiver showed, so that only what is new is written down."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[str, int, str]] = {}

    def note(
        self, webhook: Webhook, answer: Answer, *, now: datetime
    ) -> ReceiverCertificate | None:
        """Return the certificate of a new connection if this webhook's receiver did not show it last."""
        peer = answer.peer
        if peer is None or answer.is_reused:
            return None
        destination = destination_of(webhook)
        shown = (destination.host, destination.port, peer.fingerprint)
        if self._known.get(webhook.id) == shown:
            return None
        self._known[webhook.id] = shown
        return ReceiverCertificate(
            webhook_id=webhook.id,
            host=destination.host,
            port=destination.port,
            fingerprint=peer.fingerprint,
            issuer=peer.issuer,
            starts_at=peer.starts_at,
            expires_at=peer.expires_at,
            seen_at=now,
        )


class Endings:
    """Warns of certificates that end soon. Between the instants at which one may, it costs nothing."""

    def __init__(self, writer: Writer, clock: Clock, context_source: ContextSource) -> None:
        self._writer = writer
        self._clock = clock
        self._context_source = context_source
        self._due_at: datetime | None = None

    def look_again(self) -> None:
        """Say that a certificate was seen that nobody knew."""
        self._due_at = None

    async def look(self) -> datetime:
        """Warn of what is due; return when to come again."""
        now = self._clock.now()
        if self._due_at is None or self._due_at <= now:
            self._due_at = now + _LOOK_AGAIN  # `look_again` may be called meanwhile
            next_at = await self._warn(now)
            if next_at is not None and self._due_at is not None:
                self._due_at = min(self._due_at, next_at)
        return self._due_at or now

    async def _warn(self, now: datetime) -> datetime | None:
        try:
            warned = await asyncio.wrap_future(
                self._writer.submit(lambda tx: warn_of_endings(tx, self._context_source(tx)))
            )
        except StoreUnavailable:
            return now + _AFTER_A_FAILURE
        except Exception:
            logger.exception("certificates.not_looked_at")
            return now + _AFTER_A_FAILURE
        _log(warned, now)
        return warned.next_at


def _log(warned: Warned, now: datetime) -> None:
    for each in warned.certificates:
        text = ending_text(each.webhook.slug, each.whose.value, each.issuer, each.expires_at, now)
        logger.warning(
            "certificate.ending",
            extra={
                "webhook": each.webhook.slug,
                "whose": each.whose.value,
                "issuer": each.issuer,
                "expires_at": each.expires_at.isoformat(),
                "reason": text,
            },
        )
