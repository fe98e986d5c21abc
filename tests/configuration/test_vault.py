"""Secrets lie sealed, and losing the key that opens them is refused with what to do."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.configuration.editing import counting_bytes, new_vault

from tocsin.actions.unlock import unlock
from tocsin.secret import Secret
from tocsin.store.database import Database
from tocsin.store.settings_rows import find_setting, put_setting
from tocsin.vault import (
    MasterKeyExposed,
    MasterKeyMissing,
    MasterKeyWrong,
    Vault,
    make_master_key,
    read_master_key,
    write_master_key,
)

BYTES = counting_bytes()


def open_vault(
    database: Database, file: Path | None = None, master_key: Secret | None = None
) -> Vault:
    with database.write() as tx:
        return unlock(tx, file=file, master_key=master_key, random_bytes=BYTES)


@given(st.text())
def test_what_is_sealed_comes_back_and_is_not_readable(text: str) -> None:
    """Any text, to the last character; sealing it twice gives two texts."""
    vault = new_vault()
    sealed = vault.seal(Secret(text))
    assert vault.open(sealed).reveal() == text
    assert len(text) < 4 or text.encode() not in sealed
    assert vault.seal(Secret(text)) != sealed


def test_opening_again_costs_nothing() -> None:
    """An attempt does not wait for cryptography: the very object comes back."""
    vault = new_vault()
    sealed = vault.seal(Secret("a"))
    assert vault.open(sealed) is vault.open(bytes(sealed))


def test_a_changed_seal_is_refused() -> None:
    """Whoever writes into the database cannot choose a URL."""
    vault = new_vault()
    sealed = vault.seal(Secret("a"))
    with pytest.raises(MasterKeyWrong):
        vault.open(sealed[:-1] + bytes([sealed[-1] ^ 1]))


def test_a_new_master_key_in_front_opens_what_the_old_one_sealed() -> None:
    """A key is changed by adding a line."""
    old, new = make_master_key(BYTES), make_master_key(BYTES)
    sealed = Vault(old).seal(Secret("a"))
    both = Vault(Secret(f"{new.reveal()}\n{old.reveal()}\n"))
    assert both.open(sealed) == Secret("a")
    assert Vault(new).open(both.seal(Secret("b"))) == Secret("b")


@pytest.mark.parametrize("text", ["", "short", "é" * 44, "A" * 44 + " B"])
def test_a_text_that_is_no_master_key_is_refused(text: str) -> None:
    """And not told: it may be most of the real one."""
    with pytest.raises(MasterKeyWrong) as refused:
        Vault(Secret(text))
    assert not text or text not in refused.value.message


def test_the_first_start_makes_a_file_that_only_its_owner_reads(
    database: Database, tmp_path: Path
) -> None:
    """Later starts find it."""
    file = tmp_path / "tocsin.key"
    sealed = open_vault(database, file).seal(Secret("a"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.glob("tocsin.key*")) == [file]
    assert open_vault(database, file).open(sealed) == Secret("a")


def test_a_lost_master_key_is_told_before_anything_is_sealed_anew(
    database: Database, tmp_path: Path
) -> None:
    """No new file is made beside a database that another key sealed."""
    file = tmp_path / "tocsin.key"
    open_vault(database, file)
    file.unlink()
    with pytest.raises(MasterKeyMissing, match=r"tocsin\.key back from a backup"):
        open_vault(database, file)
    assert not file.exists()


def test_without_a_file_the_master_key_must_be_given(database: Database) -> None:
    """PostgreSQL's nodes share it by a setting."""
    with pytest.raises(MasterKeyMissing, match="set TOCSIN_MASTER_KEY"):
        open_vault(database)
    key = make_master_key(BYTES)
    open_vault(database, master_key=key)
    open_vault(database, master_key=key)


def test_another_databases_master_key_is_refused(database: Database, tmp_path: Path) -> None:
    """At once, and not at the first page."""
    file = tmp_path / "tocsin.key"
    open_vault(database, file)
    with pytest.raises(MasterKeyWrong, match="does not open the database's secrets"):
        open_vault(database, file, make_master_key(BYTES))


def test_one_fact_about_the_installation_replaces_only_itself(database: Database) -> None:
    """What proves the master key stays, whatever else is noted beside it."""
    with database.write() as tx:
        put_setting(tx, "first", b"1")
        put_setting(tx, "second", b"1")
        put_setting(tx, "second", b"2")
        assert [find_setting(tx, name) for name in ("first", "second", "third")] == [
            b"1",
            b"2",
            None,
        ]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_master_key_that_others_read_is_refused(tmp_path: Path, mode: int) -> None:
    """With the command that mends it."""
    file = tmp_path / "tocsin.key"
    write_master_key(file, make_master_key(BYTES))
    file.chmod(mode)
    with pytest.raises(MasterKeyExposed, match="chmod 600"):
        read_master_key(file)


def test_a_master_key_is_never_overwritten(tmp_path: Path) -> None:
    """It may be the only thing that opens a database."""
    file = tmp_path / "tocsin.key"
    key = make_master_key(BYTES)
    write_master_key(file, key)
    with pytest.raises(FileExistsError):
        write_master_key(file, make_master_key(BYTES))
    found = read_master_key(file)
    assert found
    assert found.reveal().strip() == key.reveal()
