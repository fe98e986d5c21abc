"""The master key's file: made once, read at each start, replaced as a whole or not at all.

A master key is a text of one or more keys, one a line: the first one seals, all of them open.
"""

import base64
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from tocsin.errors import TocsinError
from tocsin.secret import Secret

_KEY_BYTES: Final = 32
_OWNER_ONLY: Final = 0o600


def holds_keys(lines: Secret) -> bool:
    """Return whether a text has the form of a master key."""
    try:
        keys = [base64.urlsafe_b64decode(line) for line in lines.reveal().split()]
    except ValueError:
        return False
    return bool(keys) and all(len(key) == _KEY_BYTES for key in keys)


class MasterKeyMissing(TocsinError):
    """The database holds sealed secrets, and the key that opens them is not there."""

    code: ClassVar[str] = "master_key_missing"
    status_hint: ClassVar[int] = 500


class MasterKeyExposed(TocsinError):
    """Others than its owner can read the master key's file."""

    code: ClassVar[str] = "master_key_exposed"
    status_hint: ClassVar[int] = 500


class MasterKeyUnreadable(TocsinError):
    """There is something where the master key's file belongs, and it cannot be read."""

    code: ClassVar[str] = "master_key_unreadable"
    status_hint: ClassVar[int] = 500


@dataclass(frozen=True, slots=True)
class MasterKey:
    """A master key, and where it comes from, as people call the place."""

    lines: Secret
    source: str


def make_master_key(random_bytes: Callable[[int], bytes]) -> Secret:
    """Return a new master key of one line."""
    return Secret(base64.urlsafe_b64encode(random_bytes(_KEY_BYTES)).decode())


def read_master_key(file: Path) -> MasterKey | None:
    """Return the master key that a file holds; None if there is no such file.

    Raises: MasterKeyExposed, if the file's mode lets others read it; MasterKeyUnreadable.
    """
    try:
        with file.open(encoding="ascii", errors="replace") as opened:
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            if mode & 0o077:
                raise MasterKeyExposed(
                    f"Others can read the master key: run chmod 600 {file}", file=str(file)
                )
            return MasterKey(Secret(opened.read()), str(file))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise MasterKeyUnreadable(
            f"The master key in {file} cannot be read: {error.strerror}; it must be a file of the user "
            "that runs the server, with mode 0600",
            file=str(file),
        ) from None


def write_master_key(file: Path, master_key: Secret) -> MasterKey:
    """Keep a new master key in a file of mode 0600, on disk before this returns.

    Raises: FileExistsError, rather than replacing a key that may still be needed.
    """
    draft = _write_draft(file, master_key)
    try:
        os.link(draft, file)
    finally:
        draft.unlink()
    _sync_folder(file.parent)
    return MasterKey(master_key, str(file))


def replace_master_key(file: Path, master_key: Secret) -> None:
    """Put other keys into the file, all at once, on disk before this returns.

    Whoever reads it, or starts after a crash, finds what was there or what is there now.
    """
    _write_draft(file, master_key).replace(file)
    _sync_folder(file.parent)


def _write_draft(file: Path, master_key: Secret) -> Path:
    # Complete or absent: a key that a crash cut short would lock its owner out.
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    with os.fdopen(descriptor, "w", encoding="ascii") as opened:
        opened.write(f"{master_key.reveal().strip()}\n")
        opened.flush()
        os.fsync(opened.fileno())
    return draft


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
