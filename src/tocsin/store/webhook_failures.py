"""What webhooks failed since their last 2xx: a row each, and none for a webhook that works.

Whoever writes a row has locked the webhook's lane, or the configuration.
"""

from collections.abc import Iterable, Mapping

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from tocsin.domain.webhook_failures import Failures
from tocsin.store import schema
from tocsin.store.database import Tx
from tocsin.store.schema import from_micros, instant_or_none, micros_or_none, to_micros
from tocsin.store.statement import Statement, among, id_list, raw

_F = schema.webhook_failures
_FIND = Statement(sa.select(_F).where(among(_F.c.webhook_id, "webhook_ids")), "webhook_ids")
_COUNTS = ("failures", "failing_since", "gone", "gone_since")
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


def find_failures(tx: Tx, webhook_ids: Iterable[int]) -> dict[int, Failures]:
    """Return the failures of those of the webhooks that have any."""
    return {
        webhook_id: Failures(count, from_micros(since), gone, instant_or_none(gone_since))
        for webhook_id, count, since, gone, gone_since in tx.rows(_FIND, id_list(webhook_ids))
    }


def put_failures(tx: Tx, failures: Mapping[int, Failures]) -> None:
    """Save what webhooks have failed by now."""
    tx.run_many(
        _PUT,
        [
            (id_, each.count, to_micros(each.since), each.gone, micros_or_none(each.gone_since))
            for id_, each in sorted(failures.items())
        ],
    )


def forget_failures(tx: Tx, webhook_ids: Iterable[int]) -> None:
    """Let nothing speak against these webhooks any more."""
    tx.run_many(_FORGET, [(webhook_id,) for webhook_id in sorted(webhook_ids)])
