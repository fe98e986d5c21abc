"""Poison: one thing that fails alone while others like it succeed. It waits, and is never dropped."""

from datetime import datetime, timedelta
from enum import StrEnum

POISON_WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
"""Minutes, not seconds: nothing mends it but a person, or a change of what it depends on."""


class Poison(StrEnum):
    """What can fail so. The values are public and never change."""

    STEP = "step"
    HOLD = "hold"
    DELIVERY = "delivery"
    OUTCOME = "outcome"

    @property
    def failure(self) -> str:
        """What could not be done, as it stands after "Tocsin cannot"."""
        return _FAILURES[self]


_FAILURES = {
    Poison.STEP: "fire a step",
    Poison.HOLD: "end a hold",
    Poison.DELIVERY: "send a delivery",
    Poison.OUTCOME: "record what became of a delivery",
}


def wait_until(now: datetime, *, failures: int) -> datetime:
    """Return when to try again: after 1, 5, 15, 60, 60 ... minutes. `failures`: how many came before."""
    return now + POISON_WAITS[min(failures, len(POISON_WAITS) - 1)]
