"""How a webhook is, from what is on record of its attempts."""

import pytest
from tests.actions.desk import Desk

from tocsin.actions.send_test import send_test
from tocsin.actions.webhook_health import (
    GLANCE,
    STRIP,
    WebhookHealth,
    look_at_all,
    look_at_health,
)
from tocsin.domain.delivery import DeliveryState
from tocsin.domain.outcome import Outcome
from tocsin.domain.webhook import Webhook
from tocsin.store.delivery_walk import walk_deliveries

SECOND = 1.0


@pytest.fixture
def ops(desk: Desk) -> Desk:
    """db leads to ops/main: pager, then pager and phone after 5 minutes; web to ops/other: phone."""
    desk.configure(
        {"main": [("0s", ["pager"]), ("5m", ["pager", "phone"])], "other": [("0s", ["phone"])]},
        keys={"db": ["main"], "web": ["other"]},
    )
    return desk


def webhook(desk: Desk, slug: str) -> Webhook:
    with desk.database.read() as tx:
        known = desk.context(tx).configuration.webhooks.values()
    return next(each for each in known if each.slug == slug)


def health(desk: Desk, slug: str = "pager") -> WebhookHealth:
    return desk.read(look_at_health, webhook(desk, slug))


def page(desk: Desk, entity: str, outcome: Outcome, *, key: str = "db", status: int = 200) -> None:
    """Open an incident, and end its page's attempt two seconds after it began."""
    desk.opened(entity, key=key)
    leases = desk.fire().leases
    desk.wait(seconds=2)
    for each in leases:
        desk.record(each, outcome, status=status)


def test_its_latest_attempts_are_shown_with_what_they_took(ops: Desk) -> None:
    """The earliest first, of this webhook alone; what did not answer does not count as quick."""
    page(ops, "a", Outcome.DELIVERED)
    page(ops, "b", Outcome.REJECTED, status=500)
    page(ops, "c", Outcome.DELIVERED, key="web")
    ops.opened("d")
    ops.fire()
    (lease, *_) = ops.lease()
    ops.record(lease, Outcome.CONNECTION_REFUSED)

    found = health(ops)
    assert [(each.outcome, each.status) for each in found.attempts] == [
        (Outcome.DELIVERED, 200),
        (Outcome.REJECTED, 500),
        (Outcome.CONNECTION_REFUSED, None),
    ]
    assert found.took is not None
    assert (found.took.count, found.took.p50.total_seconds()) == (2, 2 * SECOND)
    assert found.last_success == found.attempts[0]
    assert not found.older_unseen


def test_it_says_which_steps_call_it_and_how_much_waits(ops: Desk) -> None:
    """Steps count from 1; a delivery that waits for its retry waits."""
    page(ops, "a", Outcome.REJECTED, status=500)
    found = health(ops)
    assert [(each.policy, each.steps) for each in found.used_by] == [("ops/main", (1, 2))]
    assert found.waiting == 1
    assert {each.policy: each.steps for each in health(ops, "phone").used_by} == {
        "ops/main": (2,),
        "ops/other": (1,),
    }
    assert health(ops, "phone").waiting == 0


def test_a_webhook_that_was_never_called_shows_nothing(ops: Desk) -> None:
    found = health(ops)
    assert (found.attempts, found.took, found.last_success, found.waiting) == ((), None, None, 0)


def test_no_more_than_a_strip_is_shown_and_the_last_success_is_found_before_it(ops: Desk) -> None:
    page(ops, "good", Outcome.DELIVERED)
    target = webhook(ops, "pager")
    for _ in range(STRIP + 1):
        ops.do(send_test, target, actor="token:alice", organisation="o")
        (lease,) = ops.lease()
        ops.record(lease, Outcome.REJECTED, status=500)
        ops.wait(minutes=1)
    found = health(ops)
    assert len(found.attempts) == STRIP
    assert {each.outcome for each in found.attempts} == {Outcome.REJECTED}
    assert found.last_success is not None
    assert found.last_success.outcome is Outcome.DELIVERED

    (glance,) = ops.read(look_at_all, [target])
    assert len(glance.attempts) == GLANCE
    assert glance.attempts == found.attempts[-GLANCE:]


