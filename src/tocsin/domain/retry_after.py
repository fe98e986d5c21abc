"""`Retry-After`: when a receiver asks to be tried again."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(r"[0-9]{1,9}")


def parse_retry_after(text: str, *, now: datetime) -> timedelta | None:
    """Return how long to wait, from whole seconds or an HTTP date; None for anything else.

    A date that is past asks for no wait. Units: `now` is aware UTC.
    Source: RFC 9110, section 10.2.3.
    """
    text = text.strip()
    if _SECONDS.fullmatch(text):
        return timedelta(seconds=int(text))
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return max(at - now, timedelta(0))
