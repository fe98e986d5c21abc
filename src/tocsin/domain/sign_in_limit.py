"""How often somebody may try a password: for each name, and for each place that tries.

A bucket holds so many tries and gets a new one every so often. Of each bucket only the moment is kept at
which it will be full (the generic cell rate algorithm, ITU-T I.371), and of a full one nothing.
"""

from ipaddress import IPv6Address, ip_address
from math import ceil
from typing import ClassVar, Final

from tocsin.domain.wording import counted
from tocsin.errors import TocsinError

MOST_BUCKETS: Final = 10_000
_LONGEST_NAME: Final = 64


class TooManySignIns(TocsinError):
    """Somebody tries passwords, or types one wrong again and again."""

    code: ClassVar[str] = "too_many_sign_ins"
    status_hint: ClassVar[int] = 429

    def __init__(self, wait: float) -> None:
        self.retry_after = max(1, ceil(wait))
        seconds = counted(self.retry_after, "second", "seconds")
        super().__init__(
            f"There were too many tries with this name or from this address; wait {seconds}, then try "
            "again. Whoever has forgotten the password asks an administrator for a link",
            retry_after=self.retry_after,
        )


class Buckets:
    """Buckets of the same size, by key. Units: seconds of a clock that only goes forward."""

    def __init__(self, size: int, *, every: float) -> None:
        self._size = size
        self._every = every
        self._full_at: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._full_at)

    def wait(self, key: str, *, now: float) -> float:
        """Return after how many seconds there is one to take; 0: there is one."""
        least_full = self._full(key, now) + self._every - self._size * self._every
        return max(0.0, least_full - now)

    def take(self, key: str, *, now: float) -> None:
        """Take one, whether or not there is one."""
        if key not in self._full_at and len(self._full_at) >= MOST_BUCKETS:
            self._make_room(now)
        self._full_at[key] = self._full(key, now) + self._every

    def give_back(self, key: str, *, now: float) -> None:
        self._full_at[key] = self._full(key, now) - self._every
        if self._full_at[key] <= now:
            del self._full_at[key]

    def _full(self, key: str, now: float) -> float:
        return max(self._full_at.get(key, now), now)

    def _make_room(self, now: float) -> None:
        """Forget those that are full; if none is, the fullest half, which has the least to tell."""
        in_order = sorted(self._full_at, key=self._full_at.__getitem__)
        full = [key for key in in_order if self._full_at[key] <= now]
        for key in full or in_order[: len(in_order) // 2]:
            del self._full_at[key]


class SignInLimits:
    """The limits of one process. A try counts when it begins; one that succeeds is given back."""

    NAME: ClassVar = (10, 30.0)
    """Ten at once and then two a minute: 3,000 a day, of which a password of 12 characters need not be afraid."""
    PLACE: ClassVar = (30, 10.0)
    """More, because an office may have one address."""

    def __init__(self) -> None:
        size, every = self.NAME
        self._names = Buckets(size, every=every)
        size, every = self.PLACE
        self._places = Buckets(size, every=every)

    def take(self, name: str, address: str, *, now: float) -> None:
        """Count a try. Raises: TooManySignIns, and then it does not count."""
        name, place = name[:_LONGEST_NAME], place_of(address)
        wait = max(self._names.wait(name, now=now), self._places.wait(place, now=now))
        if wait:
            raise TooManySignIns(wait)
        self._names.take(name, now=now)
        self._places.take(place, now=now)

    def give_back(self, name: str, address: str, *, now: float) -> None:
        """Let a try that succeeded count for nothing."""
        self._names.give_back(name[:_LONGEST_NAME], now=now)
        self._places.give_back(place_of(address), now=now)


def place_of(address: str) -> str:
    """Return what an address is counted as: of IPv6 its /64, of which everybody at home has one whole."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:_LONGEST_NAME]
    if isinstance(parsed, IPv6Address):
        return parsed.exploded[:19]
    return str(parsed)
