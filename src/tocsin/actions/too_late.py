"""Pages that come too late to be of use: they are not sent, and say so."""

from collections.abc import Iterable, Mapping

from tocsin.actions.incident_set import Context
from tocsin.actions.next_in_line import let_next_go
from tocsin.actions.reach import look_again_where_all_ended
from tocsin.domain.duration import format_duration
from tocsin.domain.timeline import ENGINE, Kind, TimelineEntry
from tocsin.domain.webhook import Webhook
from tocsin.ids import DELIVERY, id_text
from tocsin.store.database import Tx
from tocsin.store.escalations import find_watching
from tocsin.store.late_deliveries import LateDelivery, end_late_deliveries
from tocsin.store.schema import from_micros, to_micros
from tocsin.store.timeline import add_to_timeline


def too_late_before(context: Context, webhook_ids: Iterable[int]) -> Mapping[int, int]:
    """Return before which planned instant a page is too late by now, for those webhooks that mind.

    Units: microseconds since 1970.
    """
    known = context.configuration.webhooks
    return {
        id_: to_micros(context.now - webhook.skip_if_late)
        for id_ in webhook_ids
        if (webhook := known.get(id_)) is not None and webhook.skip_if_late is not None
    }


def skip_late(tx: Tx, context: Context, ids: Iterable[int]) -> None:
    """End deliveries whose first attempt would come too late, and let what waits for that go on."""
    now = to_micros(context.now)
    late = end_late_deliveries(tx, ids, now=now)
    webhooks = context.configuration.webhooks
    add_to_timeline(tx, [late_entry(context, each, webhooks[each.webhook_id]) for each in late])
    let_next_go(tx, dict.fromkeys((each.id for each in late), now))
    # Lanes are locked by now: where an incident is locked by somebody else, the look comes in its time.
    watching = find_watching(tx, {each.incident for each in late}, skip_locked=True)
    look_again_where_all_ended(tx, watching, now=now)


def late_entry(context: Context, late: LateDelivery, webhook: Webhook) -> TimelineEntry:
    """Return the entry that says that a delivery is not sent."""
    assert webhook.skip_if_late is not None
    detail = {
        "escalation": late.escalation,
        "step": late.step,
        "webhook": webhook.slug,
        "reason": "skipped_late",
        "skip_if_late": format_duration(webhook.skip_if_late),
        "delivery": id_text(DELIVERY, late.id),
    }
    (id_,) = context.ids.take(1, context.now)
    return TimelineEntry(
        late.incident,
        id_,
        context.now,
        Kind.TARGET_SKIPPED,
        ENGINE,
        detail,
        from_micros(late.planned_at),
    )
