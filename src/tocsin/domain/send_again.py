"""What sending a delivery again means, by where it stands."""

from datetime import datetime
from enum import StrEnum

from tocsin.domain.delivery import DeliveryState
from tocsin.domain.escalation import Stale
from tocsin.domain.webhook import Webhook


class Resending(StrEnum):
    """What comes of the wish to send a delivery again. The values are public and never change."""

    PENDING_AGAIN = "pending_again"
    BROUGHT_FORWARD = "brought_forward"
    NEW_DELIVERY = "new_delivery"
    DUE_ALREADY = "due_already"
    IN_LINE = "in_line"
    UNDER_WAY = "under_way"
    STALE_ESCALATION = Stale.ESCALATION.value
    STALE_FOLLOW_UP = "stale_follow_up"
    WEBHOOK_DELETED = "webhook_deleted"
    WEBHOOK_DISABLED = "webhook_disabled"
    NOTHING_IS_SENT = "nothing_is_sent"

    @property
    def changes(self) -> bool:
        """Whether something is sent that would not be, or not yet."""
        return self in _CHANGING

    @property
    def is_refused(self) -> bool:
        """Whether nothing will be sent."""
        return self in _REFUSED

    @property
    def foresight(self) -> str:
        """What sending again would do, or why it would do nothing, for a person who has not yet."""
        return _FORESIGHT[self]


_CHANGING = frozenset({Resending.PENDING_AGAIN, Resending.BROUGHT_FORWARD, Resending.NEW_DELIVERY})
_REFUSED = frozenset(
    {
        *(Resending.STALE_ESCALATION, Resending.STALE_FOLLOW_UP, Resending.NOTHING_IS_SENT),
        *(Resending.WEBHOOK_DELETED, Resending.WEBHOOK_DISABLED),
    }
)

_FORESIGHT = {
    Resending.PENDING_AGAIN: "It is due at once, under its id: a receiver that has got it can drop it.",
    Resending.BROUGHT_FORWARD: "It waits for its next attempt, which is made now.",
    Resending.NEW_DELIVERY: "It was delivered, so a new delivery is made, which the receiver takes for new.",
    Resending.DUE_ALREADY: "It is due already: nothing would change.",
    Resending.IN_LINE: "It waits for an earlier page of its incident, and stays in line.",
    Resending.UNDER_WAY: "An attempt is under way: nothing would change.",
    Resending.STALE_ESCALATION: (
        "Its escalation was stopped, so it is not sent any more: to page again, reopen or reroute its incident."
    ),
    Resending.STALE_FOLLOW_UP: "What it tells is not so any more, so it is not sent.",
    Resending.WEBHOOK_DELETED: "Its webhook was deleted, so it cannot be sent.",
    Resending.WEBHOOK_DISABLED: "Its webhook is disabled: enable it first.",
    Resending.NOTHING_IS_SENT: "Tocsin is paused, so no test is sent.",
}


def decide_resending(
    state: DeliveryState,
    *,
    due_at: datetime | None,
    is_test: bool,
    is_in_force: bool,
    is_follow_up: bool = False,
    webhook: Webhook | None,
    is_paused: bool,
    now: datetime,
) -> Resending:
    """Return what becomes of a delivery that somebody wants sent again.

    One that failed is pending again, and one that waits is due now, both under their id, so that a
    receiver can drop what it has got already. One that was delivered becomes a new delivery, which it
    must not drop. One that waits for an earlier page of its incident stays in line. Nothing pages for an
    escalation that was stopped, and nothing tells of what is not so any more: `is_in_force` is False for
    such a one. `webhook` is None when it was deleted; a test also calls a disabled one, and does not wait for
    the end of a pause.
    """
    if state is DeliveryState.SENDING:
        return Resending.UNDER_WAY
    if state is DeliveryState.CANCELLED or (state is DeliveryState.FAILED and not is_in_force):
        return Resending.STALE_FOLLOW_UP if is_follow_up else Resending.STALE_ESCALATION
    obstacle = _obstacle(webhook, is_test=is_test, is_paused=is_paused)
    if obstacle is not None:
        return obstacle
    if state is DeliveryState.PENDING:
        return _of_waiting(due_at, now)
    has_failed = state is DeliveryState.FAILED
    return Resending.PENDING_AGAIN if has_failed else Resending.NEW_DELIVERY


def _of_waiting(due_at: datetime | None, now: datetime) -> Resending:
    if due_at is None:
        return Resending.IN_LINE
    return Resending.BROUGHT_FORWARD if due_at > now else Resending.DUE_ALREADY


def _obstacle(webhook: Webhook | None, *, is_test: bool, is_paused: bool) -> Resending | None:
    """Return why the webhook is not called; None when it is."""
    if webhook is None:
        return Resending.WEBHOOK_DELETED
    if is_test:
        return Resending.NOTHING_IS_SENT if is_paused else None
    return None if webhook.disabled_at is None else Resending.WEBHOOK_DISABLED
