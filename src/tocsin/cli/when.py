"""Instants as people read them: from now, or from the start of something."""

from datetime import datetime, timedelta
from typing import Final

_UNITS: Final = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def relative(instant: str | None, now: datetime) -> str:
    """Return an instant of the API seen from now, such as `4m 10s ago` or `in 2h`; `-` for none.

    Units: `instant` is ISO-8601 with an offset, `now` aware UTC.
    """
    if instant is None:
        return "-"
    distance = datetime.fromisoformat(instant) - now
    if abs(distance) < timedelta(seconds=1):
        return "now"
    length = rough(abs(distance))
    return f"in {length}" if distance > timedelta(0) else f"{length} ago"


def rough(length: timedelta) -> str:
    """Return a length of time in its two largest units, the smaller one only when it counts."""
    seconds = int(length.total_seconds())
    for place, (unit, size) in enumerate(_UNITS):
        if seconds < size:
            continue
        count, rest = divmod(seconds, size)
        smaller = _rest(rest, place + 1) if count < 10 else ""
        return f"{count}{unit}{smaller}"
    return "0s"


def _rest(seconds: int, place: int) -> str:
    if place == len(_UNITS):
        return ""
    unit, size = _UNITS[place]
    return f" {seconds // size}{unit}" if seconds >= size else ""


def since(instant: str, start: str) -> str:
    """Return an instant of the API seen from another one, such as `+5m 2s`."""
    return f"+{rough(datetime.fromisoformat(instant) - datetime.fromisoformat(start))}"
