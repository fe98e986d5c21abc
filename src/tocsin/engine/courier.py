"""Sends what was leased, concurrently, and brings every outcome back to the store."""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from tocsin.actions.attempt_result import AttemptResult
from tocsin.actions.deliver import Recorded, record_attempts
from tocsin.actions.incident_set import ContextSource
from tocsin.actions.poison import tell_of_outcome
from tocsin.actions.webhook_failures import DisabledWebhook, TurnedBreaker
from tocsin.actions.webhook_turns import TurnedWebhook
from tocsin.clock import Clock
from tocsin.domain.answer_action import AnswerDecision, AskedAction, may_ask, read_answer
from tocsin.domain.certificate_ending import ReceiverCertificate
from tocsin.domain.configuration import Configuration
from tocsin.domain.delivery import RETRY_SPREAD
from tocsin.domain.escalation import Stale
from tocsin.domain.one_time_link import masked_links
from tocsin.domain.outcome import Outcome
from tocsin.domain.poison import Poison, wait_until
from tocsin.domain.redaction import redact
from tocsin.domain.retry_after import parse_retry_after
from tocsin.domain.webhook import Webhook
from tocsin.domain.webhook_failures import Turn
from tocsin.engine.batches import Batches
from tocsin.engine.certificates import ShownCertificates
from tocsin.engine.diagnoses import Diagnoses
from tocsin.engine.on_record import all_secrets, detail_of
from tocsin.engine.poison import Ward
from tocsin.engine.request import make_exchange
from tocsin.ids import DELIVERY, id_text
from tocsin.store.deliveries import Lease
from tocsin.store.schema import to_micros
from tocsin.store.writer import StoreUnavailable, Writer, WriterStopped
from tocsin.stored_json import to_json
from tocsin.transport.exchange import Answer, Exchange
from tocsin.transport.sender import Sender

MOST_IN_FLIGHT = 1024
MOST_IN_A_BATCH = 512
_RECORD_AGAIN_SECONDS = 1.0
logger = logging.getLogger(__name__)


