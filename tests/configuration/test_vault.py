"""What is sealed comes back under its key alone, and says which key that is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.configuration.editing import counting_bytes, new_vault

from tocsin.master_key import make_master_key
from tocsin.secret import Secret
from tocsin.store.database import Database
from tocsin.store.settings_rows import find_setting, put_setting
from tocsin.vault import MARK_BYTES, MasterKeyWrong, SealBroken, Vault, key_name, key_name_of

BYTES = counting_bytes()


@given(st.text())
def test_what_is_sealed_comes_back_and_is_not_readable(text: str) -> None:
    """Any text, to the last character; sealing it twice gives two texts."""
    vault = new_vault()
    sealed = vault.seal(Secret(text))
    assert vault.open(sealed).reveal() == text
    assert len(text) < 4 or text.encode() not in sealed[MARK_BYTES:]
    assert vault.seal(Secret(text)) != sealed


def test_opening_again_costs_nothing() -> None:
    """An attempt does not wait for cryptography: the very object comes back."""
    vault = new_vault()
    sealed = vault.seal(Secret("a"))
    assert vault.open(sealed) is vault.open(bytes(sealed))


@pytest.mark.parametrize("place", [MARK_BYTES, MARK_BYTES + 30, -1])
def test_a_changed_seal_is_refused(place: int) -> None:
    """Whoever writes into the database cannot choose a URL; the refusal does not blame the key."""
    vault = new_vault()
    sealed = bytearray(vault.seal(Secret("a")))
    sealed[place] ^= 1
    with pytest.raises(SealBroken, match="changed in the database"):
        vault.open(bytes(sealed))
    assert not vault.opens(bytes(sealed))


def test_a_seal_cannot_be_passed_off_as_another_keys() -> None:
    """The name in front is not believed: it says only which key to try."""
    old, new = make_master_key(BYTES), make_master_key(BYTES)
    both = Vault(Secret(f"{new.reveal()}\n{old.reveal()}"))
    sealed = Vault(old).seal(Secret("a"))
    with pytest.raises(SealBroken):
        both.open(both.mark + sealed[MARK_BYTES:])


def test_a_new_master_key_in_front_opens_what_the_old_one_sealed() -> None:
    """A key is changed by adding a line."""
    old, new = make_master_key(BYTES), make_master_key(BYTES)
    sealed = Vault(old).seal(Secret("a"))
    both = Vault(Secret(f"{new.reveal()}\n{old.reveal()}\n"))
    assert both.open(sealed) == Secret("a")
    assert Vault(new).open(both.seal(Secret("b"))) == Secret("b")


def test_a_seal_names_its_key_and_gives_nothing_of_it_away() -> None:
    """Which key is missing can be told, without opening anything and without a key."""
    old, new = make_master_key(BYTES), make_master_key(BYTES)
    sealed = Vault(old).seal(Secret("a"))
    name = key_name(old.reveal())
    assert key_name_of(sealed) == name
    assert Vault(new).key_names != Vault(old).key_names == (name,)
    assert name not in old.reveal()
    with pytest.raises(MasterKeyWrong, match=f"the key {name} does"):
        Vault(new).open(sealed)


def test_what_was_sealed_before_seals_had_names_is_opened() -> None:
    """By whichever key does; a wrong one is said to be wrong."""
    old, new = make_master_key(BYTES), make_master_key(BYTES)
    sealed = Vault(old).seal(Secret("a"))[MARK_BYTES:]
    assert key_name_of(sealed) == ""
    assert Vault(Secret(f"{new.reveal()} {old.reveal()}")).open(sealed) == Secret("a")
    with pytest.raises(MasterKeyWrong):
        Vault(new).open(sealed)


def test_other_keys_can_be_taken_on_while_somebody_reads() -> None:
    """What is sealed from then on is under the new one; what was read before can still be opened."""
    old, new = make_master_key(BYTES), make_master_key(BYTES)
    vault = Vault(old)
    sealed = vault.seal(Secret("a"))
    vault.adopt(new)
    assert vault.key_names == (key_name(new.reveal()),)
    assert Vault(new).open(vault.seal(Secret("b"))) == Secret("b")
    assert vault.open(sealed) == Secret("a")
    with pytest.raises(MasterKeyWrong):
        vault.adopt(Secret(""))
    assert vault.key_names == (key_name(new.reveal()),)


@pytest.mark.parametrize("text", ["", " \n", "short", "é" * 44, "A" * 44 + " B"])
def test_a_text_that_is_no_master_key_is_refused(text: str) -> None:
    """And not told: it may be most of the real one."""
    with pytest.raises(MasterKeyWrong) as refused:
        Vault(Secret(text))
    assert not text.strip() or text not in refused.value.message


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
