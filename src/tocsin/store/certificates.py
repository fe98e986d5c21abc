"""Receivers' certificates as they were last seen, and which warnings of an end have been given."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from tocsin.domain.certificate_ending import ReceiverCertificate
from tocsin.store import schema_configuration as schema
from tocsin.store.database import Tx
from tocsin.store.schema import to_micros
from tocsin.store.statement import Row, Statement, insert_new, raw

_C, _W = schema.receiver_certificates, schema.certificate_warnings
_FACTS = tuple(name for name in _C.columns.keys() if name != "webhook_id")  # noqa: SIM118 - its own
_BEGIN = insert_new(_C)
_REPLACE = Statement(
    _C.update()
    .values({name: raw(name) for name in _FACTS})
    .where(_C.c.webhook_id == raw("webhook_id")),
    *(*_FACTS, "webhook_id"),
)
_WARN = insert_new(_W)


def keep_receiver_certificates(tx: Tx, seen: Sequence[ReceiverCertificate]) -> None:
    """Write down what receivers show now, in place of what they showed before."""
    rows = [_row(each) for each in sorted(seen, key=lambda each: each.webhook_id)]
    tx.run_many(_BEGIN, rows)
    tx.run_many(_REPLACE, [(*row[1:], row[0]) for row in rows])


def _row(seen: ReceiverCertificate) -> Row:
    return (
        seen.webhook_id,
        seen.host,
        seen.port,
        seen.fingerprint,
        seen.issuer,
        to_micros(seen.starts_at),
        to_micros(seen.expires_at),
        to_micros(seen.seen_at),
    )


def find_receiver_certificates(tx: Tx) -> dict[int, ReceiverCertificate]:
    """Return what is known of receivers, by the webhook's id."""
    return {
        row["webhook_id"]: ReceiverCertificate(**row)
        for row in tx.core.execute(sa.select(_C)).mappings()
    }


def give_warning(
    tx: Tx, webhook_id: int, fingerprint: str, days: int, *, expires_at: datetime
) -> bool:
    """Note that a warning is given; return whether nobody, on any node, has given it before."""
    return tx.run(_WARN, webhook_id, fingerprint, days, to_micros(expires_at)) == 1


def forget_warnings(tx: Tx, *, expired_before: datetime) -> None:
    """Forget the warnings of certificates that ended long ago."""
    tx.core.execute(_W.delete().where(_W.c.expires_at < expired_before))
