"""How PostgreSQL plans what is asked of it."""

import pytest

from tocsin.store.database import Database


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_no_statement_is_compiled(database: Database) -> None:
    """It would be with every tick, for 100 ms each: the writer lets the scan of a small table seem dear."""
    for transaction in (database.write, database.read):
        with transaction() as tx:
            assert tx.core.exec_driver_sql("SHOW jit").scalar() == "off"
