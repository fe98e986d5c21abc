"""What a request with an Idempotency-Key was answered, so that repeating it changes nothing."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from tocsin.secret import Secret
from tocsin.store import schema_configuration as schema
from tocsin.store.database import Tx
from tocsin.vault import Vault

_I = schema.idempotency


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request. `response` may show a secret that was just made."""

    request_hash: bytes
    status: int
    response: Secret


def lock_key(tx: Tx, *, token_id: int, key: str) -> None:
    """Let a repeat that comes at the same time wait for this transaction. SQLite has one writer."""
    if not tx.is_sqlite:
        lock = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:key, :token_id))")
        tx.core.execute(lock, {"key": key, "token_id": token_id})


def find_answer(tx: Tx, *, token_id: int, key: str, vault: Vault) -> Answer | None:
    """Return what this token's request with this key was answered, if there was one."""
    select = sa.select(_I).where(_I.c.token_id == token_id, _I.c.key == key)
    row = tx.core.execute(select).one_or_none()
    if row is None:
        return None
    return Answer(row.request_hash, row.status, vault.open(row.response))


def keep_answer(
    tx: Tx, answer: Answer, *, token_id: int, key: str, now: datetime, vault: Vault
) -> None:
    """Remember an answer, in the transaction that did what was asked."""
    tx.core.execute(
        _I.insert(),
        {
            "token_id": token_id,
            "key": key,
            "request_hash": answer.request_hash,
            "status": answer.status,
            "response": vault.seal(answer.response),
            "at": now,
        },
    )


def forget_answers(tx: Tx, *, before: datetime) -> int:
    """Forget the answers that are older; return how many."""
    return tx.core.execute(_I.delete().where(_I.c.at < before)).rowcount
