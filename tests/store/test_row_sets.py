"""Many rows in one statement: what PostgreSQL is given as arrays is what SQLite is given row by row."""

from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql

from tocsin.store import schema
from tocsin.store.arrays import array_writer
from tocsin.store.database import Database
from tocsin.store.statement import Statement, insert, raw

_A = schema.attempts
_INSERT = insert(_A)
_UPDATE = Statement(
    _A.update()
    .values(status_code=raw("status_code"), detail=raw("detail"))
    .where(
        _A.c.delivery_id == raw("id"), _A.c.number == raw("number"), _A.c.ended_at > raw("after")
    ),
    *("status_code", "detail", "id", "number", "after"),
)
_texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
_odd = st.sampled_from(
    ["", "NULL", "null", "{}", '"', "\\", '\\"', "a,b", " a ", "\n\t", "{a}", "é😀"]
)
_few = settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


def _row(id_: int, detail: str | None, status: int | None) -> tuple[Any, ...]:
    return (id_, 1, 7, 10, None, 20, "delivered", status, detail, None)


@_few
@given(details=st.lists(st.none() | _texts | _odd, min_size=1, max_size=8))
def test_rows_go_in_and_change_as_they_are_given(
    database: Database, details: list[str | None]
) -> None:
    """Whatever a text holds, and nothing where there is nothing; only rows that the condition is true of."""
    with database.write() as tx:
        rows = [_row(id_, detail, None) for id_, detail in enumerate(details, 1)]
        assert tx.run_set(_INSERT, rows) == len(rows)
        turned = details[::-1]
        changes = [
            (200 + id_, detail, id_, 1, 19 if id_ % 2 else 20)
            for id_, detail in enumerate(turned, 1)
        ]
        assert tx.run_set(_UPDATE, changes) == (len(rows) + 1) // 2
        select = sa.select(_A.c.delivery_id, _A.c.detail, _A.c.status_code).order_by(
            _A.c.delivery_id
        )
        assert [tuple(row) for row in tx.core.execute(select)] == [
            (id_, new, 200 + id_) if id_ % 2 else (id_, old, None)
            for id_, (old, new) in enumerate(zip(details, turned, strict=True), 1)
        ]
        tx.core.execute(_A.delete())


@_few
@given(
    texts=st.lists(st.none() | _texts | _odd),
    numbers=st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)),
    flags=st.lists(st.none() | st.booleans()),
    bytes_=st.lists(st.none() | st.binary(max_size=20)),
)
def test_an_array_holds_what_was_written_into_it(postgresql_url: str, **columns: list[Any]) -> None:
    """Of each type that a column may have."""
    types: dict[str, sa.types.TypeEngine[Any]] = {
        "texts": sa.Text(),
        "numbers": sa.BigInteger(),
        "flags": sa.Boolean(),
        "bytes_": sa.LargeBinary(),
    }
    for name, values in columns.items():
        array: Any = postgresql.ARRAY(types[name])
        text = array_writer(types[name])(values)
        assert _read_back(postgresql_url, text, array) == values


def _read_back(url: str, text: str, array: Any) -> list[Any]:
    database = Database(url)
    with database.read() as tx:
        found = tx.core.scalars(sa.select(sa.cast(sa.literal(text, sa.Text()), array))).one()
    database.close()
    return [bytes(each) if isinstance(each, memoryview) else each for each in found]


def test_rows_are_found_by_their_keys(postgresql_url: str) -> None:
    """Also while a table is small: the plan is kept, and the table grows."""
    database = Database(postgresql_url)
    with database.write() as tx:
        made = _UPDATE.for_rows
        arrays = made.arrays([(200, "x", id_, 1, 0) for id_ in range(5)])
        plan = tx.core.exec_driver_sql(f"EXPLAIN {made.text}", tuple(arrays)).scalars().all()
    database.close()
    assert not [line for line in plan if "Seq Scan" in line]
    assert [line for line in plan if "Index" in line]


def test_few_rows_are_written_one_by_one(database: Database) -> None:
    """Two cost less so; the count is the same."""
    with database.write() as tx:
        assert tx.run_set(_INSERT, [_row(1, "a", 200), _row(2, "b", 200)]) == 2
        assert tx.run_set(_INSERT, []) == 0
