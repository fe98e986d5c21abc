"""The engine: its parts put together, started in order, and stopped without leaving anything open."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from tocsin.actions.attempt_result import AttemptResult
from tocsin.actions.deliver import Recorded
from tocsin.actions.incident_set import ContextSource
from tocsin.actions.ingest import Receipt
from tocsin.clock import Clock, MeasuredClock, ProcessorShare, Reading
from tocsin.domain.alert import Alert
from tocsin.domain.escalation import Stale
from tocsin.domain.incident import Effect
from tocsin.domain.network import Networks
from tocsin.domain.node import Load
from tocsin.domain.outcome import Outcome
from tocsin.domain.proxy import Proxy
from tocsin.domain.role import ALL_ROLES, Role
from tocsin.domain.watch import Peer
from tocsin.domain.webhook import Webhook
from tocsin.engine.beats import Beats
from tocsin.engine.certificates import Endings
from tocsin.engine.clock_watch import ClockWatch
from tocsin.engine.courier import Courier
from tocsin.engine.diagnoses import Diagnoses
from tocsin.engine.inbox import Inbox
from tocsin.engine.poison import Ward
from tocsin.engine.renewal import Renewal
from tocsin.engine.request import destination_of
from tocsin.engine.runner import Runner
from tocsin.engine.schema_watch import SchemaWatch
from tocsin.engine.tick import Tick
from tocsin.engine.watch import Watch
from tocsin.ids import DELIVERY, id_text
from tocsin.metrics import Metrics
from tocsin.store.database import News
from tocsin.store.migrate import Newer
from tocsin.store.notices import Notice
from tocsin.store.schema import to_micros
from tocsin.store.writer import StoreUnavailable, Writer
from tocsin.transport.inspector import Inspection
from tocsin.transport.sender import Sender

_MICROSECOND = timedelta(microseconds=1)
GRACE_SECONDS = 61.0
"""How long attempts under way may take when the server stops: longer than any webhook may allow."""
LONGEST_CHECK_SECONDS = 15.0
RECORD_SECONDS = 5.0
"""How long a store that fails may keep the server from stopping after that."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What one run of the engine goes by."""

    run_id: int
    node: str
    version: str
    slots: int
    is_shared: bool
    """Whether other nodes may use the store."""
    read_clock: Callable[[], Reading]
    """Asks the clock that counts for the time, which may take a while."""
    read_schema: Callable[[], Newer | None]
    """Looks whether the store is beyond what this version knows; not called where it has it alone."""
    networks: Networks
    proxy: Proxy | None = None
    roles: frozenset[Role] = ALL_ROLES
    peers: Sequence[Peer] = ()
    """The installations that wait for this one's calls."""


