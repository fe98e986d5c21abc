"""A first start makes a token and an alert key; no start takes another database's token away."""

import secrets
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tocsin.actions.editor import Editor
from tocsin.actions.tokens import authenticate, list_tokens
from tocsin.domain.network import DEFAULT_NETWORKS
from tocsin.domain.principal import NotAuthenticated
from tocsin.ids import IdSource
from tocsin.secret import Secret
from tocsin.settings import Settings
from tocsin.wiring.first import AnotherServersToken, FirstStart, set_up
from tocsin.wiring.opening import Store, open_store

NOW = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)


def start(home: Path, *, database: str = "tocsin.db") -> FirstStart | None:
    settings = Settings(home=home, database_url=Secret(f"sqlite:///{home / database}"))
    with open_store(settings, random_bytes=secrets.token_bytes) as store:
        return _set_up(store, home)


def _set_up(store: Store, home: Path) -> FirstStart | None:
    editor = Editor(
        actor="test",
        now=NOW,
        ids=IdSource(node=1),
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


def test_a_first_start_leaves_a_token_that_works(tmp_path: Path) -> None:
    """In a file for its owner alone; a later start makes nothing."""
    made = start(tmp_path)
    assert made is not None
    assert stat.S_IMODE(made.token_file.stat().st_mode) == 0o600
    assert names_of(tmp_path, made.token_file.read_text().strip()) == "local"
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
