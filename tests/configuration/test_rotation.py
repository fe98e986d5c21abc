"""Another auth code: pending, then promoted or cancelled; by hand, by file, and at its instant."""

from collections.abc import Iterable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from tests.configuration.editing import BASE, NOW, Alice, effects, in_force, refused
from tests.configuration.test_export import exported

from tocsin.actions import rotation, webhooks
from tocsin.actions.incident_set import Context
from tocsin.domain.auth_code import InvalidAuthCode, PendingAuthCode
from tocsin.domain.rotation import PromotionOutOfBounds, RotationUnderWay
from tocsin.domain.webhook import Webhook
from tocsin.secret import Secret
from tocsin.store import schema
from tocsin.store.configuration import read_configuration
from tocsin.store.schema import to_micros

HOUR = timedelta(hours=1)
OLD, NEW = "0123456789abcdef", "fedcba9876543210"
BRIDGE = "bridge: {url: 'https://bridge.example/', auth_code: 0123456789abcdef}"


@pytest.fixture
def configured(alice: Alice) -> Alice:
    alice.apply(BASE)
    return alice


def with_bridge(**fields: str) -> str:
    """The file, with these fields of the webhook bridge in place of its auth code."""
    written = "".join(f", {name}: {value}" for name, value in fields.items())
    return BASE.replace(BRIDGE, f"bridge: {{url: 'https://bridge.example/'{written}}}")


def bridge(alice: Alice) -> Webhook:
    return in_force(alice).webhooks["bridge"]


def codes(alice: Alice) -> tuple[str, str | None]:
    webhook = bridge(alice)
    pending = webhook.pending.code.reveal() if webhook.pending else None
    return webhook.auth_code.reveal(), pending


def context(alice: Alice, after: timedelta = timedelta()) -> Context:
    with alice.database.read() as tx:
        known = read_configuration(tx, alice.vault, revision=0)
    return Context(known, lambda _tx, _ids: {}, NOW + after, alice.editor.ids)


def promote_due(alice: Alice, known: Context) -> tuple[str, ...]:
    with alice.database.write() as tx:
        return rotation.promote_due(tx, known)


# --- by hand


def test_a_pending_code_stands_beside_the_one_in_force(configured: Alice) -> None:
    """It is made like any other, and nothing else about the webhook changes."""
    before = bridge(configured)
    rotated = configured.does(rotation.rotate_auth_code, "bridge")
    assert rotated == bridge(configured)
    assert rotated.pending.promote_at is None
    assert len(rotated.pending.code.reveal()) == 36
    assert rotated.auth_code == before.auth_code
    change = configured.changes()[0]
    assert (change.action, change.object) == ("webhook.changed", "bridge")
    assert change.secrets == ("pending_auth_code",)


def test_a_code_that_receivers_have_can_be_brought(configured: Alice) -> None:
    """Under the rules of every auth code; the one that is in force is no other."""
    for wrong in ("short", "", OLD):
        with pytest.raises(InvalidAuthCode) as refusal:
            configured.does(rotation.rotate_auth_code, "bridge", auth_code=wrong)
        assert OLD not in refusal.value.message
    configured.does(rotation.rotate_auth_code, "bridge", auth_code=NEW)
    assert codes(configured) == (OLD, NEW)


def test_there_is_one_pending_code_at_a_time(configured: Alice) -> None:
    """A receiver may have it already: it is not replaced by mistake."""
    configured.does(rotation.rotate_auth_code, "bridge", auth_code=NEW)
    with pytest.raises(RotationUnderWay, match="bridge has a pending auth code"):
        configured.does(rotation.rotate_auth_code, "bridge")
    assert codes(configured) == (OLD, NEW)


def test_promoting_puts_the_pending_code_in_force(configured: Alice) -> None:
    """It is written down: in the list of changes, and for whoever watches; a second time nothing happens."""
    configured.does(rotation.rotate_auth_code, "bridge", auth_code=NEW)
    assert configured.does(rotation.promote_auth_code, "bridge").auth_code == Secret(NEW)
    assert codes(configured) == (NEW, None)
    changes = configured.changes()
    assert (changes[0].actor, changes[0].action) == ("alice", "webhook.auth_code_promoted")
    assert changes[0].secrets == ("auth_code", "pending_auth_code")
    assert told(configured) == [("alice", '{"webhook":"bridge"}')]
    configured.does(rotation.promote_auth_code, "bridge")
    assert (codes(configured), configured.changes()) == ((NEW, None), changes)


def told(alice: Alice) -> list[tuple[str, str]]:
    with alice.database.read() as tx:
        timeline = schema.timeline
        select = sa.select(timeline).where(timeline.c.kind == "auth_code_promoted")
        return [(row.actor, row.detail) for row in tx.core.execute(select)]


def test_cancelling_takes_the_pending_code_away(configured: Alice) -> None:
    """The one in force stays; without a pending one nothing happens."""
    configured.does(rotation.rotate_auth_code, "bridge", promote_at=HOUR)
    configured.does(rotation.cancel_rotation, "bridge")
    assert bridge(configured).pending is None
    changes = configured.changes()
    assert changes[0].secrets == ("pending_auth_code",)
    configured.does(rotation.cancel_rotation, "bridge")
    assert configured.changes() == changes


def test_an_immediate_change_leaves_the_pending_code_pending(configured: Alice) -> None:
    """Unless it is to that very code, which is then pending no more."""
    configured.does(rotation.rotate_auth_code, "bridge", auth_code=NEW)
    configured.does(webhooks.update_webhook, "bridge", auth_code="another-auth-code")
    assert codes(configured) == ("another-auth-code", NEW)
    configured.does(webhooks.update_webhook, "bridge", auth_code=NEW)
    assert codes(configured) == (NEW, None)


