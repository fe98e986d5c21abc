"""What somebody gets who wants a delivery sent again."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from tocsin.domain.delivery import DeliveryState
from tocsin.domain.send_again import Resending, decide_resending
from tocsin.domain.webhook import DisabledReason, Webhook
from tocsin.secret import Secret

NOW = datetime(2026, 11, 2, 3, tzinfo=UTC)
LATER = NOW + timedelta(microseconds=1)
ENABLED = Webhook(1, "pager", "Pager", "https://pager.example/", Secret("x" * 16))
DISABLED = Webhook(
    *(1, "pager", "Pager", "https://pager.example/", Secret("x" * 16)),
    disabled_at=NOW,
    disabled_reason=DisabledReason.BY_HAND,
)
PENDING, SENDING, DELIVERED, FAILED, CANCELLED = DeliveryState


def decided(
    state: DeliveryState,
    *,
    due_at: datetime | None = None,
    is_test: bool = False,
    is_in_force: bool = True,
    is_follow_up: bool = False,
    webhook: Webhook | None = ENABLED,
    is_paused: bool = False,
) -> Resending:
    return decide_resending(
        state,
        due_at=due_at,
        is_test=is_test,
        is_in_force=is_in_force,
        is_follow_up=is_follow_up,
        webhook=webhook,
        is_paused=is_paused,
        now=NOW,
    )


def test_by_where_it_stands() -> None:
    """The same delivery if it was not delivered, a new one if it was; nothing for one under way."""
    assert decided(FAILED) is Resending.PENDING_AGAIN
    assert decided(DELIVERED) is Resending.NEW_DELIVERY
    assert decided(SENDING) is Resending.UNDER_WAY
    assert decided(PENDING, due_at=LATER) is Resending.BROUGHT_FORWARD
    assert decided(PENDING, due_at=NOW) is Resending.DUE_ALREADY
    assert decided(PENDING, due_at=None) is Resending.IN_LINE


@pytest.mark.parametrize("webhook", [ENABLED, DISABLED, None])
def test_a_stopped_escalation_does_nothing_any_more(webhook: Webhook | None) -> None:
    """Neither what was cancelled with it nor what had failed before; what was delivered is no page of it."""
    assert decided(CANCELLED, webhook=webhook) is Resending.STALE_ESCALATION
    assert decided(FAILED, is_in_force=False, webhook=webhook) is Resending.STALE_ESCALATION
    assert decided(DELIVERED, is_in_force=False) is Resending.NEW_DELIVERY


def test_what_was_told_and_is_not_so_any_more_stays_untold() -> None:
    """For a reason of its own: there was no escalation to be stopped."""
    assert decided(CANCELLED, is_follow_up=True) is Resending.STALE_FOLLOW_UP
    assert decided(FAILED, is_follow_up=True, is_in_force=False) is Resending.STALE_FOLLOW_UP
    assert decided(FAILED, is_follow_up=True) is Resending.PENDING_AGAIN


@pytest.mark.parametrize("state", [PENDING, FAILED, DELIVERED])
def test_a_webhook_that_is_not_called_is_the_reason(state: DeliveryState) -> None:
    """A test calls one that is disabled: so one finds out whether it may be enabled."""
    assert decided(state, due_at=LATER, webhook=None) is Resending.WEBHOOK_DELETED
    assert decided(state, due_at=LATER, webhook=DISABLED) is Resending.WEBHOOK_DISABLED
    assert decided(state, due_at=LATER, webhook=DISABLED, is_test=True).changes
    assert decided(state, webhook=None, is_test=True) is Resending.WEBHOOK_DELETED


@pytest.mark.parametrize("state", [PENDING, FAILED, DELIVERED])
def test_no_test_waits_for_the_end_of_a_pause(state: DeliveryState) -> None:
    """A page does: it is what resuming is for."""
    assert decided(state, is_test=True, is_paused=True) is Resending.NOTHING_IS_SENT
    assert not decided(state, is_paused=True).is_refused
    assert decided(SENDING, is_test=True, is_paused=True) is Resending.UNDER_WAY


def test_everything_is_decided() -> None:
    """What is refused changes nothing, and every result comes about."""
    both = (True, False)
    webhooks = (ENABLED, DISABLED, None)
    cases = product(DeliveryState, (None, NOW, LATER), both, both, both, both, webhooks)
    found = {
        decided(
            state,
            due_at=due_at,
            is_test=test,
            is_in_force=in_force,
            is_follow_up=follow_up,
            is_paused=paused,
            webhook=webhook,
        )
        for state, due_at, test, in_force, follow_up, paused, webhook in cases
    }
    assert found == set(Resending)
    assert not [each for each in found if each.changes and each.is_refused]


def test_the_names_never_change() -> None:
    """They are stored and shown."""
    assert {each.value for each in Resending} == {
        *(
            "pending_again",
            "brought_forward",
            "new_delivery",
            "due_already",
            "in_line",
            "under_way",
        ),
        *(
            "stale_escalation",
            "stale_follow_up",
            "webhook_deleted",
            "webhook_disabled",
            "nothing_is_sent",
        ),
    }


@pytest.mark.parametrize("resending", Resending)
def test_what_it_would_do_can_be_said_beforehand(resending: Resending) -> None:
    """Each in a sentence."""
    assert resending.foresight.endswith(".")
