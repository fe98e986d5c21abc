"""An entity has at most one unresolved incident; the database itself sees to it."""

import pytest
import sqlalchemy as sa
from tests.behaviour.harness import Tocsin

pytestmark = pytest.mark.anyio


async def test_the_database_refuses_a_second_unresolved_incident(tocsin: Tocsin) -> None:
    """A partial unique index: resolved ones do not count."""
    await tocsin.configure({"main": [("5m", ["pager"])]})
    await tocsin.alert()
    with tocsin.another_program() as other:
        other.exec_driver_sql("CREATE TEMP TABLE again AS SELECT * FROM incidents")
        other.exec_driver_sql("UPDATE again SET number = 2")
        with pytest.raises(sa.exc.IntegrityError):
            other.exec_driver_sql("INSERT INTO incidents SELECT * FROM again")
        other.exec_driver_sql("UPDATE again SET status = 'resolved'")
        other.exec_driver_sql("INSERT INTO incidents SELECT * FROM again")


async def test_entity_ids_are_compared_to_the_letter(tocsin: Tocsin) -> None:
    """Case and spaces tell entities apart."""
    await tocsin.configure({"main": [("5m", ["pager"])]})
    for entity in ("disk", "Disk", "disk "):
        await tocsin.alert(entity_id=entity)
    assert len((await tocsin.get("incidents"))["items"]) == 3
