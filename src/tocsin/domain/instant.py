"""Instants as configuration files and the API write them: ISO 8601 with a time zone."""

from datetime import UTC, datetime

from tocsin.errors import TocsinError

_EXAMPLE = "2026-11-23T21:05:00Z"


class InvalidInstant(TocsinError):
    """A text is no instant, or does not say in which time zone."""

    code = "invalid_instant"
    status_hint = 422


def parse_instant(text: str) -> datetime:
    """Return the aware UTC instant that a text names. Raises: InvalidInstant."""
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInstant(f"this is no instant: write it like {_EXAMPLE}") from None
    raise InvalidInstant("say which time zone: end it with Z or an offset such as +02:00")


def format_instant(at: datetime) -> str:
    """Return the text that `parse_instant` reads as the same, to the microsecond. Units: aware."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
