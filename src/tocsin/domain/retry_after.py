"""`Retry-After`: for how long a receiver asks to be left alone."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

LONGEST: Final = timedelta(days=1)
"""Whoever asks for more is read as asking for this; `decide_retry` waits for far less."""

_SECONDS: Final = re.compile(r"[0-9]+")
_MOST_DIGITS: Final = 9
_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
_TIME: Final = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-5][0-9]|60)"
_MONTH: Final = rf"(?P<month>{'|'.join(_MONTHS)})"
# What every program writes, what RFC 850 said, and what C's asctime() writes, which has no zone.
# The standard knows GMT alone; other ways to say it are a usual mistake, and cannot be misread.
_ZONE: Final = r"(?:GMT|UTC|[+-]0000)"
_DATES: Final = tuple(
    re.compile(form)
    for form in (
        rf"[A-Z][a-z]{{2}}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} {_ZONE}",
        rf"[A-Z][a-z]{{5,8}}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} {_ZONE}",
        rf"[A-Z][a-z]{{2}} {_MONTH} (?P<day>[0-9]{{2}}| [0-9]) {_TIME} (?P<year>[0-9]{{4}})",
    )
)


def parse_retry_after(values: Iterable[str], *, now: datetime) -> timedelta | None:
    """Return how long to wait, from the values of all such headers: the longest that can be read.

    Each is whole seconds or a date in one of HTTP's three forms; None if there is none of them. A
    date that is past asks for no wait. The result is between 0 and LONGEST. Units: `now` is aware UTC.
    Source: RFC 9110, sections 5.6.7 and 10.2.3.
    """
    asked = [wait for value in values if (wait := _wait(value.strip(" \t"), now)) is not None]
    return max(asked, default=None)


def _wait(text: str, now: datetime) -> timedelta | None:
    if _SECONDS.fullmatch(text):
        digits = text.lstrip("0")
        wait = timedelta(seconds=int(digits or "0")) if len(digits) <= _MOST_DIGITS else LONGEST
    else:
        at = _date(text, now)
        if at is None:
            return None
        wait = at - now
    return min(max(wait, timedelta(0)), LONGEST)


def _date(text: str, now: datetime) -> datetime | None:
    found = next((date for form in _DATES if (date := form.fullmatch(text))), None)
    if found is None:
        return None
    year, day, hour, minute, second = (
        int(found[part]) for part in ("year", "day", "hour", "minute", "second")
    )
    month = _MONTHS.index(found["month"]) + 1
    if len(found["year"]) == 2:
        year = _whole_year(year, now)
    try:
        # Second 60 is a leap second, which datetime does not know.
        return datetime(year, month, day, hour, minute, tzinfo=UTC) + timedelta(seconds=second)
    except (ValueError, OverflowError):
        return None


def _whole_year(two_digits: int, now: datetime) -> int:
    """Return the year that ends in these digits: never more than 50 years ahead."""
    year = now.year - now.year % 100 + two_digits
    return year - 100 if year > now.year + 50 else year
