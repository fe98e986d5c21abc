"""Migrations bring any database to exactly the tables that the code is written for."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from tests.databases import drop_databases, new_database, until_somebody_waits

from tocsin.actions.deliver import TakenOver, take_over
from tocsin.domain.node import Load
from tocsin.domain.outcome import Outcome
from tocsin.domain.role import ALL_ROLES
from tocsin.domain.webhook_failures import count_attempt
from tocsin.store import postgresql, schema, schema_configuration
from tocsin.store.database import Database, Tx
from tocsin.store.heartbeats import any_heartbeat, next_heartbeat_due
from tocsin.store.lane_heads import list_first
from tocsin.store.migrate import (
    HEAD,
    OLDEST_CODE,
    NewerSchema,
    NotUtf8,
    TablesInUse,
    known_revisions,
    migrate,
    newer_schema,
    schema_version,
)
from tocsin.store.runs import list_living_roles, list_runs
from tocsin.store.schema import from_micros, to_micros
from tocsin.store.settings_rows import put_setting
from tocsin.store.webhook_failures import find_failures, list_failures, list_open_breakers

assert schema_configuration.webhooks.metadata is schema.metadata

NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without a table."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'empty.db'}")
        yield database
        database.close()
        return
    server = request.getfixturevalue("postgresql_url")
    database = Database(new_database(server, "migrated"))
    yield database
    database.close()
    drop_databases(server, "migrated")


def test_migrations_make_the_tables_that_the_code_is_written_for(empty: Database) -> None:
    """Alembic finds no difference between what was made and what is declared."""
    with empty.write() as tx:
        assert schema_version(tx) is None
        assert migrate(tx)
    with empty.write() as tx:
        assert schema_version(tx) == HEAD
        assert compare_metadata(MigrationContext.configure(tx.core), schema.metadata) == []


def test_migrating_twice_changes_nothing(empty: Database) -> None:
    """A start on a database of this version does no work."""
    with empty.write() as tx:
        migrate(tx)
    with empty.write() as tx:
        assert not migrate(tx)


def test_of_nodes_that_start_at_once_one_migrates(empty: Database) -> None:
    """The second waits until the first has committed, and then has nothing to do."""

    def start() -> bool:
        with empty.write() as tx:
            return migrate(tx)

    with ThreadPoolExecutor(1) as threads:
        with empty.write() as tx:
            assert migrate(tx)
            second = threads.submit(start)
            if not empty.is_sqlite:
                until_somebody_waits(empty)
        assert not second.result(timeout=20)


def test_a_webhook_that_was_disabled_was_so_by_hand(empty: Database) -> None:
    """0003 keeps the reason; before, nobody but a person could."""
    with empty.write() as tx:
        migrate(tx, to="0002")
        _insert_webhooks(tx)
    with empty.write() as tx:
        assert migrate(tx)
        rows = tx.core.execute(sa.text("SELECT id, disabled_reason FROM webhooks ORDER BY id"))
        assert [tuple(row) for row in rows] == [(1, "by_hand"), (2, None)]


def _insert_webhooks(tx: Tx) -> None:
    """Make two as the first schema has them, one of them disabled."""
    for id_, disabled_at in ((1, 1_000_000), (2, None)):
        columns = "id, slug, name, url, auth_code, profile, with_summary, with_sender_headers, "
        columns += "with_standard_signature, connect_timeout, total_timeout, deadline, disabled_at"
        values = {"id": id_, "slug": f"w{id_}", "yes": True, "at": disabled_at, "sealed": b"x"}
        tx.core.execute(
            sa.text(
                f"INSERT INTO webhooks ({columns}) VALUES (:id, :slug, :slug, :sealed, :sealed, "
                "'wire', :yes, :yes, :yes, 1, 1, 1, :at)"
            ),
            values,
        )


def test_webhooks_of_before_trust_the_system_and_show_nothing(empty: Database) -> None:
    """0004 gives them no certificates: they are called as they were."""
    with empty.write() as tx:
        migrate(tx, to="0003")
        _insert_webhooks(tx)
    with empty.write() as tx:
        assert migrate(tx)
        columns = "ca_bundle, client_certificate, client_key"
        rows = tx.core.execute(sa.text(f"SELECT {columns} FROM webhooks"))
        assert [tuple(row) for row in rows] == [(None, None, None)] * 2


def test_nobody_was_told_of_changes_before_somebody_could_ask(empty: Database) -> None:
    """0012 lets every webhook there is ask for nothing, and makes a follow-up of no delivery."""
    with empty.write() as tx:
        migrate(tx, to="0011")
        _insert_webhooks(tx)
        tx.core.execute(schema.deliveries.insert(), [_delivery(1, "failed")])
    with empty.write() as tx:
        assert migrate(tx)
        asked = tx.core.scalars(sa.text("SELECT follow_up FROM webhooks"))
        assert list(asked) == ["", ""]
        (delivery,) = tx.core.execute(schema.deliveries.select())
        assert (delivery.follow_up, delivery.cause, delivery.state) == (None, None, "failed")


def test_no_job_was_waited_for_before(empty: Database) -> None:
    """0015 brings heartbeats, and makes none; what was configured is as it was."""
    with empty.write() as tx:
        migrate(tx, to="0014")
        _insert_webhooks(tx)
    with empty.write() as tx:
        assert migrate(tx)
    with empty.read() as tx:
        assert not any_heartbeat(tx)
        assert next_heartbeat_due(tx) is None
        assert list(tx.core.scalars(sa.text("SELECT id FROM webhooks ORDER BY id"))) == [1, 2]


def made_newer(database: Database, *, oldest_code: str | None) -> None:
    """Bring a database to where only a newer version could."""
    with database.write() as tx:
        migrate(tx)
        tx.core.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        if oldest_code:
            put_setting(tx, OLDEST_CODE, oldest_code.encode())


def test_a_database_that_newer_code_needs_is_refused(empty: Database) -> None:
    """A version that could harm it must not even start; it says which is which, and what to do."""
    made_newer(empty, oldest_code="9998")
    with empty.write() as tx, pytest.raises(NewerSchema, match="upgrade this node") as refused:
        migrate(tx)
    assert refused.value.fields == {"database": "9999", "known": HEAD}


@pytest.mark.parametrize("oldest_code", [None, HEAD, "0001"])
def test_a_newer_database_is_used_unless_it_says_no(
    empty: Database, oldest_code: str | None
) -> None:
    """In a rolling upgrade old nodes start and go on beside new ones; the schema is left as it is."""
    made_newer(empty, oldest_code=oldest_code)
    with empty.write() as tx:
        assert not migrate(tx)
        newer = newer_schema(tx)
        assert newer is not None
        assert (newer.revision, newer.refusal) == ("9999", None)


def test_what_this_version_made_is_not_newer(empty: Database) -> None:
    """Every revision that it can make it knows, and HEAD is the last of them."""
    with empty.write() as tx:
        migrate(tx)
        assert newer_schema(tx) is None
    assert max(known_revisions()) == HEAD


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_tables_are_not_made_where_a_character_has_no_place(
    postgresql_url: str, encoding: str
) -> None:
    """It would be found out at the first alert that has one; the refusal says how to make the right one."""
    with closing(Database(new_database(postgresql_url, "odd", encoding=encoding))) as database:
        with pytest.raises(NotUtf8, match=encoding) as refused, database.write() as tx:
            migrate(tx)
        assert "createdb --encoding=UTF8" in str(refused.value)
        with database.read() as tx:
            assert schema_version(tx) is None
    drop_databases(postgresql_url, "odd")


def test_sqlite_tables_are_clustered_as_declared(tmp_path: Path) -> None:
    """WITHOUT ROWID and partial indexes are no difference to Alembic, and all the difference to speed."""
    made, declared = (
        Database(f"sqlite:///{tmp_path / 'a.db'}"),
        Database(f"sqlite:///{tmp_path / 'b.db'}"),
    )
    with made.write() as tx:
        migrate(tx)
    with declared.write() as tx:
        schema.metadata.create_all(tx.core)
    assert _statements(made) == _statements(declared)
    made.close()
    declared.close()


def _statements(database: Database) -> dict[str, str]:
    with database.read() as tx:
        rows = tx.core.exec_driver_sql(
            "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'alembic%' AND sql IS NOT NULL"
        )
        return {name: " ".join(sql.replace(", ", " , ").split()) for name, sql in rows}


@pytest.mark.parametrize("empty", ["postgresql"], indirect=True)
def test_nobody_waits_behind_a_migration_that_waits_for_a_backup(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who reads a table for hours keeps it from being changed, which ends soon and changes nothing."""
    monkeypatch.setattr(postgresql, "LOCK_SECONDS", 0.05)
    with empty.write() as tx:
        migrate(tx, to="0009")
    with empty.read() as backup:
        backup.core.exec_driver_sql("LOCK TABLE webhooks IN ACCESS SHARE MODE")
        with pytest.raises(TablesInUse, match="from revision 0009"), empty.write() as tx:
            migrate(tx)
        with empty.read() as tx:
            assert schema_version(tx) == "0009"
    with empty.write() as tx:
        assert migrate(tx)