# --- at an instant


def test_the_engine_promotes_at_the_instant(configured: Alice) -> None:
    """Not a microsecond before, and only that webhook."""
    configured.does(rotation.rotate_auth_code, "bridge", auth_code=NEW, promote_at=HOUR)
    configured.does(rotation.rotate_auth_code, "pager", promote_at=2 * HOUR)
    early = context(configured, HOUR - timedelta(microseconds=1))
    assert early.configuration.next_promotion_at == NOW + HOUR
    assert promote_due(configured, early) == ()
    assert promote_due(configured, context(configured, HOUR)) == ("bridge",)
    assert codes(configured) == (NEW, None)
    assert told(configured) == [("engine", '{"webhook":"bridge"}')]
    assert context(configured).configuration.next_promotion_at == NOW + 2 * HOUR


@pytest.mark.parametrize("meanwhile", ["promoted", "cancelled", "put off"])
def test_what_somebody_did_meanwhile_holds(configured: Alice, meanwhile: str) -> None:
    """Whoever came first, by hand, decided; the engine's view of the configuration was older."""
    configured.does(rotation.rotate_auth_code, "bridge", auth_code=NEW, promote_at=HOUR)
    stale = context(configured, HOUR)
    if meanwhile == "promoted":
        configured.does(rotation.promote_auth_code, "bridge")
    else:
        configured.does(rotation.cancel_rotation, "bridge")
    if meanwhile == "put off":
        configured.does(rotation.rotate_auth_code, "bridge", auth_code=NEW, promote_at=2 * HOUR)
    before = codes(configured)
    assert promote_due(configured, stale) == ()
    assert codes(configured) == before


def test_the_engine_is_woken_for_the_instant(configured: Alice) -> None:
    """It sleeps until something is due, so whoever plans something says so."""
    with configured.database.write() as tx:
        rotation.rotate_auth_code(tx, "bridge", editor=configured.editor, promote_at=HOUR)
        assert tx.news.work_due_at == to_micros(NOW + HOUR)


@pytest.mark.parametrize("at", [timedelta(), -HOUR, timedelta(days=366), NOW, NOW - HOUR])
def test_an_instant_that_cannot_be_meant_is_refused(configured: Alice, at: object) -> None:
    """In the past, or in years."""
    with pytest.raises(PromotionOutOfBounds):
        configured.does(rotation.rotate_auth_code, "bridge", promote_at=at)
    assert bridge(configured).pending is None


# --- by file


def test_a_file_can_rotate(configured: Alice) -> None:
    """Step by step, each applied twice: the second time nothing changes."""
    steps: Iterable[tuple[dict[str, str], tuple[str, str | None]]] = (
        ({"auth_code": OLD, "pending_auth_code": NEW}, (OLD, NEW)),
        ({"auth_code": OLD}, (OLD, NEW)),
        ({}, (OLD, NEW)),
        ({"auth_code": NEW}, (NEW, None)),
    )
    for fields, expected in steps:
        configured.apply(with_bridge(**fields))
        assert codes(configured) == expected
        assert not configured.apply(with_bridge(**fields)).is_changed


def test_a_file_that_was_carried_out_by_time_may_stay_as_it_is(configured: Alice) -> None:
    """Applied again after the promotion, it does not bring the old code back."""
    text = with_bridge(
        auth_code=OLD, pending_auth_code=NEW, promote_at=f"'{(NOW + HOUR).isoformat()}'"
    )
    report = configured.apply(text)
    assert effects(report) == "~ webhook bridge"
    assert bridge(configured).pending == PendingAuthCode(Secret(NEW), NOW + HOUR)
    promote_due(configured, context(configured, HOUR))
    assert not configured.apply(text).is_changed
    assert codes(configured) == (NEW, None)


def test_a_file_makes_a_webhook_with_both(alice: Alice) -> None:
    """As an export of another server does."""
    alice.apply(with_bridge(auth_code=OLD, pending_auth_code=NEW))
    assert codes(alice) == (OLD, NEW)


def test_a_file_says_what_is_wrong_with_a_pending_code(configured: Alice) -> None:
    """And repeats none of it."""
    place = "f:3: webhooks.bridge"
    assert refused(configured, with_bridge(promote_at="2027-01-01T00:00:00Z")) == [
        f"{place}.promote_at: says when pending_auth_code takes over; write that, too"
    ]
    same = refused(configured, with_bridge(auth_code=NEW, pending_auth_code=NEW))
    assert same == [
        f"{place}.pending_auth_code: is the same as auth_code; write another one, or leave it out"
    ]
    for wrong, cure in (("tomorrow", "write it like"), ("2027-01-01T00:00:00", "time zone")):
        (mistake,) = refused(configured, with_bridge(pending_auth_code=NEW, promote_at=wrong))
        assert mistake.startswith(f"{place}.promote_at: ")
        assert cure in mistake
    (mistake,) = refused(configured, with_bridge(pending_auth_code="too-short"))
    assert "too-short" not in mistake


def test_a_pending_code_is_exported_with_the_secrets_alone(configured: Alice) -> None:
    """With its instant; either file changes nothing when it is applied."""
    configured.does(rotation.rotate_auth_code, "bridge", auth_code=NEW, promote_at=HOUR)
    without, with_secrets = (exported(configured, with_secrets=choice) for choice in (False, True))
    assert NEW not in without
    assert "promote_at" not in without
    assert f"pending_auth_code: {NEW}" in with_secrets
    assert "promote_at: '2026-03-01T10:00:00Z'" in with_secrets
    for text in (without, with_secrets):
        assert not configured.apply(text, prune=True).is_changed
