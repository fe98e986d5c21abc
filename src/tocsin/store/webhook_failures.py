"""What webhooks failed since their last 2xx: a row each, and none for a webhook that works.

Whoever writes a row has locked the webhook's lane, or the configuration.
"""

from collections.abc import Iterable, Mapping

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from tocsin.domain.breaker import Breaker
from tocsin.domain.outcome import Outcome
from tocsin.domain.webhook_failures import Failures, Told
from tocsin.store import schema
from tocsin.store.database import Tx
from tocsin.store.schema import from_micros, instant_or_none, micros_or_none, to_micros
from tocsin.store.statement import Row, Statement, among, id_list, raw

_F = schema.webhook_failures
_LIST = Statement(sa.select(_F))
_FIND = Statement(sa.select(_F).where(among(_F.c.webhook_id, "webhook_ids")), "webhook_ids")
_LIST_OPEN = Statement(
    sa.select(_F).where(_F.c.breaker_opened_at.is_not(None)).order_by(_F.c.webhook_id)
)
_COUNTS = tuple(column.name for column in _F.columns if not column.primary_key)
_NEW = (
    postgresql.insert(_F).inline().values({column.name: raw(column.name) for column in _F.columns})
)
# Both databases spell it alike.
_PUT = Statement(
    _NEW.on_conflict_do_update(
        index_elements=[_F.c.webhook_id], set_={name: _NEW.excluded[name] for name in _COUNTS}
    ),
    *("webhook_id", *_COUNTS),
)
_FORGET = Statement(_F.delete().where(_F.c.webhook_id == raw("webhook_id")), "webhook_id")
_FORGIVE = Statement(
    _F.update()
    .values(failures=0)
    .where(_F.c.webhook_id == raw("webhook_id"), _F.c.told_as.is_not(None)),
    "webhook_id",
)
_FORGET_UNTOLD = Statement(
    _F.delete().where(_F.c.webhook_id == raw("webhook_id"), _F.c.told_as.is_(None)), "webhook_id"
)


def find_failures(tx: Tx, webhook_ids: Iterable[int]) -> dict[int, Failures]:
    """Return the failures of those of the webhooks that have any."""
    return {row[0]: _failures(row[1:]) for row in tx.rows(_FIND, id_list(webhook_ids))}


def list_failures(tx: Tx) -> dict[int, Failures]:
    """Return the failures of each webhook that has any."""
    return {row[0]: _failures(row[1:]) for row in tx.rows(_LIST)}


def list_open_breakers(tx: Tx) -> dict[int, Failures]:
    """Return the failures of the webhooks whose breaker is open."""
    return {row[0]: _failures(row[1:]) for row in tx.rows(_LIST_OPEN)}


def _failures(row: Row) -> Failures:
    count, since, gone, gone_since, *more = row
    latest_at, latest_outcome, latest_status, told_as, told_key, *of_breaker = more
    opened_at, probes, probe_at = of_breaker
    breaker = None
    if opened_at is not None:
        breaker = Breaker(from_micros(opened_at), probes, from_micros(probe_at))
    return Failures(
        count=count,
        since=from_micros(since),
        gone=gone,
        gone_since=instant_or_none(gone_since),
        latest_at=instant_or_none(latest_at),
        latest_outcome=Outcome(latest_outcome) if latest_outcome else None,
        latest_status=latest_status,
        told=Told(told_as, told_key) if told_as is not None else None,
        breaker=breaker,
    )


def _row(webhook_id: int, failures: Failures) -> Row:
    breaker = failures.breaker
    return (
        webhook_id,
        failures.count,
        to_micros(failures.since),
        failures.gone,
        micros_or_none(failures.gone_since),
        micros_or_none(failures.latest_at),
        failures.latest_outcome.value if failures.latest_outcome else None,
        failures.latest_status,
        *(failures.told or (None, None)),
        *((to_micros(breaker.opened_at), breaker.probes) if breaker else (None, None)),
        to_micros(breaker.probe_at) if breaker else None,
    )


def put_failures(tx: Tx, failures: Mapping[int, Failures]) -> None:
    """Save what webhooks have failed by now."""
    tx.run_many(_PUT, [_row(id_, failures[id_]) for id_ in sorted(failures)])


def forget_failures(tx: Tx, webhook_ids: Iterable[int]) -> None:
    """Let nothing speak against these webhooks any more."""
    tx.run_many(_FORGET, [(webhook_id,) for webhook_id in sorted(webhook_ids)])


def forgive_failures(tx: Tx, webhook_id: int) -> None:
    """Let the failures of a webhook that was changed count no more, but keep what is to be taken back."""
    tx.run(_FORGET_UNTOLD, webhook_id)
    tx.run(_FORGIVE, webhook_id)