def test_what_was_being_sent_before_the_leases_had_a_table_is_found(empty: Database) -> None:
    """A server that died on the first schema leaves attempts open; after the upgrade they are closed."""
    with empty.write() as tx:
        migrate(tx, to="0001")
        tx.core.execute(
            schema.deliveries.insert(), [_delivery(1, "sending"), _delivery(2, "failed")]
        )
    with empty.write() as tx:
        migrate(tx)
    with empty.write() as tx:
        assert take_over(tx, NOW, run_id=8, limit=10) == TakenOver(leases=1, attempts=1)


def _delivery(id_: int, state: str) -> dict[str, Any]:
    return {
        "id": id_,
        "webhook_id": 1,
        "body_id": 1,
        "state": state,
        "planned_at": NOW,
        "created_at": NOW,
        "attempts": 1,
        "attempt_started_at": NOW,
        "run_id": 7,
    }


def test_what_was_sent_before_it_could_be_told_stays_as_it_was(empty: Database) -> None:
    """Of attempts of an older version nobody knows the request, and no delivery was sent again."""
    attempt = {
        "delivery_id": 1,
        "number": 1,
        "run_id": 7,
        "started_at": NOW,
        "ended_at": NOW,
        "outcome": "rejected",
    }
    with empty.write() as tx:
        migrate(tx, to="0003")
        tx.core.execute(schema.deliveries.insert(), [_delivery(1, "failed")])
        tx.core.execute(schema.attempts.insert(), [attempt])
    with empty.write() as tx:
        migrate(tx)
    with empty.read() as tx:
        (delivery,) = tx.core.execute(schema.deliveries.select())
        (told,) = tx.core.execute(schema.attempts.select())
        assert (delivery.attempts_before, delivery.resend_of, told.head_id) == (None, None, None)
        assert (delivery.state, told.outcome) == ("failed", "rejected")


