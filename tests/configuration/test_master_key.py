"""The master key's file: complete or absent, for its owner alone, never lost by mistake."""

import stat
from pathlib import Path

import pytest
from tests.configuration.editing import counting_bytes

from tocsin.master_key import (
    MasterKeyExposed,
    MasterKeyUnreadable,
    make_master_key,
    read_master_key,
    replace_master_key,
    write_master_key,
)
from tocsin.secret import Secret

BYTES = counting_bytes()


def test_a_missing_file_is_no_key(tmp_path: Path) -> None:
    """What that means depends on the database."""
    assert read_master_key(tmp_path / "tocsin.key") is None


def test_a_key_is_read_back_with_its_place(tmp_path: Path) -> None:
    """Refusals name the file."""
    file = tmp_path / "tocsin.key"
    made = write_master_key(file, make_master_key(BYTES))
    found = read_master_key(file)
    assert found
    assert found.lines.reveal().split() == [made.lines.reveal()]
    assert found.source == made.source == str(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_master_key_that_others_read_is_refused(tmp_path: Path, mode: int) -> None:
    """With the command that mends it."""
    file = tmp_path / "tocsin.key"
    write_master_key(file, make_master_key(BYTES))
    file.chmod(mode)
    with pytest.raises(MasterKeyExposed, match="chmod 600"):
        read_master_key(file)


def test_a_master_key_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A container makes a folder of a file that it was to mount and did not find."""
    file = tmp_path / "tocsin.key"
    file.mkdir(mode=0o700)
    with pytest.raises(MasterKeyUnreadable, match=r"tocsin\.key cannot be read: Is a directory"):
        read_master_key(file)


def test_a_new_master_key_never_takes_the_place_of_another(tmp_path: Path) -> None:
    """It may be the only thing that opens a database."""
    file = tmp_path / "tocsin.key"
    key = make_master_key(BYTES)
    write_master_key(file, key)
    with pytest.raises(FileExistsError):
        write_master_key(file, make_master_key(BYTES))
    found = read_master_key(file)
    assert found
    assert found.lines.reveal().strip() == key.reveal()


def test_keys_are_replaced_at_once(tmp_path: Path) -> None:
    """Mode 0600, and nothing else is left in the folder, also of a draft that a crash left behind."""
    file = tmp_path / "tocsin.key"
    write_master_key(file, make_master_key(BYTES))
    (tmp_path / "tocsin.key.new").write_text("half a k")
    replace_master_key(file, Secret("one\ntwo\n"))
    assert file.read_text() == "one\ntwo\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]