def test_what_nobody_has_tried_hides_no_attempt(ops: Desk) -> None:
    """A webhook that is held back has newer deliveries that wait: its attempts are those before them."""
    page(ops, "a", Outcome.REJECTED, status=500)
    target = webhook(ops, "pager")
    for _ in range(STRIP):
        ops.do(send_test, target, actor="token:alice", organisation="o")
    (glance,) = ops.read(look_at_all, [target])
    for found in (glance, health(ops)):
        assert [each.outcome for each in found.attempts] == [Outcome.REJECTED]
    assert glance.waiting == STRIP + 1


def test_all_at_a_glance_are_those_asked_for(ops: Desk) -> None:
    """Each with its own attempts and policies, also one that nobody has called."""
    page(ops, "a", Outcome.DELIVERED)
    both = [webhook(ops, "pager"), webhook(ops, "phone")]
    pager, phone = ops.read(look_at_all, both)
    assert [each.webhook.slug for each in (pager, phone)] == ["pager", "phone"]
    assert [each.outcome for each in pager.attempts] == [Outcome.DELIVERED]
    assert phone.attempts == ()
    assert not phone.older_unseen
    assert [each.policy for each in phone.used_by] == ["ops/main", "ops/other"]


def test_a_glance_that_was_cut_short_does_not_say_never(ops: Desk) -> None:
    """Who was called before the deliveries that were looked at may have been; of all of them it is known."""
    page(ops, "a", Outcome.DELIVERED, key="web")
    page(ops, "b", Outcome.DELIVERED)
    phone = [webhook(ops, "phone")]
    (cut,) = ops.read(look_at_all, phone, within=1)
    assert (cut.attempts, cut.older_unseen) == ((), True)
    (whole,) = ops.read(look_at_all, phone, within=2)
    assert (len(whole.attempts), whole.older_unseen) == (1, False)


def test_a_walk_goes_only_so_far_and_says_where_it_ended(ops: Desk) -> None:
    """What it has not passed it does not claim to be empty: the next walk goes on there."""
    for entity in "abcde":
        page(ops, entity, Outcome.DELIVERED, key="db" if entity == "a" else "web")
    pager = [webhook(ops, "pager").id]
    first = ops.read(walk_deliveries, webhook_ids=pager, limit=10, within=3)
    assert first.ids == []
    assert first.unseen_below is not None
    second = ops.read(
        walk_deliveries, webhook_ids=pager, limit=10, within=3, before=first.unseen_below
    )
    assert len(second.ids) == 1
    assert second.unseen_below is None


def test_a_walk_finds_what_every_filter_asks_for(ops: Desk) -> None:
    """By state, webhook, incident and test, the latest first, a page at a time."""
    page(ops, "a", Outcome.DELIVERED)
    page(ops, "b", Outcome.GONE, status=410)
    ops.do(send_test, webhook(ops, "pager"), actor="token:alice", organisation="o")
    test, failed, delivered = ops.read(walk_deliveries, limit=10).ids
    assert ops.read(walk_deliveries, limit=10, is_test=True).ids == [test]
    assert ops.read(walk_deliveries, limit=10, is_test=False).ids == [failed, delivered]
    assert ops.read(walk_deliveries, limit=10, is_tried=True).ids == [failed, delivered]
    assert ops.read(walk_deliveries, limit=10, state=DeliveryState.FAILED).ids == [failed]
    assert ops.read(walk_deliveries, limit=10, incident=1).ids == [delivered]
    assert ops.read(walk_deliveries, limit=10, incident=1, before=delivered).ids == []
    assert ops.read(walk_deliveries, limit=10, incident=1, state=DeliveryState.FAILED).ids == []
    page_one = ops.read(walk_deliveries, limit=2)
    assert page_one == ([test, failed], failed)
    assert ops.read(walk_deliveries, limit=2, before=failed) == ([delivered], None)