def test_what_failed_before_there_were_breakers_goes_on_being_counted(empty: Database) -> None:
    """0011 opens none; webhooks have the waits that all had, and as many slots as the setting says."""
    with empty.write() as tx:
        migrate(tx, to="0009")
        _insert_webhooks(tx)
        row = "(webhook_id, failures, failing_since, gone) VALUES (1, 7, 1000000, 2)"
        tx.core.exec_driver_sql(f"INSERT INTO webhook_failures {row}")
        tx.core.exec_driver_sql("INSERT INTO lanes (webhook_id, in_flight) VALUES (1, 3)")
        retry = _delivery(1, "pending") | {
            "due_at": NOW,
            "attempt_started_at": None,
            "run_id": None,
        }
        tx.core.execute(schema.deliveries.insert(), [retry, retry | {"id": 2, "attempts": 0}])
    with empty.write() as tx:
        assert migrate(tx)
    with empty.read() as tx:
        (failures,) = find_failures(tx, [1]).values()
        assert (failures.count, failures.gone, failures.breaker) == (7, 2, None)
        assert list_open_breakers(tx) == {}
        (lane,) = tx.core.execute(schema.lanes.select())
        assert (lane.held_until, lane.slots, lane.again_is_next) == (None, None, None)
        rows = tx.core.execute(sa.text("SELECT slots, retry_waits FROM webhooks"))
        assert [tuple(row) for row in rows] == [(None, "2s 5s 15s 30s 1m")] * 2
        assert [each.id for each in list_first(tx, 1, now=to_micros(NOW), limit=9)] == [2]


def test_what_failed_before_that_was_told_is_told_by_its_next_failure(empty: Database) -> None:
    """0010 knows no latest failure of a webhook, and calls none failing; pages and steps are as they were."""
    failures = {"webhook_id": 1, "failures": 7, "failing_since": NOW, "gone": 0}
    with empty.write() as tx:
        migrate(tx, to="0009")
        _insert_webhooks(tx)
        tx.core.execute(schema.webhook_failures.insert(), [failures])
    with empty.write() as tx:
        assert migrate(tx)
        known = list_failures(tx)[1]
        assert (known.count, known.since, known.is_failing, known.told) == (7, NOW, False, None)
        later = count_attempt(known, Outcome.TIMED_OUT, at=NOW + timedelta(minutes=10))
        assert later is not None
        assert later.is_failing
        columns = "skip_if_late, when_failing"
        rows = tx.core.execute(sa.text(f"SELECT {columns} FROM webhooks"))
        assert [tuple(row) for row in rows] == [(None, None)] * 2


def test_of_a_node_that_ran_before_it_could_say_more_its_start_is_known(empty: Database) -> None:
    """Runs of older code have every role, and nobody knows who ended them."""
    values = "(7, 'old', '0.1', 1000000, 1000000)"
    with empty.write() as tx:
        migrate(tx, to="0012")
        columns = "id, node, version, started_at, renewed_at"
        tx.core.exec_driver_sql(f"INSERT INTO runs ({columns}) VALUES {values}")
    with empty.write() as tx:
        assert migrate(tx)
    with empty.read() as tx:
        (run,) = list_runs(tx, ended_since=NOW, limit=9)
        assert (run.node, run.roles, run.ended_by) == ("old", ALL_ROLES, None)
        assert run.load == Load()
        assert list_living_roles(tx, silent_since=from_micros(1_000_000)) == [ALL_ROLES]
