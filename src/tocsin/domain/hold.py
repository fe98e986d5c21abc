"""How long an incident may be held."""

from datetime import datetime, timedelta
from typing import ClassVar

from tocsin.domain.duration import format_duration
from tocsin.errors import TocsinError

SHORTEST_HOLD = timedelta(minutes=1)
LONGEST_HOLD = timedelta(days=7)


class HoldOutOfBounds(TocsinError):
    """The hold would end too soon to be of use, or so late that the incident would be forgotten."""

    code: ClassVar[str] = "hold_out_of_bounds"
    status_hint: ClassVar[int] = 422


def end_of_hold(now: datetime, until: datetime | timedelta) -> datetime:
    """Return when a hold ends; `until` is the instant itself, or how long from now.

    Units: aware UTC. Raises: HoldOutOfBounds.
    """
    ends_at = now + until if isinstance(until, timedelta) else until
    if not SHORTEST_HOLD <= ends_at - now <= LONGEST_HOLD:
        bounds = {
            "at_least": format_duration(SHORTEST_HOLD),
            "at_most": format_duration(LONGEST_HOLD),
        }
        raise HoldOutOfBounds(
            f"hold an incident for {bounds['at_least']} to {bounds['at_most']} from now; "
            "acknowledge it if it should stay quiet",
            **bounds,
        )
    return ends_at
