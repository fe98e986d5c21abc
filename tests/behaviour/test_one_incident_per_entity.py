"""An entity has at most one unresolved incident; the database itself sees to it."""

import sqlite3
from contextlib import closing

import pytest
from tests.behaviour.harness import Tocsin

pytestmark = pytest.mark.anyio


async def test_the_database_refuses_a_second_unresolved_incident(tocsin: Tocsin) -> None:
    """A partial unique index: resolved ones do not count."""
    await tocsin.configure({"main": [("5m", ["pager"])]})
    await tocsin.alert()
    with closing(sqlite3.connect(tocsin.database)) as other:
        other.execute("CREATE TEMP TABLE again AS SELECT * FROM incidents")
        other.execute("UPDATE again SET number = 2")
        with pytest.raises(sqlite3.IntegrityError):
            other.execute("INSERT INTO incidents SELECT * FROM again")
        other.execute("UPDATE again SET status = 'resolved'")
        other.execute("INSERT INTO incidents SELECT * FROM again")
        other.rollback()


async def test_entity_ids_are_compared_to_the_letter(tocsin: Tocsin) -> None:
    """Case and spaces tell entities apart."""
    await tocsin.configure({"main": [("5m", ["pager"])]})
    for entity in ("disk", "Disk", "disk "):
        await tocsin.alert(entity_id=entity)
    assert len((await tocsin.get("incidents"))["items"]) == 3
