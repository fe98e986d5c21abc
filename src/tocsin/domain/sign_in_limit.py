"""How often somebody may try a password: for each name from each place, for each place, and for each name.

Whoever comes with a browser that is known has a bucket of its own instead, which no stranger empties.

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

    NAME_FROM_PLACE: ClassVar = (10, 30.0)
    """Ten at once and then two a minute: whoever types a name from elsewhere empties no bucket of its owner's."""
    PLACE: ClassVar = (30, 10.0)
    """More, because an office may have one address."""
    NAME: ClassVar = (100, 6.0)
    """For whoever has many addresses: 14,400 a day, of which a password of 12 characters need not be afraid."""
    DEVICE: ClassVar = (10, 30.0)

    def __init__(self) -> None:
        made = (self.NAME_FROM_PLACE, self.PLACE, self.NAME, self.DEVICE)
        self._pairs, self._places, self._names, self._devices = (
            Buckets(size, every=every) for size, every in made
        )

    def take(self, name: str, address: str, *, now: float, device: str | None = None) -> None:
        """Count a try. `device`: the browser, if it is known. Raises: TooManySignIns, and then it does not count."""
        taken = self._buckets(name, address, device)
        wait = max(buckets.wait(key, now=now) for buckets, key in taken)
        if wait:
            raise TooManySignIns(wait)
        for buckets, key in taken:
            buckets.take(key, now=now)

    def give_back(self, name: str, address: str, *, now: float, device: str | None = None) -> None:
        """Let a try that succeeded count for nothing."""
        for buckets, key in self._buckets(name, address, device):
            buckets.give_back(key, now=now)

    def _buckets(self, name: str, address: str, device: str | None) -> list[tuple[Buckets, str]]:
        if device is not None:
            return [(self._devices, device)]
        name, place = name[:_LONGEST_NAME], place_of(address)
        return [(self._pairs, f"{place} {name}"), (self._places, place), (self._names, name)]


def place_of(address: str) -> str:
    """Return what an address is counted as: of IPv6 its /64, of which everybody at home has one whole."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:_LONGEST_NAME]
    if isinstance(parsed, IPv6Address):
        return parsed.exploded[:19]
    return str(parsed)
