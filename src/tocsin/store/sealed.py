"""Everything that lies sealed, found by the type of its column: which keys it needs, and sealing it anew."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from tocsin.store import schema_configuration as schema
from tocsin.store.database import Tx
from tocsin.store.schema import Sealed
from tocsin.store.settings_rows import VAULT_PROOF
from tocsin.vault import MARK_BYTES, Vault, key_name_of

GONE = b""
"""What stands where something sealed was forgotten that must stand there."""
_OLD, _NEW = "sealed_before", "sealed_anew"


def count_seals(tx: Tx) -> Counter[str]:
    """Return how much lies sealed, by the name of the key that opens it; nothing is opened for it."""
    seals: Counter[str] = Counter()
    for column, which in _places():
        mark = sa.func.substr(column, 1, MARK_BYTES, type_=sa.LargeBinary)
        select = sa.select(mark, sa.func.count()).where(which, _is_full(column)).group_by(mark)
        for begins, count in tx.core.execute(select):
            seals[key_name_of(bytes(begins))] += count
    return seals


def seal_anew(tx: Tx, vault: Vault) -> int:
    """Seal under the first key whatever is under another one; return how much that was.

    Raises: MasterKeyWrong, SealBroken.
    """
    return sum(_seal_anew(tx, vault, column, which) for column, which in _places())


def _seal_anew(tx: Tx, vault: Vault, column: sa.Column[Any], which: sa.ColumnElement[bool]) -> int:
    keys = list(column.table.primary_key.columns)
    mark = sa.func.substr(column, 1, MARK_BYTES, type_=sa.LargeBinary)
    stale = sa.select(*keys, column).where(which, _is_full(column), mark != vault.mark)
    rows = [
        {_key(key): value for key, value in zip(keys, row, strict=False)}
        | {_OLD: row[-1], _NEW: vault.seal(vault.open(row[-1]))}
        for row in tx.core.execute(stale)
    ]
    if rows:
        update = column.table.update().where(
            *(key == sa.bindparam(_key(key)) for key in keys), column == sa.bindparam(_OLD)
        )
        tx.core.execute(update.values({column.name: sa.bindparam(_NEW)}), rows)
        tx.news.has_overwritten = True
    return len(rows)


def forget_unopenable(tx: Tx, vault: Vault) -> None:
    """Leave nothing in the place of what this vault does not open."""
    for column, which in _places():
        keys = list(column.table.primary_key.columns)
        select = sa.select(*keys, column).where(which, _is_full(column))
        rows = [
            {_key(key): value for key, value in zip(keys, row, strict=False)}
            for row in tx.core.execute(select)
            if not vault.opens(row[-1])
        ]
        if rows:
            gone = {column.name: None if column.nullable else GONE}
            chosen = (key == sa.bindparam(_key(key)) for key in keys)
            tx.core.execute(column.table.update().where(*chosen).values(gone), rows)
            tx.news.has_overwritten = True


def count_unopenable(tx: Tx, vault: Vault) -> Counter[str]:
    """Return how much of what is sealed this vault does not open, by the name of the key that would."""
    closed: Counter[str] = Counter()
    for column, which in _places():
        for (sealed,) in tx.core.execute(sa.select(column).where(which, _is_full(column))):
            if not vault.opens(bytes(sealed)):
                closed[key_name_of(bytes(sealed))] += 1
    return closed


def _key(column: sa.Column[Any]) -> str:
    return f"key_{column.name}"


def _is_full(column: sa.Column[Any]) -> sa.ColumnElement[bool]:
    """Nothing is sealed in a null, nor in what a deleted webhook leaves."""
    return sa.func.length(column) > 0


def _places() -> Iterator[tuple[sa.Column[Any], sa.ColumnElement[bool]]]:
    """Yield each column that holds something sealed, and in which of its rows."""
    for table in schema.webhooks.metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, Sealed):
                yield column, sa.true()
    facts = schema.settings
    yield facts.c.value, facts.c.name == VAULT_PROOF
