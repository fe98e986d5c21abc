"""Sealing: URLs, auth codes and whatever else is secret lie encrypted in the database.

What is sealed begins with the name of the key that sealed it, so that a database can be asked, without
opening anything, which keys it still needs. The keys themselves never lie in it.
"""

import base64
import hashlib
import hmac
from functools import lru_cache
from typing import ClassVar, Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from tocsin.errors import TocsinError
from tocsin.secret import Secret

_KEPT_OPEN: Final = 4096
_NAME_DIGITS: Final = 8
_MARK_END: Final = b":"
MARK_BYTES: Final = _NAME_DIGITS + len(_MARK_END)
"""How much of what is sealed says under which key."""


class MasterKeyWrong(TocsinError):
    """The master key is another one than the secrets were sealed with, or none at all."""

    code: ClassVar[str] = "master_key_wrong"
    status_hint: ClassVar[int] = 500


class SealBroken(TocsinError):
    """What lies sealed was changed since, though its key is here."""

    code: ClassVar[str] = "seal_broken"
    status_hint: ClassVar[int] = 500


class Vault:
    """Seals and opens secrets. Safe to share between threads."""

    def __init__(self, master_key: Secret) -> None:
        """Raises: MasterKeyWrong, if the text holds no keys."""
        self._keys: dict[str, Fernet] = {}
        self._lines: dict[str, bytes] = {}
        self.key_names: tuple[str, ...] = ()
        """What the keys are called, in their order: the first one seals. No secret."""
        self.adopt(master_key)
        # A page must not wait for 30 us of cryptography each time.
        self._open = lru_cache(maxsize=_KEPT_OPEN)(self._open_slowly)

    def adopt(self, master_key: Secret) -> None:
        """Seal under the first of other keys from now on.

        What this process could open it still can: somebody may be reading what was sealed before.
        Raises: MasterKeyWrong, and changes nothing.
        """
        lines = _read_lines(master_key)
        self._keys = {**self._keys, **{name: Fernet(line) for name, line in lines.items()}}
        self._lines = {**lines, **self._lines}
        self.key_names = tuple(lines)

    @property
    def mark(self) -> bytes:
        """What everything begins with that is sealed now."""
        return self.key_names[0].encode() + _MARK_END

    @property
    def lines(self) -> tuple[Secret, ...]:
        """The keys themselves, those that were replaced since the start included."""
        return tuple(Secret(line.decode()) for line in self._lines.values())

    def keys_for(self, purpose: str) -> tuple[bytes, ...]:
        """Return a key of 32 bytes made of each master key, the newest first, for one purpose only."""
        lines = self._lines.values()
        return tuple(hmac.digest(line, purpose.encode(), hashlib.sha256) for line in lines)

    def seal(self, secret: Secret) -> bytes:
        """Return what may lie in a database. It differs each time."""
        name = self.key_names[0]
        token = self._keys[name].encrypt(secret.reveal().encode(errors="surrogatepass"))
        return name.encode() + _MARK_END + token

    def open(self, sealed: bytes) -> Secret:
        """Return what was sealed; remembered, so that opening it again costs nothing.

        Raises: MasterKeyWrong, SealBroken.
        """
        return self._open(sealed)

    def opens(self, sealed: bytes) -> bool:
        """Return whether this can be opened."""
        try:
            self.open(sealed)
        except (MasterKeyWrong, SealBroken):
            return False
        return True

    def _open_slowly(self, sealed: bytes) -> Secret:
        name = key_name_of(sealed)
        token = sealed[MARK_BYTES:] if name else sealed
        try:
            return Secret(self._key(name).decrypt(token).decode(errors="surrogatepass"))
        except InvalidToken:
            raise (_broken(name) if name else _wrong("another one")) from None

    def _key(self, name: str) -> Fernet | MultiFernet:
        if not name:
            return MultiFernet(list(self._keys.values()))
        if name not in self._keys:
            raise _wrong(f"the key {name}")
        return self._keys[name]


def key_name_of(sealed: bytes) -> str:
    """Return the name of the key that sealed this; empty for what was sealed before they had one."""
    mark = sealed[:MARK_BYTES]
    return mark[:_NAME_DIGITS].decode("ascii", "replace") if mark.endswith(_MARK_END) else ""


def _read_lines(master_key: Secret) -> dict[str, bytes]:
    lines = master_key.reveal().split()
    try:
        known = {key_name(line): line.encode() for line in lines if Fernet(line)}
    except ValueError:
        known = {}
    if not known:
        raise MasterKeyWrong(
            "The master key must be one or more lines of 44 characters, as they were made; "
            "restore it from a backup"
        )
    return known


def key_name(line: str) -> str:
    """Return what a key may be called: 32 bits of a hash say nothing of 256 random ones."""
    key = base64.urlsafe_b64decode(line)
    return hashlib.sha256(b"the name of a master key " + key).hexdigest()[:_NAME_DIGITS]


def _wrong(needed: str) -> MasterKeyWrong:
    return MasterKeyWrong(
        f"This master key does not open the database's secrets, {needed} does; give the one that "
        "belongs to this database: its .key file, or TOCSIN_MASTER_KEY"
    )


def _broken(name: str) -> SealBroken:
    return SealBroken(
        f"What the key {name} sealed was changed in the database since, by something else than "
        "Tocsin; restore the database from a backup, or save the webhook anew",
        key=name,
    )
