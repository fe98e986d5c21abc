"""How instants and lengths of time read in sentences for people."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

MOST_LISTED = 8
"""As many as somebody would read."""
_MILLISECOND = timedelta(milliseconds=1)
_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)
_UNITS = (
    (timedelta(days=1), "d"),
    (timedelta(hours=1), "h"),
    (timedelta(minutes=1), "min"),
    (_SECOND, "s"),
)


def instant_text(at: datetime) -> str:
    """Return an instant as sentences name it, to the millisecond. Units: aware; read as UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03}Z"


def length_text(length: timedelta) -> str:
    """Return a length of time with two units at the most: `3 ms`, `1.5 s`, `2 min 5 s`, `3 d 4 h`."""
    if length < timedelta(0):
        return f"-{length_text(-length)}"
    if length < _SECOND:
        return f"{length // _MILLISECOND} ms"
    if length < _MINUTE:
        return f"{length / _SECOND:.3g} s"
    parts = []
    for size, unit in _UNITS:
        count, length = divmod(length, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])


def plan_text(length: timedelta) -> str:
    """Return a length of time that somebody wrote, with all its units: `1 d 2 h 50 min`, `0 s`."""
    parts = []
    for size, unit in _UNITS:
        count, length = divmod(length, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts) or "0 s"


def date_text(at: datetime) -> str:
    """Return an instant to the minute, which is enough for a certificate. Units: aware; read as UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}Z"


def days_text(length: timedelta) -> str:
    """Return a length of time in whole days; below two days, as `length_text` has it."""
    return f"{length.days} days" if length >= timedelta(days=2) else length_text(length)


def lateness_text(lateness: timedelta) -> str:
    """Return how far an instant was from its plan, as a clause."""
    if lateness < _MILLISECOND:
        return "on time"
    return f"{length_text(lateness)} late"


def listed(words: Sequence[str], *, nothing: str = "nobody", most: int = MOST_LISTED) -> str:
    """Return words as a sentence lists them: `a`, `a and b`, `a, b and c`; of more than `most` how many there are besides."""
    if not words:
        return nothing
    if len(words) > most:
        words = [*words[: most - 1], counted(len(words) - most + 1, "other")]
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def counted(count: int, one: str, many: str = "") -> str:
    """Return a number with its noun: `1 alert`, `2 alerts`."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def routing_text(routing_key: str) -> str:
    """Return what led an alert somewhere: its routing key or, where that is empty, the default."""
    return f"routing key {routing_key!r}" if routing_key else "the default routing"
