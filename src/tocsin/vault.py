"""Sealing: URLs and auth codes lie encrypted in the database, under a key that does not lie in it.

The master key is a text of one or more Fernet keys, one a line: the first one seals, all of them
open, so that a key is changed by putting a new one in front. It comes from a setting, or from a file
that only its owner can read, beside the database.
"""

import base64
import hashlib
import hmac
import os
import stat
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from tocsin.errors import TocsinError
from tocsin.secret import Secret

_KEY_BYTES = 32
_OWNER_ONLY = 0o600
_KEPT_OPEN = 4096


class MasterKeyMissing(TocsinError):
    """The database holds sealed secrets, and the key that opens them is not there."""

    code: ClassVar[str] = "master_key_missing"
    status_hint: ClassVar[int] = 500


class MasterKeyWrong(TocsinError):
    """The master key is another one than the secrets were sealed with, or none at all."""

    code: ClassVar[str] = "master_key_wrong"
    status_hint: ClassVar[int] = 500


class MasterKeyExposed(TocsinError):
    """Others than its owner can read the master key's file."""

    code: ClassVar[str] = "master_key_exposed"
    status_hint: ClassVar[int] = 500


class Vault:
    """Seals and opens secrets. Safe to share between threads."""

    def __init__(self, master_key: Secret) -> None:
        """Raises: MasterKeyWrong, if the text holds no Fernet keys."""
        lines = master_key.reveal().split()
        self._lines = tuple(line.encode() for line in lines)
        try:
            self._fernet = MultiFernet([Fernet(line) for line in lines])
        except ValueError:
            raise MasterKeyWrong(
                "The master key (TOCSIN_MASTER_KEY, or its file) must be one or more lines of 44 "
                "characters, as it was made; restore it from a backup"
            ) from None
        # A page must not wait for 30 us of cryptography each time.
        self._open = lru_cache(maxsize=_KEPT_OPEN)(self._open_slowly)

    def keys_for(self, purpose: str) -> tuple[bytes, ...]:
        """Return a key of 32 bytes made of each master key, the newest first, for one purpose only."""
        return tuple(hmac.digest(line, purpose.encode(), hashlib.sha256) for line in self._lines)

    def seal(self, secret: Secret) -> bytes:
        """Return what may lie in a database. It differs each time."""
        return self._fernet.encrypt(secret.reveal().encode(errors="surrogatepass"))

    def open(self, sealed: bytes) -> Secret:
        """Return what was sealed; remembered, so that opening it again costs nothing.

        Raises: MasterKeyWrong.
        """
        return self._open(sealed)

    def _open_slowly(self, sealed: bytes) -> Secret:
        try:
            return Secret(self._fernet.decrypt(sealed).decode(errors="surrogatepass"))
        except InvalidToken:
            raise MasterKeyWrong(
                "This master key does not open the database's secrets; give the one that belongs "
                "to this database: its .key file, or TOCSIN_MASTER_KEY"
            ) from None


def make_master_key(random_bytes: Callable[[int], bytes]) -> Secret:
    """Return a new master key of one line."""
    return Secret(base64.urlsafe_b64encode(random_bytes(_KEY_BYTES)).decode())


def read_master_key(file: Path) -> Secret | None:
    """Return the master key that a file holds; None if there is no such file.

    Raises: MasterKeyExposed, if the file's mode lets others read it.
    """
    try:
        with file.open(encoding="ascii", errors="replace") as opened:
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            if mode & 0o077:
                raise MasterKeyExposed(
                    f"Others can read the master key: run chmod 600 {file}", file=str(file)
                )
            return Secret(opened.read())
    except FileNotFoundError:
        return None


def write_master_key(file: Path, master_key: Secret) -> None:
    """Keep a new master key in a file of mode 0600, on disk before this returns.

    Raises: FileExistsError, rather than replacing a key that may still be needed.
    """
    # Complete or absent: a key that a crash cut short would lock its owner out.
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    with os.fdopen(descriptor, "w", encoding="ascii") as opened:
        opened.write(f"{master_key.reveal()}\n")
        opened.flush()
        os.fsync(opened.fileno())
    try:
        os.link(draft, file)
    finally:
        draft.unlink()
    _sync_folder(file.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
