"""Cancelling what of incidents still waits to be sent, because somebody takes care of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from tocsin.actions.next_in_line import let_next_go
from tocsin.domain.escalation import EndReason, Escalation
from tocsin.store.database import Tx
from tocsin.store.deliveries import Unfinished, ask_to_cancel, cancel_deliveries, list_unfinished
from tocsin.store.delivery_line import find_behind, let_wait
from tocsin.store.schema import to_micros


def silence(tx: Tx, reasons: Mapping[int, EndReason], *, now: datetime) -> Counter[int]:
    """Cancel the unfinished deliveries of incidents, each for its reason.

    An attempt under way is the last one; returns how many such there are of each incident. What tells
    that somebody takes care is sent all the same.
    """
    if not reasons:
        return Counter()
    unfinished = [
        each
        for each in list_unfinished(tx, reasons)
        if each.follow_up is None or each.follow_up.is_undone_by(reasons[each.incident])
    ]
    for reason in set(reasons.values()):
        of_reason = [each for each in unfinished if reasons[each.incident] is reason]
        _cancel(tx, of_reason, reason, now=to_micros(now))
    return Counter(each.incident for each in unfinished if each.is_sending)


def silence_escalations(
    tx: Tx, moved: Sequence[Escalation], *, now: datetime
) -> tuple[Counter[tuple[int, int]], dict[int, int]]:
    """Cancel the unfinished deliveries of these escalations; what else there is of their incidents stays.

    Returns how many attempts of each are under way, and since when each webhook has something to send
    that waited for a delivery which is cancelled. Units: microseconds since 1970.
    """
    if not moved:
        return Counter(), {}
    keys = {(each.incident, each.number) for each in moved}
    unfinished = [
        each
        for each in list_unfinished(tx, {incident for incident, _ in keys})
        if (each.incident, each.escalation) in keys
    ]
    at = to_micros(now)
    waiting = {each.delivery_id: each.waits_for for each in unfinished if not each.is_sending}
    _close_ranks(tx, waiting)
    _cancel(tx, unfinished, EndReason.MOVED, now=at)
    under_way = Counter(
        (each.incident, each.escalation or 0) for each in unfinished if each.is_sending
    )
    return under_way, let_next_go(tx, dict.fromkeys(waiting, at))


def _close_ranks(tx: Tx, leaving: Mapping[int, int | None]) -> None:
    """Let who stands behind deliveries that leave their line wait for whom those waited for."""
    if not any(leaving.values()):
        return
    closing = []
    for each in find_behind(tx, leaving):
        ahead: int | None = each.waits_for
        while ahead is not None and ahead in leaving:
            ahead = leaving[ahead]
        if each.id not in leaving and ahead is not None:
            closing.append((each.id, ahead))
    let_wait(tx, closing)


def _cancel(tx: Tx, unfinished: Sequence[Unfinished], reason: EndReason, *, now: int) -> None:
    waiting = [each.delivery_id for each in unfinished if not each.is_sending]
    sending = [each for each in unfinished if each.is_sending]
    cancel_deliveries(tx, waiting, reason=reason.value, now=now)
    ask_to_cancel(tx, [each.delivery_id for each in sending], reason=reason.value)
    tx.news.cancelled += [(each.delivery_id, each.attempts) for each in sending]
