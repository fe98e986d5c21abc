"""Why there was no TLS: found out by a second handshake, rarely, and beside everything else."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from tocsin.domain.handshake import SeenHandshake
from tocsin.domain.tls_refusal import Refusal
from tocsin.domain.webhook import Webhook
from tocsin.domain.wording import instant_text
from tocsin.engine.request import destination_of
from tocsin.transport.diagnosis import needs_evidence, refusal_text, refusals
from tocsin.transport.exchange import Answer, Destination
from tocsin.transport.inspector import Inspector

SPAN: Final = timedelta(minutes=10)
"""A webhook's receiver is looked at once in this time, however many attempts fail."""
logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Look:
    """One look at a receiver: under way while there is a list of those who wait for it."""

    destination: Destination
    at: datetime
    waiting: list[Callable[[], None]] | None = field(default_factory=list)
    seen: SeenHandshake | None = None


class Diagnoses:
    """Explains attempts that failed over TLS. For use on the loop only."""

    def __init__(self, inspector: Inspector) -> None:
        self._inspector = inspector
        self._looks: dict[int, _Look] = {}
        self._running: set[asyncio.Task[None]] = set()

    def explain(
        self, webhook: Webhook, answer: Answer, *, now: datetime, done: Callable[[str | None], None]
    ) -> None:
        """Call `done`, once, with why an attempt failed whose outcome is about TLS.

        Without a connection there is no more to say: then it is called at once, with None.
        """
        if not answer.address:
            done(None)
            return
        destination = destination_of(webhook)
        if not needs_evidence(answer.detail, answer.verify_code):
            done(self._text(webhook, destination, answer, None, now))
            return
        look = self._looks.get(webhook.id)
        if look is None or look.at + SPAN <= now:
            look = self._begin(webhook, destination, answer, now)
        if look.destination != destination:  # it was corrected since, and fails in another way
            done(self._text(webhook, destination, answer, None, now))
        elif look.waiting is None:
            done(self._text(webhook, destination, answer, look, now))
        else:
            look.waiting.append(lambda: done(self._text(webhook, destination, answer, look, now)))

    async def close(self) -> None:
        """Look no further; whoever waits is told what is known without."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _begin(
        self, webhook: Webhook, destination: Destination, answer: Answer, now: datetime
    ) -> _Look:
        self._looks = {id_: each for id_, each in self._looks.items() if each.at + SPAN > now}
        look = self._looks[webhook.id] = _Look(destination, now)
        task = asyncio.get_running_loop().create_task(self._look(webhook, answer, look))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return look

    async def _look(self, webhook: Webhook, answer: Answer, look: _Look) -> None:
        try:
            look.seen = await self._inspector.look(look.destination, answer.address)
            found = _refusals(look.destination, answer, look.seen, look.at)
            logger.warning(
                "tls.refused",
                extra={
                    "webhook": webhook.slug,
                    "flaws": ", ".join(each.flaw.value for each in found),
                    "reason": refusal_text(found),
                },
            )
        finally:
            waiting, look.waiting = look.waiting or [], None
            for tell in waiting:
                tell()

    def _text(
        self,
        webhook: Webhook,
        destination: Destination,
        answer: Answer,
        look: _Look | None,
        now: datetime,
    ) -> str | None:
        seen = look.seen if look else None
        try:
            text = refusal_text(_refusals(destination, answer, seen, now))
        except Exception:
            # A strange certificate must not keep an attempt from being recorded.
            logger.exception("tls.not_explained", extra={"webhook": webhook.slug})
            return None
        words = (
            f" (OpenSSL {answer.verify_code}: {answer.verify_text})" if answer.verify_code else ""
        )
        earlier = (
            f" Seen at {instant_text(look.at)}." if look and look.seen and look.at < now else ""
        )
        return f"{text}{words}{earlier}"


def _refusals(
    destination: Destination, answer: Answer, seen: SeenHandshake | None, now: datetime
) -> list[Refusal]:
    return list(
        refusals(
            destination,
            error=answer.detail,
            verify_code=answer.verify_code,
            verify_text=answer.verify_text,
            seen=seen,
            now=now,
        )
    )