class Courier:
    """Everything in flight of this run. For use on the loop only, but for `cancel`."""

    def __init__(
        self,
        writer: Writer,
        sender: Sender,
        diagnoses: Diagnoses,
        clock: Clock,
        context_source: ContextSource,
        *,
        run_id: int,
        may_start: Callable[[], bool],
        randomness: random.Random,
        on_batch: Callable[[Sequence[AttemptResult], Recorded], None],
        ward: Ward,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._sender = sender
        self._diagnoses = diagnoses
        self._shown = ShownCertificates()
        self._clock = clock
        self._run_id = run_id
        self._may_start = may_start
        self._randomness = randomness
        self._on_batch = on_batch
        self._ward = ward
        self._in_flight: dict[tuple[int, int], Lease] = {}
        self._cancelled: set[tuple[int, int]] = set()
        self._tries: dict[tuple[int, int], int] = {}
        """How often each of those could not be recorded, which should be none."""
        self._held_back: dict[tuple[int, int], asyncio.Task[None]] = {}
        """Of those that wait to be recorded again, what waits."""
        self._idle = asyncio.Event()
        self._idle.set()
        self._outbox: Batches[AttemptResult, Recorded] = Batches(
            writer,
            self._loop,
            lambda tx, results: record_attempts(tx, results, context_source),
            done=self._recorded,
            refused=self._not_recorded,
            poisoned=self._cannot_be_recorded,
            most=MOST_IN_A_BATCH,
        )

    @property
    def in_flight(self) -> int:
        """How many attempts have begun and are not on record yet."""
        return len(self._in_flight)

    @property
    def held(self) -> list[Lease]:
        """What this run has leased, as far as it knows."""
        return list(self._in_flight.values())

    @property
    def unrecorded(self) -> int:
        """How many attempts have ended and are not on record yet."""
        return len(self._outbox)

    @property
    def held_back(self) -> int:
        """How many of those wait for minutes, because recording them failed while others were recorded."""
        return len(self._held_back)

    @property
    def room(self) -> int:
        """How many more attempts may begin."""
        return MOST_IN_FLIGHT - len(self._in_flight)

    def cancel(self, attempts: Sequence[tuple[int, int]]) -> None:
        """Let no first byte of these leave any more: delivery and number. Safe from any thread.

        By number, because the attempt before may still be on its way to be forgotten.
        """
        self._cancelled.update(attempts)

    def send(self, leases: Sequence[Lease], configuration: Configuration) -> None:
        """Begin an attempt for each lease, if this run is sure that it still holds them."""
        may_start = self._may_start()
        for lease in leases:
            self._in_flight[lease.key] = lease
            self._idle.clear()
            webhook = configuration.webhooks.get(lease.webhook_id)
            began = self._clock.now()
            if not may_start:
                self._end(lease, Outcome.OUT_OF_TOUCH, began, detail=None)
                continue
            try:
                self._begin(lease, webhook, began)
            except Exception as error:
                # One that cannot be sent must not keep the others from leaving.
                delivery = id_text(DELIVERY, lease.delivery_id)
                logger.exception("attempt.not_made", extra={"delivery": delivery})
                reason = f"{type(error).__name__}: the server's log has the rest"
                self._end(
                    lease, Outcome.UNSENDABLE, began, detail={"reason": reason}, webhook=webhook
                )

    async def drain(self) -> None:
        """Wait until nothing is in flight and everything is on record that can be.

        What is held back is closed as unknown by the next start, and sent again.
        """
        await self._idle.wait()
        for task in self._held_back.values():
            task.cancel()

    def _begin(self, lease: Lease, webhook: Webhook | None, began: datetime) -> None:
        withdrawn = _withdrawn(lease, webhook)
        if webhook is None or withdrawn:
            self._end(lease, Outcome.WITHDRAWN, began, detail={"reason": withdrawn})
            return
        exchange = make_exchange(
            lease, webhook, now=began, is_cancelled=lambda: lease.key in self._cancelled
        )
        self._sender.start(
            exchange, lambda answer: self._answered(lease, webhook, exchange, began, answer)
        )

    def _answered(
        self, lease: Lease, webhook: Webhook, exchange: Exchange, began: datetime, answer: Answer
    ) -> None:
        if not answer.outcome.is_about_tls:
            self._settle(lease, webhook, exchange, began, answer)
            return
        self._diagnoses.explain(
            webhook,
            answer,
            now=self._clock.now(),
            done=lambda reason: self._settle(
                lease, webhook, exchange, began, answer, reason=reason
            ),
        )

    def _settle(
        self,
        lease: Lease,
        webhook: Webhook,
        exchange: Exchange,
        began: datetime,
        answer: Answer,
        *,
        reason: str | None = None,
    ) -> None:
        """`reason` is why there was no TLS, if that was found out."""
        sent_after = answer.sent_after_us
        self._end(
            lease,
            answer.outcome,
            began,
            webhook=webhook,
            first_byte_after=sent_after,
            took=answer.total_us,
            status_code=answer.status or None,
            detail=detail_of(answer, exchange, webhook, reason=reason),
            certificate=self._shown.note(webhook, answer, now=began),
            head_id=webhook.head_id,
            asked=None if answer.outcome.is_delivered else _asked(answer, self._clock.now()),
            at_once=answer.met_stale_connection,
            asked_action=_read_answer(webhook, exchange, answer),
        )

    def _end(
        self,
        lease: Lease,
        outcome: Outcome,
        began: datetime,
        *,
        detail: dict[str, Any] | None,
        webhook: Webhook | None = None,
        first_byte_after: int | None = None,
        took: int = 0,
        status_code: int | None = None,
        asked: timedelta | None = None,
        at_once: bool = False,
        certificate: ReceiverCertificate | None = None,
        asked_action: AskedAction | AnswerDecision | None = None,
        head_id: int | None = None,
    ) -> None:
        began_micros = to_micros(began)
        first_byte_at = None if first_byte_after is None else began_micros + first_byte_after
        more: dict[str, Any] = {}
        if webhook is not None:
            more = {"deadline": webhook.deadline, "retry_waits": webhook.retry_waits}
        result = AttemptResult(
            lease=lease,
            run_id=self._run_id,
            outcome=outcome,
            first_byte_at=first_byte_at,
            ended_at=began_micros + took,
            status_code=status_code,
            detail=to_json(detail) if detail else None,
            spread=self._randomness.uniform(-RETRY_SPREAD, RETRY_SPREAD),
            asked=asked,
            at_once=at_once,
            certificate=certificate,
            answer=asked_action,
            head_id=head_id,
            **more,
        )
        if webhook is not None and outcome is not Outcome.DELIVERED and not outcome.is_ours:
            logger.warning("attempt.failed", extra={"webhook": webhook.slug, **_facts(result)})
        self._outbox.add(result)

    # --- the outbox

    def _recorded(self, results: Sequence[AttemptResult], recorded: Recorded) -> None:
        self._forget(results)
        if recorded.stale:
            facts = {"attempts": recorded.stale, "reason": Stale.LEASE.value}
            logger.warning("attempts.stale", extra=facts)
        for result in recorded.given_up:
            logger.error("delivery.failed", extra=_facts(result))
        for breaker in recorded.breakers:
            _log_breaker(breaker)
        for disabled in recorded.disabled:
            _log_disabled(disabled)
        for turned in recorded.turned:
            _log_turned(turned)
        self._on_batch(results, recorded)

    def _not_recorded(self, results: Sequence[AttemptResult], error: StoreUnavailable) -> None:
        logger.error("attempts.not_recorded", extra={"attempts": len(results), "cause": str(error)})
        if not isinstance(error, WriterStopped):  # else the next start closes them
            self._loop.call_later(_RECORD_AGAIN_SECONDS, self._record_again, results)

    def _record_again(self, results: Sequence[AttemptResult]) -> None:
        for result in results:
            self._outbox.add(result)

    def _cannot_be_recorded(self, result: AttemptResult, error: Exception) -> None:
        """Try again after 1, 5, 15, 60 minutes, for ever: the delivery stays in flight until then."""
        key = result.lease.key
        tries = self._tries.get(key, 0)
        self._tries[key] = tries + 1
        until = wait_until(self._clock.now(), failures=tries)
        self._held_back[key] = self._loop.create_task(self._hold_back(result, error, until))
        self._look_whether_idle()

    async def _hold_back(self, result: AttemptResult, error: Exception, until: datetime) -> None:
        tell = partial(tell_of_outcome, lease=result.lease, until=until)
        try:
            await self._ward.take_in(Poison.OUTCOME, error, tell)
        except Exception:
            logger.exception("poison.not_told")
        await self._clock.sleep(until - self._clock.now())
        del self._held_back[result.lease.key]
        self._idle.clear()
        self._outbox.add(result)

    def _forget(self, results: Sequence[AttemptResult]) -> None:
        ended = {result.lease.key for result in results}
        for key in ended:
            self._in_flight.pop(key, None)
        self._cancelled -= ended
        for key in ended & self._tries.keys():
            del self._tries[key]
        self._look_whether_idle()

    def _look_whether_idle(self) -> None:
        if self._in_flight.keys() == self._held_back.keys():
            self._idle.set()


def _log_disabled(disabled: DisabledWebhook) -> None:
    failures = disabled.failures
    facts = {"webhook": disabled.slug, "reason": disabled.reason.value, "gone": failures.gone}
    logger.error("webhook.disabled", extra={**facts, "since": str(failures.gone_since)})


def _log_breaker(turned: TurnedBreaker) -> None:
    failures = turned.failures
    facts = {"webhook": turned.slug, "failures": failures.count, "since": str(failures.since)}
    if turned.closing is None:
        logger.error("breaker.opened", extra=facts)
    else:
        logger.warning("breaker.closed", extra={**facts, "reason": turned.closing.value})


def _log_turned(turned: TurnedWebhook) -> None:
    if turned.turn is Turn.WORKS_AGAIN:
        logger.info("webhook.works_again", extra={"webhook": turned.slug})
        return
    failures = turned.failures
    facts = {
        "failures": failures.count,
        "since": str(failures.since),
        "cause": failures.latest_text,
    }
    logger.error("webhook.failing", extra={"webhook": turned.slug, **facts})


def _facts(result: AttemptResult) -> dict[str, Any]:
    """Return what a log says of an attempt that failed; `tocsin why` and the delivery say the rest."""
    lease = result.lease
    return {
        "delivery": id_text(DELIVERY, lease.delivery_id),
        "incident": lease.incident,
        "attempt": lease.attempt,
        "outcome": result.outcome.value,
        "status": result.status_code,
    }


def _asked(answer: Answer, now: datetime) -> timedelta | None:
    """Return for how long the receiver that failed asks to be left alone, if it does."""
    values = answer.header_values(b"retry-after")
    return parse_retry_after([value.decode("latin-1") for value in values], now=now)


def _read_answer(
    webhook: Webhook, exchange: Exchange, answer: Answer
) -> AskedAction | AnswerDecision | None:
    """Return what a 2xx asks for its incident, if anything. What it says is without secrets."""
    if not answer.outcome.is_delivered or not (webhook.answer_may_act or may_ask(answer.body)):
        return None
    asked = read_answer(
        may_act=webhook.answer_may_act,
        status=answer.status,
        content_types=[each.decode("latin-1") for each in answer.header_values(b"content-type")],
        body=answer.body,
        is_whole=answer.is_whole,
        is_tls=webhook.url[:6].lower() == "https:",
        # A proxy's loopback is another machine's, and clear text on the way to it.
        address=answer.address if answer.is_direct else "",
    )
    if isinstance(asked, AskedAction) and asked.message:
        message = redact(asked.message.encode(), all_secrets(exchange, webhook)).decode()
        return replace(asked, message=masked_links(message))
    return asked


def _withdrawn(lease: Lease, webhook: Webhook | None) -> str:
    """Return why the webhook is not called any more; empty when it is. A test calls a disabled one."""
    if webhook is None:
        return "the webhook was deleted"
    if webhook.disabled_reason is None or lease.is_test:
        return ""
    return f"the webhook is disabled, {webhook.disabled_reason.clause}"
