"""Doing once what a client asks for twice, because it did not hear the answer."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

from tocsin.errors import TocsinError
from tocsin.secret import Secret
from tocsin.store.database import Tx
from tocsin.store.idempotency import Answer, find_answer, forget_answers, keep_answer, lock_key
from tocsin.vault import Vault

KEPT: Final = timedelta(hours=24)
LONGEST_KEY: Final = 255


class InvalidIdempotencyKey(TocsinError):
    """The header cannot be an idempotency key."""

    code: ClassVar[str] = "invalid_idempotency_key"
    status_hint: ClassVar[int] = 400


class IdempotencyKeyReused(TocsinError):
    """The key came before, with another request."""

    code: ClassVar[str] = "idempotency_key_reused"
    status_hint: ClassVar[int] = 422


@dataclass(frozen=True, slots=True)
class Repeatable:
    """A request that may come again: whose, its key, and what it asks for (method, path and body)."""

    token_id: int
    key: str
    request: bytes


def check_idempotency_key(key: str) -> None:
    """Raises: InvalidIdempotencyKey, unless it is one line of 1 to 255 printable characters."""
    if not 1 <= len(key) <= LONGEST_KEY or not key.isprintable():
        raise InvalidIdempotencyKey(
            f"Write 1 to {LONGEST_KEY} printable characters as Idempotency-Key; a UUID is a good one"
        )


def once(
    tx: Tx,
    repeatable: Repeatable,
    act: Callable[[], tuple[int, str]],
    *,
    now: datetime,
    vault: Vault,
) -> tuple[int, str]:
    """Return the status and the body that `act` gives, or gave the first time within 24 hours.

    A refusal is not remembered: whatever `act` raises rolls the transaction back.
    Raises: InvalidIdempotencyKey, IdempotencyKeyReused.
    """
    check_idempotency_key(repeatable.key)
    # Kept as a hash: some client will send what it has at hand, and that may be a secret.
    token_id, key = repeatable.token_id, hashlib.sha256(repeatable.key.encode()).hexdigest()
    request_hash = hashlib.sha256(repeatable.request).digest()
    lock_key(tx, token_id=token_id, key=key)
    forget_answers(tx, before=now - KEPT)
    known = find_answer(tx, token_id=token_id, key=key, vault=vault)
    if known is None:
        status, response = act()
        answer = Answer(request_hash, status, Secret(response))
        keep_answer(tx, answer, token_id=token_id, key=key, now=now, vault=vault)
        return status, response
    if known.request_hash != request_hash:
        raise IdempotencyKeyReused(
            "This Idempotency-Key came before, with another request; send a new one"
        )
    return known.status, known.response.reveal()
