"""Leases out, attempts in."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain

from tocsin.actions.answers import act, asks, incidents_asked, with_decision
from tocsin.actions.attempt_result import AttemptResult
from tocsin.actions.escalate import Sending
from tocsin.actions.incident_set import Context, ContextSource
from tocsin.actions.lane_heads import choose_heads
from tocsin.actions.next_in_line import let_next_go, let_none_be_held
from tocsin.actions.reach import look_again_where_all_ended
from tocsin.actions.too_late import skip_late, too_late_before
from tocsin.actions.webhook_failures import (
    DisabledWebhook,
    TurnedBreaker,
    judge_webhooks,
    probe_at_once,
)
from tocsin.actions.webhook_turns import TurnedWebhook
from tocsin.domain.answer_action import AnswerDecision
from tocsin.domain.breaker import LONGEST_HOLD
from tocsin.domain.delivery import DeliveryState, Ending, decide_retry
from tocsin.domain.outcome import Outcome
from tocsin.store.certificates import keep_receiver_certificates
from tocsin.store.changes import lock_configuration
from tocsin.store.database import Tx
from tocsin.store.deliveries import (
    Lease,
    LeftOpen,
    OpenAttempt,
    find_left_open,
    find_open_attempts,
    insert_attempts,
    settle_deliveries,
)
from tocsin.store.escalations import find_watching
from tocsin.store.incidents import find_incidents
from tocsin.store.lane_heads import late_heads, take_heads
from tocsin.store.lanes import (
    claim_due_lanes,
    hold_less,
    release_slots,
    take_slots,
    tighten_lanes,
    wake_lanes,
)
from tocsin.store.leases import note_ended, note_leased, take_forgotten, take_of_dead_runs
from tocsin.store.schema import from_micros, to_micros
from tocsin.store.statement import Row

_MICROSECOND = timedelta(microseconds=1)
_LONGEST_HOLD = LONGEST_HOLD // _MICROSECOND


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a batch of attempts, for counters and logs."""

    delivered: int
    retried: int
    failed: int
    cancelled: int
    stale: int
    disabled: tuple[DisabledWebhook, ...] = ()
    """The webhooks that the engine disabled because of it."""
    breakers: tuple[TurnedBreaker, ...] = ()
    """Those that opened or closed, in order."""
    turned: tuple[TurnedWebhook, ...] = ()
    """Those that fail again and again from now on, or work again."""
    given_up: tuple[AttemptResult, ...] = field(default=(), compare=False)
    """The last attempts of deliveries that failed."""
    new_certificates: int = 0
    """Of receivers that showed another one than before."""
    answers: tuple[AnswerDecision, ...] = ()
    """What came of the answers that asked for something."""


def lease(tx: Tx, context: Context, *, limit: int, sending: Sending) -> list[Lease]:
    """Lease waiting deliveries that are due: those with a free slot, oldest lane first.

    Each is counted as an attempt and on record as being sent before its first byte leaves. One whose
    first attempt would be later than its webhook wants ends without one.
    """
    at, run_id = to_micros(context.now), sending.run_id
    lanes = claim_due_lanes(tx, at, slots=sending.slots, limit=limit)
    if not lanes or sending.room <= 0:
        return []
    (id_,) = context.ids.take(1, context.now)
    chosen = choose_heads(tx, context, lanes, limit=min(limit, sending.room))
    late = late_heads(chosen, too_late_before(context, (lane.webhook_id for lane in lanes)))
    if late:
        skip_late(tx, context, late)
        chosen = [head for head in chosen if head.id not in late]
        # One may have been the probe of an open breaker: another takes its place.
        probe_at_once(tx, {lane.webhook_id for lane in lanes if lane.is_held}, now=context.now)
    leases = take_heads(tx, chosen, lease_id=id_, now=at, run_id=run_id)
    note_leased(tx, id_=id_, run_id=run_id, delivery_ids=[each.delivery_id for each in leases])
    tighten_lanes(tx, (lane.webhook_id for lane in lanes))
    take_slots(tx, (each.webhook_id for each in leases))
    return leases


