"""A first start makes a token and an alert key; no start takes another database's token away."""

import secrets
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.databases import drop_databases, new_database, postgresql_url

from tocsin.actions.editor import Editor
from tocsin.actions.invitations import find_invitation
from tocsin.actions.tokens import authenticate, list_tokens
from tocsin.domain.network import DEFAULT_NETWORKS
from tocsin.domain.principal import NotAuthenticated, Scope
from tocsin.domain.user import UserRole
from tocsin.ids import IdSource
from tocsin.master_key import MasterKey, make_master_key
from tocsin.secret import Secret
from tocsin.settings import Settings
from tocsin.wiring.first import AnotherServersToken, FirstStart, set_up
from tocsin.wiring.opening import Store, open_store

__all__ = ["postgresql_url"]  # a fixture

NOW = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)


def start(home: Path, *, database: str = "tocsin.db") -> FirstStart | None:
    settings = Settings(home=home, database_url=Secret(f"sqlite:///{home / database}"))
    with open_store(settings, random_bytes=secrets.token_bytes) as store:
        return _set_up(store, home)


def _set_up(store: Store, home: Path) -> FirstStart | None:
    editor = Editor(
        actor="test",
        now=NOW,
        ids=IdSource(node=1, after=store.newest_id),
        random_bytes=secrets.token_bytes,
        vault=store.vault,
        networks=DEFAULT_NETWORKS,
    )
    with store.database.write() as tx:
        return set_up(tx, editor=editor, home=home)


def names_of(home: Path, token: str) -> str:
    settings = Settings(home=home, database_url=Secret(f"sqlite:///{home / 'tocsin.db'}"))
    opened = open_store(settings, random_bytes=secrets.token_bytes)
    with opened as store, store.database.read() as tx:
        assert [each.name for each in list_tokens(tx) if each.revoked_at is None] == ["local"]
        return str(authenticate(tx, token).name)


def invited_to(home: Path, invitation: Secret) -> UserRole:
    settings = Settings(home=home, database_url=Secret(f"sqlite:///{home / 'tocsin.db'}"))
    opened = open_store(settings, random_bytes=secrets.token_bytes)
    with opened as store, store.database.read() as tx:
        return find_invitation(tx, invitation, now=NOW).role


def test_a_first_start_leaves_a_token_that_works(tmp_path: Path) -> None:
    """In a file for its owner alone; a later start makes nothing."""
    made = start(tmp_path)
    assert made is not None
    assert stat.S_IMODE(made.token_file.stat().st_mode) == 0o600
    assert names_of(tmp_path, made.token_file.read_text().strip()) == "local"
    assert invited_to(tmp_path, made.invitation) is UserRole.ADMINISTRATOR
    before = made.token_file.read_text()
    assert start(tmp_path) is None
    assert made.token_file.read_text() == before


def test_a_lost_token_file_is_made_anew(tmp_path: Path) -> None:
    """With another token: the old one lets nobody in any more."""
    made = start(tmp_path)
    assert made is not None
    old = made.token_file.read_text().strip()
    made.token_file.unlink()
    assert start(tmp_path) is None
    assert names_of(tmp_path, made.token_file.read_text().strip()) == "local"
    with pytest.raises(NotAuthenticated):
        names_of(tmp_path, old)


def test_another_databases_token_is_never_replaced(tmp_path: Path) -> None:
    """A second database in the same home is refused, and the first one's token still works."""
    made = start(tmp_path)
    assert made is not None
    token = made.token_file.read_text().strip()
    with pytest.raises(AnotherServersToken, match="TOCSIN_HOME"):
        start(tmp_path, database="other.db")
    assert names_of(tmp_path, token) == "local"


def test_a_second_node_takes_no_token_away(postgresql_url: str, tmp_path: Path) -> None:
    """On a database that several nodes share each home has a token of its own, and all of them work."""
    url = new_database(postgresql_url, "first")
    made = []
    for name in ("one", "two", "three"):
        home = tmp_path / name
        key = MasterKey(make_master_key(bytes), "the test")
        settings = Settings(home=home, database_url=Secret(url), master_key=key)
        with open_store(settings, random_bytes=secrets.token_bytes) as store:
            made.append(_set_up(store, home))
            token = Secret((home / "admin.token").read_text().strip())
            with store.database.read() as tx:
                assert authenticate(tx, token.reveal()).scope is Scope.ADMINISTER
    assert [each is not None for each in made] == [True, False, False]
    opened = open_store(settings, random_bytes=secrets.token_bytes)
    with opened as store, store.database.read() as tx:
        names = [each.name for each in list_tokens(tx) if each.revoked_at is None]
        for name in ("one", "two"):
            authenticate(tx, (tmp_path / name / "admin.token").read_text().strip())
    assert sorted(names) == ["local", "local-2", "local-3"]
    drop_databases(postgresql_url, "first")
