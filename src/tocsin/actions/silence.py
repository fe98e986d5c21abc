"""Cancelling what of incidents still waits to be sent, because somebody takes care of them."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from tocsin.domain.escalation import EndReason
from tocsin.store.database import Tx
from tocsin.store.deliveries import ask_to_cancel, cancel_deliveries, list_unfinished
from tocsin.store.schema import to_micros


def silence(tx: Tx, reasons: Mapping[int, EndReason], *, now: datetime) -> Counter[int]:
    """Cancel the unfinished deliveries of incidents, each for its reason.

    An attempt under way is the last one; returns how many such there are of each incident. What tells
    that somebody takes care is sent all the same.
    """
    unfinished = [
        each
        for each in list_unfinished(tx, reasons)
        if each.follow_up is None or each.follow_up.is_undone_by(reasons[each.incident])
    ]
    for reason in set(reasons.values()):
        of_reason = [each for each in unfinished if reasons[each.incident] is reason]
        waiting = [each.delivery_id for each in of_reason if not each.is_sending]
        sending = [each.delivery_id for each in of_reason if each.is_sending]
        cancel_deliveries(tx, waiting, reason=reason.value, now=to_micros(now))
        ask_to_cancel(tx, sending, reason=reason.value)
        tx.news.cancelled += [
            (each.delivery_id, each.attempts) for each in of_reason if each.is_sending
        ]
    return Counter(each.incident for each in unfinished if each.is_sending)
