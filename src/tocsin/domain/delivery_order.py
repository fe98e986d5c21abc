"""Order per webhook and incident: a page waits for the one before it, but never for its back-off."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

Receiver = tuple[int, int]
"""An incident and a webhook: whose deliveries arrive in order."""


class Turn(StrEnum):
    """When a new delivery may be sent, given the unfinished one before it."""

    AT_ONCE = "at_once"  # there is none, or it has had its chance
    AFTER_THE_ATTEMPT = "after_the_attempt"  # one is under way, or is about to be
    AFTER_A_HURRIED_ATTEMPT = "after_a_hurried_attempt"  # its retry is brought forward to now


@dataclass(frozen=True, slots=True)
class Earlier:
    """The latest unfinished delivery of an incident to a webhook.

    `due_at` is None while an attempt of it is under way, or while it waits itself; `hurried_at` is when
    the attempt was due that another delivery waited for: it was brought forward, which happens once to a
    page.
    """

    id: int
    due_at: datetime | None
    hurried_at: datetime | None
    is_follow_up: bool = False
    """Then it ends with that attempt, because there is something newer to tell."""


def decide_turn(earlier: Earlier | None, *, now: datetime) -> Turn:
    """Return when a delivery that is made now may be sent.

    It waits for the attempt of the one before that is under way or due; a retry that waits for its time
    is made now, once, and the new one waits for that. Should it fail again, nothing waits for it any more.
    """
    if earlier is None:
        return Turn.AT_ONCE
    if earlier.due_at is None or earlier.due_at <= now:
        return Turn.AFTER_THE_ATTEMPT
    has_had_its_chance = earlier.hurried_at is not None and not earlier.is_follow_up
    return Turn.AT_ONCE if has_had_its_chance else Turn.AFTER_A_HURRIED_ATTEMPT


class Line:
    """Who is the latest in each line, while deliveries are added to it."""

    def __init__(self, earlier: Mapping[Receiver, Earlier]) -> None:
        self._latest = dict(earlier)

    def join(self, id_: int, receiver: Receiver, *, now: datetime) -> tuple[Turn, Earlier | None]:
        """Let a new delivery join; return its turn, and the one before it."""
        earlier = self._latest.get(receiver)
        self._latest[receiver] = Earlier(id_, due_at=None, hurried_at=None)
        return decide_turn(earlier, now=now), earlier

    def leave(self, receiver: Receiver, before: Earlier | None) -> None:
        """Let the latest leave again, which found `before` when it joined."""
        del self._latest[receiver]
        if before is not None:
            self._latest[receiver] = before
