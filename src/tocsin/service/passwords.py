"""Passwords: hashed and verified by argon2, one at a time and beside the loop.

Each takes memory and time on purpose; one thread bounds both, whoever tries.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from tocsin.domain.sign_in_limit import TooManySignIns
from tocsin.domain.user import password_bytes
from tocsin.secret import Secret

if TYPE_CHECKING:
    from argon2 import PasswordHasher

T = TypeVar("T")
MEMORY_KIB: Final = 19 * 1024
ROUNDS: Final = 3
"""With these a try takes about 50 ms of one core. OWASP asks for 19 MiB and 2 rounds at least."""
SALT_BYTES: Final = 16
MOST_WAITING: Final = 40
"""Of two seconds of work; whoever comes then is asked to come again."""
MORE_WAITING: Final = 10
"""Besides, of those who are known already: strangers must not take every place."""


class Verdict(NamedTuple):
    """Whether a password is right, and whether the hash that is kept has other parameters than today's."""

    is_right: bool
    is_old: bool = False


class Passwords:
    """One thread that hashes. It begins with the first password."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tocsin-passwords")
        self._waiting = 0
        self._nobodys: str | None = None

    async def hash(self, password: Secret, *, salt: bytes) -> str:
        """Return what is kept of the password of somebody who is known. Raises: TooManySignIns.

        Units: `SALT_BYTES` of salt.
        """
        return await self._run(lambda: _hash(password, salt), is_known=True)

    async def verify(
        self, password_hash: str | None, password: Secret, *, is_known: bool = False
    ) -> Verdict:
        """Return whether a password is the one that was hashed. Raises: TooManySignIns.

        None, the hash of a user who is not there, takes as long and is never right.
        """
        return await self._run(lambda: self._verify(password_hash, password), is_known=is_known)

    async def _run(self, work: Callable[[], T], *, is_known: bool) -> T:
        if self._waiting >= MOST_WAITING + (MORE_WAITING if is_known else 0):
            raise TooManySignIns(2)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            self._waiting -= 1

    def _verify(self, password_hash: str | None, password: Secret) -> Verdict:
        from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415

        if self._nobodys is None:
            self._nobodys = _hash(Secret(""), bytes(SALT_BYTES))
        hasher = _hasher()
        try:
            hasher.verify(password_hash or self._nobodys, password_bytes(password.reveal()))
        except (VerificationError, InvalidHashError):
            return Verdict(is_right=False)
        if password_hash is None:
            return Verdict(is_right=False)
        return Verdict(is_right=True, is_old=hasher.check_needs_rehash(password_hash))


def _hash(password: Secret, salt: bytes) -> str:
    return _hasher().hash(password_bytes(password.reveal()), salt=salt)


def _hasher() -> "PasswordHasher":
    # Imported here: most starts verify nothing, and would be slower by it.
    from argon2 import PasswordHasher  # noqa: PLC0415

    return PasswordHasher(time_cost=ROUNDS, memory_cost=MEMORY_KIB, parallelism=1)
