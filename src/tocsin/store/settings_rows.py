"""Facts about the installation itself, by name."""

import sqlalchemy as sa

from tocsin.store import schema_configuration as schema
from tocsin.store.database import Tx
from tocsin.store.statement import Statement, raw

_S = schema.settings

VAULT_PROOF = "vault_proof"
"""A known text, sealed: it shows whether a master key is the one of this database."""


# Compiled, because every tick asks whether the engine is paused.
_FIND = Statement(sa.select(_S.c.value).where(_S.c.name == raw("name")), "name")


def find_setting(tx: Tx, name: str) -> bytes | None:
    rows = tx.rows(_FIND, name)
    return bytes(rows[0][0]) if rows else None


def put_setting(tx: Tx, name: str, value: bytes) -> None:
    """Keep a fact, new or known."""
    tx.core.execute(_S.delete().where(_S.c.name == name))
    tx.core.execute(_S.insert(), {"name": name, "value": value})
