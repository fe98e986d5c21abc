"""Heartbeats: what a job's call, its silence and an outage of our own make of one. A table, and named verdicts.

A job calls every so often. One that did not call within its interval and grace fell silent, and somebody is
told; its next call takes that back. Whoever could not have called, because nobody was there to hear it, is not
blamed: its interval begins again (docs/adr/0022).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final, NamedTuple

from tocsin.domain.duration import format_duration
from tocsin.domain.message_type import MessageType
from tocsin.errors import TocsinError

ENTITY_PREFIX: Final = "heartbeat/"
DEFAULT_GRACE: Final = timedelta(minutes=1)
SHORTEST_EVERY: Final = timedelta(seconds=10)
LONGEST_EVERY: Final = timedelta(days=365)
LONGEST_GRACE: Final = timedelta(days=31)
LONGEST_MESSAGE: Final = 1024
"""Characters of what a call says that are kept."""
FAIL: Final = "fail"
_GOOD: Final = frozenset({"", "ok", "success", "0"})
_LONGEST_STATUS: Final = 64
JUDGED_LATE: Final = timedelta(seconds=10)
"""Who comes to judge later than this was not there when a call was due, and so could not have heard it."""


class Condition(StrEnum):
    """What is known of a job by its calls. Of all but the first somebody was told."""

    WELL = "well"
    FAILED = "failed"
    SILENT = "silent"


class Happening(StrEnum):
    """What can happen to a heartbeat."""

    CALLED = "called"
    REPORTED_FAILURE = "reported_failure"
    FELL_DUE = "fell_due"
    WAS_NOT_HEARD = "was_not_heard"
    """A call was due while nobody could have heard it."""
    UNWATCHED = "unwatched"
    """Somebody paused or removed it."""


class Verdict(StrEnum):
    """What came of it."""

    KEPT = "kept"
    RECOVERED = "recovered"
    JOB_FAILED = "job_failed"
    FAILED_AGAIN = "failed_again"
    FELL_SILENT = "fell_silent"
    SILENT_ALREADY = "silent_already"
    EXCUSED = "excused"
    TAKEN_BACK = "taken_back"
    NOTHING_TO_TAKE_BACK = "nothing_to_take_back"
    NOTED_WHILE_PAUSED = "noted_while_paused"
    NOT_JUDGED = "not_judged"
    """Something is broken; it is judged again in a while."""


class Move(NamedTuple):
    """What a happening leads to, and the type of the alert that tells of it; None: nobody is told."""

    condition: Condition
    verdict: Verdict
    tells: MessageType | None = None


_TELL, _TAKE_BACK = MessageType.CRITICAL, MessageType.RECOVERY
TRANSITIONS: Final[Mapping[Condition, Mapping[Happening, Move]]] = {
    Condition.WELL: {
        Happening.CALLED: Move(Condition.WELL, Verdict.KEPT),
        Happening.REPORTED_FAILURE: Move(Condition.FAILED, Verdict.JOB_FAILED, _TELL),
        Happening.FELL_DUE: Move(Condition.SILENT, Verdict.FELL_SILENT, _TELL),
        Happening.WAS_NOT_HEARD: Move(Condition.WELL, Verdict.EXCUSED),
        Happening.UNWATCHED: Move(Condition.WELL, Verdict.NOTHING_TO_TAKE_BACK),
    },
    Condition.FAILED: {
        Happening.CALLED: Move(Condition.WELL, Verdict.RECOVERED, _TAKE_BACK),
        Happening.REPORTED_FAILURE: Move(Condition.FAILED, Verdict.FAILED_AGAIN, _TELL),
        Happening.FELL_DUE: Move(Condition.SILENT, Verdict.FELL_SILENT, _TELL),
        Happening.WAS_NOT_HEARD: Move(Condition.FAILED, Verdict.EXCUSED),
        Happening.UNWATCHED: Move(Condition.WELL, Verdict.TAKEN_BACK, _TAKE_BACK),
    },
    Condition.SILENT: {
        Happening.CALLED: Move(Condition.WELL, Verdict.RECOVERED, _TAKE_BACK),
        Happening.REPORTED_FAILURE: Move(Condition.FAILED, Verdict.JOB_FAILED, _TELL),
        Happening.FELL_DUE: Move(Condition.SILENT, Verdict.SILENT_ALREADY),
        Happening.WAS_NOT_HEARD: Move(Condition.SILENT, Verdict.SILENT_ALREADY),
        Happening.UNWATCHED: Move(Condition.WELL, Verdict.TAKEN_BACK, _TAKE_BACK),
    },
}


class HeartbeatState(StrEnum):
    """How a heartbeat is, for people."""

    NEVER_CALLED = "never_called"
    ON_TIME = "on_time"
    LATE = "late"
    """Its interval is over, its grace is not."""
    SILENT = "silent"
    FAILED = "failed"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A job that is to call. An empty routing key: the default routing gets its alerts."""

    id: int
    slug: str
    name: str
    every: timedelta
    grace: timedelta
    routing_key: str
    created_at: datetime
    counts_from: datetime
    """From when its interval counts: its last call, its making, a change, or the end of an outage of ours."""
    condition: Condition = Condition.WELL
    changed_at: datetime | None = None
    """Since when its condition is this one; None: since it was made."""
    due_at: datetime | None = None
    """When it is to be judged next; None: its next call is what counts."""
    last_call_at: datetime | None = None
    message: str = ""
    """What its last call said."""
    paused_at: datetime | None = None
    deleted_at: datetime | None = None

    @property
    def entity_id(self) -> str:
        return entity_of(self.slug)

    @property
    def is_watched(self) -> bool:
        return self.paused_at is None and self.deleted_at is None