def record_attempts(
    tx: Tx, results: Sequence[AttemptResult], context_source: ContextSource
) -> Recorded:
    """Write down how attempts ended, and what becomes of their deliveries.

    2xx makes a delivery delivered, also when it was to be cancelled; otherwise one that was to be
    cancelled is, one whose outcome or deadline is final has failed, and any other waits for its
    next attempt. A test has none: whoever asked for it waits for this one. Results whose lease another
    run has taken over change nothing. What they tell about their webhooks is counted, and may disable
    one, or open or close its breaker. An answer that asks for something is carried out behind its own
    delivery, before the next result.
    """
    # Incidents before deliveries, as everywhere, or PostgreSQL would find a deadlock one day.
    asked, failing = incidents_asked(results), _incidents_failing(results)
    if asked or failing:
        find_incidents(tx, asked | failing)
    watching = find_watching(tx, failing) if failing else []
    may_act = bool(asked)
    open_ = find_open_attempts(tx, (result.lease.delivery_id for result in results))
    known = [
        result
        for result in results
        if (found := open_.get(result.lease.delivery_id)) and found.attempt == result.lease.attempt
    ]
    recording = _Recording(tx, context_source)
    for part in _split(known) if may_act else [known]:
        recording.settle(part, open_)
        if may_act:  # what it did may be the end of deliveries that come after it
            open_ = find_open_attempts(tx, (result.lease.delivery_id for result in results))
    if watching:
        look_again_where_all_ended(tx, watching, now=to_micros(context_source(tx).now))
    shown = [result.certificate for result in results if result.certificate is not None]
    if shown:
        keep_receiver_certificates(tx, shown)
    note_ended(tx, (result.lease.id for result in known))
    if any(result.outcome is Outcome.GONE for result in known):
        lock_configuration(tx)  # for the webhook may be disabled; before lanes, as whoever edits it
    release_slots(tx, (result.lease.webhook_id for result in known))
    wake_lanes(tx, recording.waits)
    if recording.holds_end:
        hold_less(tx, recording.holds_end)
    judged = judge_webhooks(tx, known, context_source)
    states = recording.states
    return Recorded(
        delivered=states[DeliveryState.DELIVERED],
        retried=states[DeliveryState.PENDING],
        failed=states[DeliveryState.FAILED],
        cancelled=states[DeliveryState.CANCELLED],
        stale=len(results) - len(known),
        disabled=judged.disabled,
        breakers=judged.breakers,
        turned=judged.turned,
        given_up=tuple(recording.given_up),
        new_certificates=len(shown),
        answers=tuple(recording.answers),
    )


def _incidents_failing(results: Sequence[AttemptResult]) -> set[int]:
    """Return the incidents of deliveries that end here without being delivered."""
    return {
        result.lease.incident
        for result in results
        if result.outcome is not Outcome.DELIVERED
        and result.lease.incident is not None
        and _settle(result, None)[0] is DeliveryState.FAILED
    }


def _split(results: Sequence[AttemptResult]) -> Iterator[Sequence[AttemptResult]]:
    """Split a batch behind each answer that may act."""
    begin = 0
    for end, result in enumerate(results, 1):
        if asks(result) or end == len(results):
            yield results[begin:end]
            begin = end


class _Recording:
    """The part of recording that goes on from result to result."""

    def __init__(self, tx: Tx, context_source: ContextSource) -> None:
        self._tx = tx
        self._context_source = context_source
        self.waits: dict[int, int] = {}
        """When a delivery of each webhook waits, the earliest. Units: microseconds since 1970."""
        self.holds_end: dict[int, int] = {}
        """Until when a breaker may hold it at the most, where that may be earlier than it knows. Likewise."""
        self.states: Counter[DeliveryState] = Counter()
        self.given_up: list[AttemptResult] = []
        self.answers: list[AnswerDecision] = []

    def settle(self, results: Sequence[AttemptResult], open_: Mapping[int, OpenAttempt]) -> None:
        """Write down results, the last of which may act."""
        rows: list[Row] = []
        passed: dict[int, int] = {}
        again: list[int] = []
        for result in results:
            id_, attempt = result.lease.key
            state, due_at, ending = _settle(result, open_[id_].cancel_reason)
            ended_at = None if due_at is not None else result.ended_at
            rows.append((state.value, due_at, ended_at, ending, id_, attempt))
            self.states[state] += 1
            if state is DeliveryState.FAILED:
                self.given_up.append(result)
            if due_at is not None:
                self._wait(result.lease.webhook_id, due_at)
                if due_at >= result.lease.first_attempt_at + result.deadline // _MICROSECOND:
                    self._end_hold(result.lease.webhook_id, due_at)
            if due_at == result.ended_at:  # it is made again at once, and goes first
                again.append(id_)
            else:
                passed[id_] = result.ended_at
            self._tx.news.feed.append(("attempted", result.lease.incident or 0, id_, attempt))
        settle_deliveries(self._tx, rows)
        # On record first: who is next in line, and what an answer does, go by what has left.
        acting = results[-1:] if results and asks(results[-1]) else ()
        self._insert(results[:-1] if acting else results)
        let_none_be_held(self._tx, again)
        for webhook_id, at in let_next_go(self._tx, passed).items():
            self._wait(webhook_id, at)
            self._end_hold(webhook_id, at + _LONGEST_HOLD)
        if acting:
            self._insert(acting)

    def _insert(self, results: Sequence[AttemptResult]) -> None:
        rows = [_attempt_row(each, self._decide(each) if each.answer else None) for each in results]
        insert_attempts(self._tx, rows)

    def _wait(self, webhook_id: int, at: int) -> None:
        self.waits[webhook_id] = min(at, self.waits.get(webhook_id, at))

    def _end_hold(self, webhook_id: int, at: int) -> None:
        self.holds_end[webhook_id] = min(at, self.holds_end.get(webhook_id, at))

    def _decide(self, result: AttemptResult) -> AnswerDecision:
        decision = result.answer
        if not isinstance(decision, AnswerDecision):
            decision = act(self._tx, result, self._context_source, wait=self._wait)
        self.answers.append(decision)
        return decision