class Engine:
    """Inbox, courier and runner around one writer. To be made inside a running loop."""

    def __init__(
        self,
        make_writer: Callable[[Callable[[News], None]], Writer],
        clock: Clock,
        context_source: ContextSource,
        metrics: Metrics,
        settings: EngineSettings,
        *,
        randomness: random.Random,
    ) -> None:
        self._metrics = metrics
        self._clock = clock
        self.writer = make_writer(self._committed)
        self._sender = Sender(networks=settings.networks, proxy=settings.proxy)
        self.ward = Ward(self.writer, clock, context_source, on_poison=metrics.poisoned)
        self.inbox = Inbox(
            self.writer,
            context_source,
            on_batch=self._taken_in,
            on_poison=lambda: metrics.poisoned("ingest"),
        )
        self.beats = Beats(self.writer, clock, context_source, on_deaf=self._go_on_again)
        self._diagnoses = Diagnoses(self._sender.inspector)
        self._endings = Endings(self.writer, clock, context_source)
        self.renewal = Renewal(
            self.writer,
            clock,
            run_id=settings.run_id,
            node=settings.node,
            version=settings.version,
            is_shared=settings.is_shared,
            on_sure=self._go_on_again,
            load=self.load,
            roles=settings.roles,
        )
        self._processor = ProcessorShare()
        measured = clock if isinstance(clock, MeasuredClock) else None
        self._shared_clock = measured if settings.is_shared else None
        self.clock_watch = ClockWatch(
            measured,
            settings.read_clock,
            self.writer,
            is_shared=settings.is_shared,
            on_trusted=self._go_on_again,
        )
        self.schema_watch = SchemaWatch(settings.read_schema)
        self._is_shared = settings.is_shared
        self.courier = Courier(
            self.writer,
            self._sender,
            self._diagnoses,
            clock,
            context_source,
            run_id=settings.run_id,
            may_start=lambda: self.renewal.is_sure,
            randomness=randomness,
            on_batch=self._recorded,
            ward=self.ward,
        )
        self.runner = Runner(
            self.writer,
            clock,
            context_source,
            self.courier,
            endings=self._endings,
            renewal=self.renewal,
            clock_watch=self.clock_watch,
            is_shared=settings.is_shared,
            run_id=settings.run_id,
            slots=settings.slots,
            roles=settings.roles,
            on_tick=self._ticked,
            ward=self.ward,
            beats=self.beats,
        )
        self.watch = Watch(
            *(settings.peers, self.writer, self._sender, clock, context_source),
            node=settings.node,
            version=settings.version,
            proof=self.renewal.prove,
        )
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Close what dead runs left open, then begin to fire and to send."""
        await self.renewal.begin()
        self.clock_watch.begin()
        if self._is_shared:
            self.schema_watch.begin()
        self._running = asyncio.create_task(self.runner.run(), name="tocsin-runner")

    async def stop(self) -> None:
        """Lease nothing more, let attempts under way end, put everything on record if the store works.

        The writer goes on: it belongs to whoever made it.
        """
        self.watch.end()
        self.runner.stop()
        self.clock_watch.end()
        self.schema_watch.end()
        if self._running is not None:
            await self._running
        await self._sender.close(grace_seconds=GRACE_SECONDS)
        await self._diagnoses.close()
        try:
            async with asyncio.timeout(RECORD_SECONDS):
                await self.courier.drain()
                await self.renewal.end()
        except (TimeoutError, StoreUnavailable) as error:
            # What is not on record is closed as unknown by the next start, and sent again.
            unrecorded = self.courier.in_flight
            logger.error(  # noqa: TRY400 - a store that fails is no bug to trace
                "run.not_ended", extra={"unrecorded": unrecorded, "cause": str(error)}
            )

    def load(self) -> Load:
        """Return how busy this node is. For use on any thread."""
        return Load(
            in_flight=self.courier.in_flight,
            waiting=len(self.inbox) + self.writer.waiting + self.courier.unrecorded,
            cpu_percent=self._processor.percent(),
            clock_skew=self._shared_clock.skew() if self._shared_clock else None,
        )

    def count_poisoned(self) -> int:
        """Return how many things wait because they failed alone. For use on any thread."""
        return self.ward.count() + self.courier.held_back

    async def check(self, webhook: Webhook) -> Inspection:
        """Return how far an attempt would come; nothing is sent, and whoever asks does not wait long."""
        limit = webhook.connect_timeout.total_seconds()
        return await self._sender.inspector.check(
            destination_of(webhook),
            connect_seconds=min(limit, LONGEST_CHECK_SECONDS),
            now=self._clock.now(),
        )

    def heard(self, notice: Notice | None) -> None:
        """Take notice of what another node did; None: of what it may have done. Safe from any thread."""
        if notice is None:
            self.runner.wake_at(to_micros(self._clock.now()))
            return
        if notice.cancelled:
            self.courier.cancel(notice.cancelled)
        if notice.due_at is not None:
            self.runner.wake_at(notice.due_at)

    # --- what the parts tell

    def _go_on_again(self) -> None:
        self.runner.wake()

    def _committed(self, news: News) -> None:
        """On the writer's thread, before anybody is answered."""
        self._metrics.group_committed(news.group_size)
        if news.silenced:
            self._metrics.steps_fired((), exhausted=len(news.silenced))
            for number in news.silenced:
                logger.warning("incident.nobody_left", extra={"incident": number})
        if news.hurried:
            self._metrics.steps_hurried(reason for _, reason in news.hurried)
            for number, reason in news.hurried:
                logger.warning("step.hurried", extra={"incident": number, "reason": reason})
        self._count_deliveries(news)
        if news.cancelled:
            self.courier.cancel(news.cancelled)
        if news.work_due_at is not None:
            self.runner.wake_at(news.work_due_at)

    def _count_deliveries(self, news: News) -> None:
        if news.skipped_late:
            self._metrics.skipped_late(len(news.skipped_late))
            self._metrics.deliveries_moved({"failed": len(news.skipped_late)})
            for delivery in news.skipped_late:
                facts = {"delivery": id_text(DELIVERY, delivery)}
                logger.warning("delivery.skipped_late", extra=facts)
        if news.follow_ups:
            self._metrics.follow_ups_made(news.follow_ups)
        if news.withdrawn:
            self._metrics.deliveries_moved({"cancelled": news.withdrawn})

    def _taken_in(self, alerts: Sequence[Alert], receipts: Sequence[Receipt]) -> None:
        self._metrics.alerts_taken_in(
            [
                (alert.message_type.value, receipt.effect.value)
                for alert, receipt in zip(alerts, receipts, strict=True)
            ],
            opened=sum(receipt.effect is Effect.OPENED for receipt in receipts),
            unknown_types=sum(alert.is_unknown_type for alert in alerts),
        )

    def _recorded(self, results: Sequence[AttemptResult], recorded: Recorded) -> None:
        self.runner.has_room_again()
        if recorded.new_certificates:
            self._endings.look_again()
            self.runner.wake()
        outcomes = [result.outcome.value for result in results]
        self._came_too_late(Stale.ESCALATION, outcomes.count(Outcome.CANCELLED.value))
        self._came_too_late(Stale.LEASE, recorded.stale)
        self._metrics.attempts_ended(
            outcomes,
            [
                result.first_byte_at - result.lease.planned_at
                for result in results
                if result.first_byte_at is not None and result.lease.attempt == 1
            ],
        )
        if recorded.answers:
            self._metrics.answers_read(decision.value for decision in recorded.answers)
        self._metrics.deliveries_moved(
            Counter(
                delivered=recorded.delivered,
                pending=recorded.retried,
                failed=recorded.failed,
                cancelled=recorded.cancelled,
            )
        )

    def _ticked(self, tick: Tick) -> None:
        if tick.claimed:
            self._metrics.steps_fired([late // _MICROSECOND for late in tick.lateness])
        if tick.stale:
            facts = {"steps": tick.stale, "reason": Stale.ESCALATION.value}
            logger.warning("steps.stale", extra=facts)
            self._came_too_late(Stale.ESCALATION, tick.stale)

    def _came_too_late(self, reason: Stale, count: int) -> None:
        if count:
            self._metrics.came_too_late(reason.value, count)
