"""What is about no incident: tests, alerts that opened nothing, refusals, what the engine told, the feed, counts, answers."""

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from tocsin.domain.timeline import NO_INCIDENT
from tocsin.store import schema
from tocsin.store import schema_configuration as configuration
from tocsin.store.database import Tx
from tocsin.store.fates import day_of
from tocsin.store.retention.deliveries import COLUMNS, OldDelivery, remove_deliveries
from tocsin.store.retention.part import Found, Horizon, Part, Removed, delete_by_id, in_lots

_D, _A, _R = schema.deliveries, schema.alerts, schema.refused_alerts
_T, _F = schema.timeline, schema.feed
_ANSWERS, _C = configuration.idempotency, configuration.alert_fates
# So that the index by incident, escalation and step finds them.
_IS_TEST = sa.and_(_D.c.incident.is_(None), _D.c.escalation.is_(None), _D.c.step.is_(None))
_ROWS_OF_A_TEST = 4  # itself, its body, an attempt or two


# --- tests


def _old_tests(horizon: Horizon) -> sa.Select[Any]:
    return (
        sa.select(*COLUMNS)
        .where(_IS_TEST, _D.c.id < horizon.first_id, _D.c.ended_at < horizon.before)
        .order_by(_D.c.id.desc())  # the newest first: the others may be what they sent once more
    )


def _find_tests(tx: Tx, horizon: Horizon, before: int | None, limit: int) -> Found:
    select = _old_tests(horizon).with_only_columns(_D.c.id).limit(limit)
    if before is not None:
        select = select.where(_D.c.id < before)
    ids = list(tx.core.scalars(select))
    return Found(in_lots(ids, max(1, limit // _ROWS_OF_A_TEST)), _last(ids, limit))


def _remove_tests(tx: Tx, horizon: Horizon, lot: Sequence[int], limit: int) -> Removed:
    lock = _old_tests(horizon).where(_D.c.id.in_(lot)).with_for_update(skip_locked=True)
    found = [OldDelivery(*row) for row in tx.core.execute(lock)]
    going = {each.id for each in found}
    newer = sa.select(_D.c.resend_of).where(_D.c.resend_of.in_(going), _D.c.id.not_in(going))
    sent_once_more = set(tx.core.scalars(newer))
    deliveries = [each for each in found if each.id not in sent_once_more]
    if not deliveries:
        return Removed(0, 0)
    origins = {each.resend_of or each.id for each in deliveries}
    siblings = sa.or_(_D.c.id.in_(origins), _D.c.resend_of.in_(origins))
    gone, rows = remove_deliveries(tx, deliveries, siblings=siblings, limit=limit)
    return Removed(gone, rows, is_done=gone == len(deliveries))


# --- rows that nothing refers to


def _find_alerts(tx: Tx, horizon: Horizon, after: int | None, limit: int) -> Found:
    select = sa.select(_A.c.id, _A.c.incident).where(_A.c.id < horizon.first_id)
    rows = tx.core.execute(_page(select, _A.c.id, after, limit)).all()
    alone = [row.id for row in rows if row.incident is None]
    return Found(in_lots(alone, limit), _last([row.id for row in rows], limit))


def _find_refused(tx: Tx, horizon: Horizon, after: int | None, limit: int) -> Found:
    # An id grows with each request like it, so it is as old as the latest of them.
    select = sa.select(_R.c.id).where(_R.c.id < horizon.first_id)
    ids = list(tx.core.scalars(_page(select, _R.c.id, after, limit)))
    return Found(in_lots(ids, limit), _last(ids, limit))


def _find_feed(tx: Tx, horizon: Horizon, after: int | None, limit: int) -> Found:
    """Up to the first that is young. The newest stays, however old: it tells which ids were given."""
    select = sa.select(_F.c.position, _F.c.at)
    rows = tx.core.execute(_page(select, _F.c.position, after, limit)).all()
    newest = tx.core.scalar(sa.select(sa.func.max(_F.c.position)))
    old = [row.position for row in rows if row.at < horizon.before and row.position != newest]
    return Found(in_lots(old, limit), _last(old, limit))


def _remove_by(column: sa.Column[int]) -> Callable[..., Removed]:
    def remove(tx: Tx, _horizon: Horizon, lot: Sequence[int], _limit: int) -> Removed:
        rows = delete_by_id(tx, column, lot)
        return Removed(rows, rows)

    return remove


def _find_entries(tx: Tx, horizon: Horizon, after: int | None, limit: int) -> Found:
    select = sa.select(_T.c.id).where(_T.c.incident == NO_INCIDENT, _T.c.id < horizon.first_id)
    ids = list(tx.core.scalars(_page(select, _T.c.id, after, limit)))
    return Found(in_lots(ids, limit), _last(ids, limit))


def _remove_entries(tx: Tx, _horizon: Horizon, lot: Sequence[int], _limit: int) -> Removed:
    delete = _T.delete().where(_T.c.incident == NO_INCIDENT, _T.c.id.in_(lot))
    rows = tx.core.execute(delete).rowcount
    return Removed(rows, rows)


def _find_fates(tx: Tx, horizon: Horizon, after: int | None, limit: int) -> Found:
    """The days of which even the last instant is old."""
    select = sa.select(_C.c.day).where(_C.c.day < day_of(horizon.before))
    days = list(tx.core.scalars(_page(select.distinct(), _C.c.day, after, limit)))
    return Found(in_lots(days, limit), _last(days, limit))


# --- answers that were kept for whoever asks twice


def _find_answers(tx: Tx, horizon: Horizon, _after: int | None, _limit: int) -> Found:
    oldest = tx.core.scalar(sa.select(sa.func.min(_ANSWERS.c.at)))
    is_any = oldest is not None and oldest < horizon.answers_before
    return Found([[0]] if is_any else [])


def _remove_answers(tx: Tx, horizon: Horizon, _: Sequence[int], limit: int) -> Removed:
    select = (
        sa.select(_ANSWERS.c.token_id, _ANSWERS.c.key)
        .where(_ANSWERS.c.at < horizon.answers_before)
        .order_by(_ANSWERS.c.at)
        .limit(limit)
    )
    keys = [tuple(row) for row in tx.core.execute(select)]
    if keys:
        key = sa.tuple_(_ANSWERS.c.token_id, _ANSWERS.c.key)
        tx.core.execute(_ANSWERS.delete().where(key.in_(keys)))
    return Removed(len(keys), len(keys), is_done=len(keys) < limit)


# --- alike


def _page(
    select: sa.Select[Any], key: sa.Column[int], after: int | None, limit: int
) -> sa.Select[Any]:
    return select.where(key > (after or 0)).order_by(key).limit(limit)


def _last(ids: Sequence[int], limit: int) -> int | None:
    return ids[-1] if len(ids) == limit else None


TESTS = Part("tests", _find_tests, _remove_tests, is_missed=True)
ALERTS = Part("alerts", _find_alerts, _remove_by(_A.c.id), is_missed=True, never_changes=True)
REFUSED_ALERTS = Part("refused_alerts", _find_refused, _remove_by(_R.c.id), is_missed=True)
ENTRIES = Part("timeline", _find_entries, _remove_entries)
FATES = Part("alert_fates", _find_fates, _remove_by(_C.c.day))
FEED = Part("feed", _find_feed, _remove_by(_F.c.position))
ANSWERS = Part("idempotency", _find_answers, _remove_answers)
