"""How instants read in pages: how long ago, in how long, by the clock and to the millisecond."""

from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta, tzinfo
from functools import cache
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

if TYPE_CHECKING:
    from markupsafe import Markup

_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


@cache
def find_zone(name: str) -> tzinfo:
    """Return the time zone of a name; UTC for one that this machine does not know."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def read_instant(text: str) -> datetime | None:
    """Return the instant that a text is, if it is one that every time zone has."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if MINYEAR < at.year < MAXYEAR else None


def exact_text(at: datetime, zone: tzinfo) -> str:
    """Return an instant to the millisecond, in a time zone, with its name."""
    local = at.astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03} {local.tzname()}"


def relative_text(at: datetime, now: datetime) -> str:
    """Return how long ago an instant was, or in how long it will be, in one unit."""
    seconds = (at - now) / timedelta(seconds=1)
    if abs(seconds) < 1:
        return "now"
    size, unit = next((size, unit) for size, unit in _UNITS if abs(seconds) >= size)
    length = f"{int(abs(seconds) // size)} {unit}"
    return f"in {length}" if seconds > 0 else f"{length} ago"


def countdown_text(at: datetime, now: datetime) -> str:
    """Return in how long an instant will be, in two units."""
    seconds = (at - now) // timedelta(seconds=1)
    if seconds < 1:
        return "now"
    parts: list[str] = []
    for size, unit in _UNITS:
        count, seconds = divmod(seconds, size)
        if count or parts:
            parts.append(f"{count} {unit}")
    return f"in {' '.join(parts[:2])}"


def clock_text(at: datetime, now: datetime, zone: tzinfo) -> str:
    """Return an instant as a clock shows it; with the day, unless that is today, and the year, unless it is this one."""
    local, today = at.astimezone(zone), now.astimezone(zone).date()
    day = "" if local.date() == today else f" on {local.day} {local:%b}"
    year = "" if local.year == today.year else f" {local.year}"
    return f"{local:%H:%M:%S}{day}{year}"


def time_element(at: datetime | None, *, now: datetime, zone: tzinfo, words: str) -> "Markup":
    """Return an instant that a script keeps current. `words`: what to show instead of how long ago it was, such as `exact`'s."""
    from markupsafe import Markup  # noqa: PLC0415 - see rendering.py

    if at is None:
        return Markup('<span class="none">never</span>')
    live = Markup("") if words else Markup(" data-relative")
    return Markup('<time datetime="{}" title="{}"{}>{}</time>').format(
        at.astimezone(UTC).isoformat(),
        exact_text(at, zone),
        live,
        words or relative_text(at, now),
    )


def countdown_element(at: datetime, *, now: datetime, zone: tzinfo) -> "Markup":
    """Return how long it is until an instant, which a script keeps current."""
    from markupsafe import Markup  # noqa: PLC0415 - see rendering.py

    return Markup(
        '<time class="countdown" datetime="{}" title="{}" data-countdown>{}</time>'
    ).format(at.astimezone(UTC).isoformat(), exact_text(at, zone), countdown_text(at, now))
