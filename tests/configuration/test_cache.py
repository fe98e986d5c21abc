"""The configuration is read once a revision, and never out of date."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from tests.configuration.editing import Alice

from tocsin.domain.alert_key import key_hash
from tocsin.domain.message_type import MessageType
from tocsin.secret import Secret
from tocsin.store.changes import lock_configuration
from tocsin.store.configuration import ConfigurationCache
from tocsin.store.database import Database, Tx

FILE = """\
webhooks: {pager: {url: 'https://pager.example/'}}
teams: {db: {policies: {primary: {steps: [{after: 1m, webhooks: [pager]}]}, empty: {steps: []}}}}
routing_keys: {web: {policies: [db/primary, db/empty], opens_on: [WARNING]}}
alert_keys: {nagios: {key: key-of-nagios}}
"""


@contextmanager
def statements(tx: Tx) -> Iterator[list[str]]:
    """The texts of what is executed through Core meanwhile."""
    seen: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        seen.append(statement)

    sa.event.listen(tx.core, "before_cursor_execute", note)
    yield seen
    sa.event.remove(tx.core, "before_cursor_execute", note)


def test_a_snapshot_holds_what_the_pipelines_need(alice: Alice) -> None:
    """Webhooks and policies by id, routes by key, and the default where a key is unknown."""
    alice.apply(FILE)
    cache = ConfigurationCache(alice.vault)
    with alice.database.read() as tx:
        configuration = cache.current(tx)
        keys = cache.alert_keys(tx)
    (webhook,) = configuration.webhooks.values()
    route = configuration.route("web")
    assert [policy.path for policy in route.policies] == ["db/primary", "db/empty"]
    assert route.opening_types == {MessageType.WARNING}
    assert route.policies[0].current.steps[0].targets[0].webhook_id == webhook.id
    assert route.policies[1].current.steps == ()
    assert not route.is_default
    unknown = configuration.route("other")
    assert (unknown.policies, unknown.is_default) == ((), True)
    assert unknown.opening_types == {MessageType.CRITICAL}
    assert keys[key_hash(Secret("key-of-nagios"))].name == "nagios"


def test_an_unchanged_configuration_is_not_read_again(alice: Alice) -> None:
    """The same object comes back, for one select of the revision."""
    alice.apply(FILE)
    cache = ConfigurationCache(alice.vault)
    with alice.database.read() as tx:
        first = cache.current(tx)
        with statements(tx) as seen:
            assert cache.current(tx) is first
    assert seen == []


def test_a_change_is_seen_by_the_next_transaction(alice: Alice) -> None:
    """Also one made by another process."""
    cache = ConfigurationCache(alice.vault)
    with alice.database.read() as tx:
        empty = cache.current(tx)
    assert (empty.revision, dict(empty.webhooks)) == (0, {})
    alice.apply(FILE)
    with alice.database.read() as tx:
        assert len(cache.current(tx).webhooks) == 1
    alice.apply("alert_keys:\n", prune=True)
    with alice.database.read() as tx:
        assert cache.alert_keys(tx) == {}


class _RolledBackError(Exception):
    pass


def test_a_change_that_was_rolled_back_is_never_seen(alice: Alice) -> None:
    """Not even when the next change comes: a revision is not given twice."""
    from tocsin.actions.teams import create_team
    from tocsin.actions.webhooks import create_webhook

    cache = ConfigurationCache(alice.vault)

    def create_and_fail() -> None:
        with alice.database.write() as tx:
            create_webhook(tx, name="Gone", url="https://gone.example/", editor=alice.editor)
            assert len(cache.current(tx).webhooks) == 1
            raise _RolledBackError

    with pytest.raises(_RolledBackError):
        create_and_fail()
    with alice.database.read() as tx:
        assert dict(cache.current(tx).webhooks) == {}
    alice.does(create_team, name="DB")
    with alice.database.read() as tx:
        assert dict(cache.current(tx).webhooks) == {}


def test_versions_are_read_once_and_kept(alice: Alice) -> None:
    """Also those of a policy that was deleted; one that never was is left out."""
    alice.apply(FILE)
    cache = ConfigurationCache(alice.vault)
    with alice.database.read() as tx:
        ids = [policy.current.id for policy in cache.current(tx).policies.values()]
    alice.apply("routing_keys:\nteams:\n", prune=True)
    with alice.database.read() as tx:
        found = cache.versions(tx, [*ids, 12345])
        with statements(tx) as seen:
            assert cache.versions(tx, ids) == found
    assert (set(found), seen) == (set(ids), [])


def test_of_many_versions_those_used_lately_are_kept(alice: Alice) -> None:
    """Memory is bounded, and what escalations follow all the time stays in it."""
    alice.apply(FILE)
    cache = ConfigurationCache(alice.vault, kept_versions=2)
    with alice.database.read() as tx:
        first = cache.current(tx).route("web").policies[0].current.id
    ids = []
    for minutes in (2, 3):
        alice.apply(FILE.replace("1m", f"{minutes}m"))
        with alice.database.read() as tx:
            ids.append(cache.current(tx).route("web").policies[0].current.id)
    with alice.database.read() as tx:
        for version in (first, ids[0], first, ids[1]):
            cache.versions(tx, [version])
        with statements(tx) as seen:
            cache.versions(tx, [first, ids[1]])
            assert seen == []
            cache.versions(tx, [ids[0]])
            assert len(seen) == 1


def test_a_snapshot_is_of_one_revision(database: Database) -> None:
    """A commit between two selects is either not seen (SQLite) or makes the reader begin again."""
    alice = Alice(database)
    alice.apply(FILE)
    cache = ConfigurationCache(alice.vault)
    with database.read() as tx:
        applied: list[bool] = []

        def interfere(_c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
            if "FROM webhooks" in statement and not applied:
                applied.append(True)
                alice.apply("webhooks: {second: {url: 'https://second.example/'}}")

        sa.event.listen(tx.core, "before_cursor_execute", interfere)
        configuration = cache.current(tx)
        assert cache.current(tx) is configuration
    assert applied
    seen = {webhook.slug for webhook in configuration.webhooks.values()}
    assert seen == ({"pager"} if database.is_sqlite else {"pager", "second"})


def test_editors_on_several_nodes_take_turns(postgresql_url: str) -> None:
    """What one decides by cannot change until it commits."""
    database = Database(postgresql_url)
    is_free = sa.text("SELECT pg_try_advisory_xact_lock(7210001)")
    with database.write() as first:
        lock_configuration(first)
        with database.write() as second:
            assert second.core.execute(is_free).scalar_one() is False
    with database.write() as second:
        assert second.core.execute(is_free).scalar_one() is True
    database.close()