def _settle(
    result: AttemptResult, cancel_reason: str | None
) -> tuple[DeliveryState, int | None, str | None]:
    """Return the delivery's state, when it is due again, and why it ended."""
    if result.outcome.is_delivered:
        return DeliveryState.DELIVERED, None, Ending.DELIVERED.value
    if cancel_reason is not None:
        return DeliveryState.CANCELLED, None, cancel_reason
    if result.outcome.is_final or result.lease.is_test:
        ending = Ending.FINAL_OUTCOME if result.outcome.is_final else Ending.ONE_ATTEMPT
        return DeliveryState.FAILED, None, ending.value
    if result.at_once or result.outcome in _MADE_AGAIN_AT_ONCE:
        return DeliveryState.PENDING, result.ended_at, None
    retry = decide_retry(
        attempts=result.lease.attempt - result.lease.attempts_before,
        first_attempt_at=from_micros(result.lease.first_attempt_at),
        started_at=from_micros(result.lease.started_at),
        now=from_micros(result.ended_at),
        spread=result.spread,
        asked=result.asked,
        deadline=result.deadline,
        waits=result.retry_waits,
    )
    if retry is None:
        return DeliveryState.FAILED, None, Ending.DEADLINE.value
    return DeliveryState.PENDING, to_micros(retry.due_at), None


# Nothing speaks against the receiver: Tocsin itself ended, or was about to.
_MADE_AGAIN_AT_ONCE = frozenset(
    {Outcome.UNKNOWN, Outcome.INTERRUPTED, Outcome.OUT_OF_TOUCH, Outcome.CANCELLED}
)


def _attempt_row(result: AttemptResult, decision: AnswerDecision | None) -> Row:
    return (
        result.lease.delivery_id,
        result.lease.attempt,
        result.run_id,
        result.lease.started_at,
        result.first_byte_at,
        result.ended_at,
        result.outcome.value,
        result.status_code,
        result.detail if decision is None else with_decision(result, decision),
        result.head_id,
    )


@dataclass(frozen=True, slots=True)
class TakenOver:
    """What was found of dead runs: how many transactions' leases, and the attempts open in them."""

    leases: int
    attempts: int


def take_over(tx: Tx, now: datetime, *, run_id: int, limit: int) -> TakenOver:
    """Close the attempts that dead runs left open, as `unknown`; their deliveries are due at once.

    Looks at the leases of `limit` transactions at the most: call again while there are as many.
    """
    taken = take_of_dead_runs(tx, run_id=run_id, limit=limit)
    ids = set(chain.from_iterable(each.delivery_ids for each in taken))
    return TakenOver(len(taken), _close_as_unknown(tx, ids, {each.run_id for each in taken}, now))


def take_back(tx: Tx, now: datetime, *, run_id: int, held: Collection[Lease]) -> TakenOver:
    """Close what this run has leased on record without holding it, in the same way.

    So it is when the connection was lost while a lease was committed: it happened, and nobody heard.
    """
    taken = take_forgotten(tx, run_id=run_id, held={each.id for each in held})
    ids = set(chain.from_iterable(each.delivery_ids for each in taken))
    ids -= {each.delivery_id for each in held}
    return TakenOver(len(taken), _close_as_unknown(tx, ids, {run_id}, now))


def _close_as_unknown(
    tx: Tx, delivery_ids: Collection[int], run_ids: Collection[int], now: datetime
) -> int:
    """Close the attempts at these deliveries that these runs left open; return how many there were."""
    at = to_micros(now)
    left = find_left_open(tx, sorted(delivery_ids), run_ids=run_ids)
    insert_attempts(
        tx,
        [
            (
                *(*each.key, each.run_id, each.started_at, None, at, Outcome.UNKNOWN.value),
                *(None, None, None),
            )
            for each in left
        ],
    )
    rows = [_row_of_unknown(each, at) for each in left]
    settle_deliveries(tx, rows)
    for each in left:
        tx.news.feed.append(("attempted", each.incident or 0, *each.key))
    is_due = {each.delivery_id: bool(row[1]) for each, row in zip(left, rows, strict=True)}
    let_none_be_held(tx, [id_ for id_, again in is_due.items() if again])
    released = let_next_go(tx, {id_: at for id_, again in is_due.items() if not again})
    release_slots(tx, (each.webhook_id for each in left))
    wake_lanes(tx, {each.webhook_id: at for each in left if is_due[each.delivery_id]} | released)
    return len(left)


def _row_of_unknown(left: LeftOpen, at: int) -> Row:
    if left.cancel_reason is not None:
        return (DeliveryState.CANCELLED.value, None, at, left.cancel_reason, *left.key)
    if left.incident is None:  # a test, for which nobody waits any more
        return (DeliveryState.FAILED.value, None, at, Ending.ONE_ATTEMPT.value, *left.key)
    return (DeliveryState.PENDING.value, at, None, None, *left.key)
