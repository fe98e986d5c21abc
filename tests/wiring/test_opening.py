"""Opening a store: what a start refuses, in one sentence with the fix, and what it leaves on disk."""

import os
import secrets
import stat
from pathlib import Path

import pytest

from tocsin.master_key import MasterKeyMissing
from tocsin.secret import Secret
from tocsin.settings import Settings
from tocsin.store.place import (
    AnotherServer,
    DatabaseNotReached,
    FolderNotWritable,
    NetworkFileSystem,
    prepare_folder,
    sole_server,
)
from tocsin.vault import MasterKeyWrong
from tocsin.wiring.opening import open_store


def settings(home: Path, **more: object) -> Settings:
    url = Secret(f"sqlite:///{home / 'tocsin.db'}")
    return Settings(home=home, database_url=url, **more)  # type: ignore[arg-type]


def opened(home: Path) -> None:
    with open_store(settings(home), random_bytes=secrets.token_bytes):
        pass


def test_everything_is_for_its_owner_alone(tmp_path: Path) -> None:
    """The folder, the database, its log and its key can be read by nobody else, whatever the umask."""
    home = tmp_path / "home"
    before = os.umask(0o000)
    try:
        with open_store(settings(home), random_bytes=secrets.token_bytes):
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in home.iterdir()}
    finally:
        os.umask(before)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert {"tocsin.db", "tocsin.db-wal", "tocsin.db.key"} <= modes.keys()
    assert set(modes.values()) == {0o600}


def test_a_second_server_is_refused_and_told_which_one_is_there(tmp_path: Path) -> None:
    """It names the process, and what to do; when the first ends, the second may start."""
    with open_store(settings(tmp_path), random_bytes=secrets.token_bytes):
        with pytest.raises(AnotherServer, match="TOCSIN_HOME") as refused:
            opened(tmp_path)
        assert refused.value.fields["process"] == str(os.getpid())
    opened(tmp_path)


def test_the_lock_is_free_when_its_holder_is_gone(tmp_path: Path) -> None:
    """A lock file that a killed server left behind holds nobody up."""
    lock = tmp_path / "tocsin.db.lock"
    lock.write_text("4711")
    with sole_server(lock):
        assert lock.read_text() == str(os.getpid())


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
def test_a_network_file_system_is_refused(tmp_path: Path, kind: str) -> None:
    """The most specific mount counts, and the sentence names PostgreSQL."""
    mounts = tmp_path / "mounts"
    mounts.write_text(f"disk / ext4 rw 0 0\nserver:/x {tmp_path}/shared\\040home {kind} rw 0 0\n")
    with pytest.raises(NetworkFileSystem, match="PostgreSQL"):
        prepare_folder(tmp_path / "shared home" / "tocsin", mounts=mounts)
    prepare_folder(tmp_path / "local", mounts=mounts)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """A file where the folder should be, as root too."""
    (tmp_path / "file").touch()
    with pytest.raises(FolderNotWritable, match="TOCSIN_HOME"):
        opened(tmp_path / "file" / "home")


def test_a_lost_master_key_is_a_clear_refusal(tmp_path: Path) -> None:
    """Nothing is made in its place: the secrets could never be opened again."""
    opened(tmp_path)
    (tmp_path / "tocsin.db.key").unlink()
    with pytest.raises(MasterKeyMissing, match="backup"):
        opened(tmp_path)
    assert not (tmp_path / "tocsin.db.key").exists()


def test_another_master_key_is_a_clear_refusal(tmp_path: Path) -> None:
    """At the start, and not at the first page."""
    opened(tmp_path)
    (tmp_path / "tocsin.db.key").write_text("A" * 43 + "=\n")
    with pytest.raises(MasterKeyWrong):
        opened(tmp_path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """And left as it is."""
    file = tmp_path / "tocsin.db"
    file.write_bytes(b"a letter to a friend" * 100)
    file.chmod(0o600)
    with pytest.raises(DatabaseNotReached, match="not a database"):
        opened(tmp_path)
    assert file.read_bytes().startswith(b"a letter")
