"""Why there was no TLS: found out by a second handshake, rarely, and beside everything else."""

import asyncio
import logging
from collections.abc import Callable, Sequence
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
        if not answer.address and not answer.connect_us:
            done(None)
            return
        case = _Case(webhook, destination_of(webhook), answer, now)
        if not needs_evidence(answer.detail, answer.verify_code):
            done(_text(case, None))
            return
        look = self._looks.get(webhook.id)
        if look is None or look.at + SPAN <= now:
            look = self._begin(case)
        if look.destination != case.destination:  # corrected since, and it fails in another way
            done(_text(case, None))
        elif look.waiting is None:
            done(_text(case, look))
        else:
            look.waiting.append(lambda: done(_text(case, look)))

    async def close(self) -> None:
        """Look no further; whoever waits is told what is known without."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _begin(self, case: "_Case") -> _Look:
        self._looks = {id_: each for id_, each in self._looks.items() if each.at + SPAN > case.now}
        look = self._looks[case.webhook.id] = _Look(case.destination, case.now)
        task = asyncio.get_running_loop().create_task(self._look(case, look))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return look

    async def _look(self, case: "_Case", look: _Look) -> None:
        try:
            look.seen = await self._inspector.look(look.destination, case.answer.address)
        finally:
            waiting, look.waiting = look.waiting or [], None
            for tell in waiting:
                tell()
        found = _refusals(case, look.seen)
        if found:
            flaws = ", ".join(each.flaw.value for each in found)
            facts = {"webhook": case.webhook.slug, "flaws": flaws, "reason": refusal_text(found)}
            logger.warning("tls.refused", extra=facts)


@dataclass(frozen=True, slots=True)
class _Case:
    """An attempt that failed, and when."""

    webhook: Webhook
    destination: Destination
    answer: Answer
    now: datetime


def _text(case: _Case, look: _Look | None) -> str | None:
    """Return what is to be said, from what a look showed if there was one."""
    answer = case.answer
    found = _refusals(case, look.seen if look else None)
    if not found:
        return None
    text = refusal_text(found)
    if answer.verify_code:
        text += f" (OpenSSL {answer.verify_code}: {answer.verify_text})"
    if look and look.seen and look.at < case.now:
        text += f" Seen at {instant_text(look.at)}."
    return text


def _refusals(case: _Case, seen: SeenHandshake | None) -> Sequence[Refusal]:
    try:
        return refusals(
            case.destination,
            error=case.answer.detail,
            verify_code=case.answer.verify_code,
            verify_text=case.answer.verify_text,
            seen=seen,
            now=case.now,
        )
    except Exception:
        # A strange certificate must not keep an attempt from being recorded.
        logger.exception("tls.not_explained", extra={"webhook": case.webhook.slug})
        return ()
