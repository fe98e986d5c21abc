"""Lengths of time as people write them: `0s`, `90s`, `10m`, `1h30m`, `2d`."""

import re
from datetime import timedelta
from typing import ClassVar

from tocsin.errors import TocsinError

_SECOND = timedelta(seconds=1)
_UNITS = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": _SECOND,
}
# [0-9]: \d knows other scripts.
_DURATION = re.compile("".join(rf"(?:(?P<{unit}>[0-9]{{1,9}}){unit})?" for unit in _UNITS))
_BARE_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?")

NO_TIME = timedelta(0)
A_YEAR = timedelta(days=365)


class InvalidDuration(TocsinError):
    """The text is not a length of time."""

    code: ClassVar[str] = "invalid_duration"


class DurationWithoutUnit(TocsinError):
    """A bare number: it could be seconds or minutes, and guessing would page at the wrong time."""

    code: ClassVar[str] = "duration_without_unit"


class DurationOutOfBounds(TocsinError):
    """The length of time is shorter or longer than this setting takes."""

    code: ClassVar[str] = "duration_out_of_bounds"


def parse_duration(
    text: str, *, at_least: timedelta = NO_TIME, at_most: timedelta = A_YEAR
) -> timedelta:
    """Return the length of time that `text` writes.

    Units: d, h, m and s, each at most once and in this order, nothing between them.
    Raises: DurationWithoutUnit, InvalidDuration, DurationOutOfBounds.
    """
    written = text.strip()
    if _BARE_NUMBER.fullmatch(written):
        number = written[:20]
        raise DurationWithoutUnit(
            f"Is {number} seconds or minutes? Write {number}s or {number}m", given=number
        )
    found = _DURATION.fullmatch(written)
    if not written or found is None:
        raise InvalidDuration(
            f"{written[:40]!r} is not a length of time: write one such as 0s, 90s, 10m or 1h30m",
            given=written[:40],
        )
    parts = found.groupdict(default="0")
    try:
        length = sum((int(parts[unit]) * size for unit, size in _UNITS.items()), NO_TIME)
    except OverflowError:
        length = timedelta.max
    _check_bounds(length, written=written, at_least=at_least, at_most=at_most)
    return length


def _check_bounds(
    length: timedelta, *, written: str, at_least: timedelta, at_most: timedelta
) -> None:
    if not at_least <= length <= at_most:
        bounds = {"at_least": format_duration(at_least), "at_most": format_duration(at_most)}
        raise DurationOutOfBounds(
            f"{written} is too {'short' if length < at_least else 'long'}: "
            f"write from {bounds['at_least']} to {bounds['at_most']}",
            given=written,
            **bounds,
        )


def format_duration(length: timedelta) -> str:
    """Return the one spelling of a length: a whole number of the largest unit that fits exactly.

    Ninety seconds are `90s` and an hour and a half is `90m`, so that a plan reads as it was
    written most of the time. `parse_duration` gives the same length back.

    Raises: ValueError, if `length` is negative or has a fraction of a second: no setting can.
    """
    if length < NO_TIME or length % _SECOND:
        raise ValueError(f"a length of time is whole seconds from 0, not {length!r}")
    if not length:
        return "0s"
    unit, size = next((unit, size) for unit, size in _UNITS.items() if not length % size)
    return f"{length // size}{unit}"


def from_start(length: timedelta) -> str:
    """Return a length of time as people add it up: `11m30s`, not 690s. `parse_duration` reads it."""
    hours, seconds = divmod(length.seconds, 3600)
    parts = {"d": length.days, "h": hours, "m": seconds // 60, "s": seconds % 60}
    return "".join(f"{count}{unit}" for unit, count in parts.items() if count) or "0s"
