"""How long what is over is kept."""

from datetime import datetime, timedelta
from typing import ClassVar, Final

from tocsin.domain.duration import DurationWithoutUnit, InvalidDuration, parse_duration
from tocsin.errors import TocsinError

FOREVER: Final = "forever"
DEFAULT_RETENTION: Final[timedelta | None] = timedelta(days=400)
SHORTEST_RETENTION: Final = timedelta(days=1)
"""A delivery may be tried for a day, and what answers a repeated request is kept for one."""
LONGEST_RETENTION: Final = timedelta(days=36_500)
LONGEST_GAP: Final = timedelta(days=1)
"""Over a restart, between two looks at what is old; after a longer one the clock may be wrong."""
DOUBT: Final = timedelta(days=1)
"""How long a clock has to go on before it is believed again."""


class InvalidRetention(TocsinError):
    """The text does not say for how long to keep what is over."""

    code: ClassVar[str] = "invalid_retention"
    status_hint: ClassVar[int] = 422


def doubt_until(
    now: datetime, *, seen_at: datetime, doubted_until: datetime, has_jumped: bool | None
) -> datetime:
    """Return until when nothing is removed, because a clock that is years ahead makes everything old.

    `has_jumped` is None at the first look after a start, when only `seen_at`, the last look, can tell. A doubt
    that lies further ahead than one lasts is of a clock that was set right since.
    """
    if has_jumped is None:
        has_jumped = now - seen_at > LONGEST_GAP
    if has_jumped:
        return now + DOUBT
    return doubted_until if doubted_until <= now + DOUBT else now


def removed_hint(removed_before: datetime | None) -> str:
    """Return why something may not be there any more; empty while nothing was ever removed."""
    if removed_before is None:
        return ""
    return (
        f"; it may have been removed, as what was over before {removed_before:%Y-%m-%d} was "
        "(TOCSIN_RETENTION)"
    )


def parse_retention(text: str) -> timedelta | None:
    """Return how long to keep what is over; None: for ever.

    Raises: InvalidRetention, DurationOutOfBounds.
    """
    written = text.strip()
    if written.lower() == FOREVER:
        return None
    if written.strip("0") in ("", "d", "h", "m", "s"):
        raise InvalidRetention(
            f"that could mean to keep nothing, or everything: write {FOREVER}, or days such as 400d"
        )
    try:
        return parse_duration(written, at_least=SHORTEST_RETENTION, at_most=LONGEST_RETENTION)
    except (DurationWithoutUnit, InvalidDuration):
        raise InvalidRetention(f"write days such as 400d, or {FOREVER}") from None