class Decision(NamedTuple):
    """A heartbeat as it is now, why, and the type of the alert that tells of it."""

    heartbeat: Heartbeat
    verdict: Verdict
    tells: MessageType | None


class InvalidHeartbeat(TocsinError):
    """An interval or a grace that no job can keep to, or that tells too late."""

    code: ClassVar[str] = "invalid_heartbeat"
    status_hint: ClassVar[int] = 422


def check_times(every: timedelta, grace: timedelta) -> None:
    """Raises: InvalidHeartbeat."""
    if not SHORTEST_EVERY <= every <= LONGEST_EVERY or grace > LONGEST_GRACE:
        least, most = format_duration(SHORTEST_EVERY), format_duration(LONGEST_EVERY)
        raise InvalidHeartbeat(
            f"Write an interval of {least} to {most}, and a grace of 0s to {format_duration(LONGEST_GRACE)}",
            every=format_duration(every),
            grace=format_duration(grace),
        )


def entity_of(slug: str) -> str:
    """Return the entity of a heartbeat's incidents."""
    return f"{ENTITY_PREFIX}{slug}"


def parse_status(text: str) -> Happening:
    """Return what a call's `status` says. What is not one of the words for good is a failure, and so is seen.

    `$?` of a shell and `$SERVICE_RESULT` of systemd can be given as they are. Never raises.
    """
    return Happening.CALLED if text.lower() in _GOOD else Happening.REPORTED_FAILURE


def said(status: str, message: str) -> str:
    """Return what a call said in words: its message, and its status if that says more than `fail`."""
    is_plain = status.lower() in _GOOD or status == FAIL
    texts = (message,) if is_plain else (f"status {status[:_LONGEST_STATUS]}", message)
    return ": ".join(text for text in texts if text)[:LONGEST_MESSAGE]


def began(heartbeat: Heartbeat, now: datetime) -> Heartbeat:
    """Return a heartbeat whose interval counts from now; of one that is told of, the next call counts."""
    is_due = heartbeat.is_watched and heartbeat.condition is not Condition.SILENT
    due_at = now + heartbeat.every + heartbeat.grace if is_due else None
    return replace(heartbeat, counts_from=now, due_at=due_at)


def decide_call(
    heartbeat: Heartbeat, happening: Happening, message: str, now: datetime
) -> Decision:
    """Return what a call makes of a heartbeat. A paused one notes it, and nobody is told."""
    called = replace(heartbeat, last_call_at=now, message=message[:LONGEST_MESSAGE])
    if not heartbeat.is_watched:
        return Decision(called, Verdict.NOTED_WHILE_PAUSED, None)
    decision = _move(called, happening, now)
    return decision._replace(heartbeat=began(decision.heartbeat, now))


def decide_due(heartbeat: Heartbeat, now: datetime) -> Decision:
    """Return what becomes of a heartbeat whose `due_at` has come."""
    assert heartbeat.due_at is not None
    if not heartbeat.is_watched:
        decision = _move(heartbeat, Happening.UNWATCHED, now)
    elif now - heartbeat.due_at > JUDGED_LATE:
        return excuse(heartbeat, now)
    else:
        decision = _move(heartbeat, Happening.FELL_DUE, now)
    return decision._replace(heartbeat=replace(decision.heartbeat, due_at=None))


def excuse(heartbeat: Heartbeat, now: datetime) -> Decision:
    """Return a heartbeat that may have called without being heard: its interval begins again."""
    decision = _move(heartbeat, Happening.WAS_NOT_HEARD, now)
    return decision._replace(heartbeat=began(decision.heartbeat, now))


def may_have_called(heartbeat: Heartbeat, deaf_from: datetime | None, now: datetime) -> bool:
    """Return whether a job that is well may have called between two instants, when nobody heard it.

    It calls when its interval is over, give or take its grace. `deaf_from` None: nobody knows since when.
    """
    if heartbeat.due_at is None or not heartbeat.is_watched:
        return False
    expected_from = heartbeat.counts_from + heartbeat.every - heartbeat.grace
    return expected_from <= now and (deaf_from is None or heartbeat.due_at >= deaf_from)


def state_of(heartbeat: Heartbeat, now: datetime) -> HeartbeatState:
    """Return how a heartbeat is."""
    if heartbeat.paused_at is not None:
        return HeartbeatState.PAUSED
    if heartbeat.condition is not Condition.WELL:
        return HeartbeatState(heartbeat.condition.value)
    if heartbeat.last_call_at is None:
        return HeartbeatState.NEVER_CALLED
    is_late = now > heartbeat.counts_from + heartbeat.every
    return HeartbeatState.LATE if is_late else HeartbeatState.ON_TIME


def _move(heartbeat: Heartbeat, happening: Happening, now: datetime) -> Decision:
    move = TRANSITIONS[heartbeat.condition][happening]
    changed_at = heartbeat.changed_at if move.condition is heartbeat.condition else now
    moved = replace(heartbeat, condition=move.condition, changed_at=changed_at)
    return Decision(moved, move.verdict, move.tells)
