"""The steps of a running escalation that are still to come, and when, if nothing stops it."""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

from tocsin.domain.policy import PolicyVersion


class RungState(StrEnum):
    """Where a step of an escalation is. The values are public and never change."""

    FIRED = "fired"
    NEXT = "next"
    TO_COME = "to_come"
    NEVER = "never"  # the escalation was stopped before


def plan_ahead(
    version: PolicyVersion, *, next_step: int, at: datetime
) -> Iterator[tuple[int, datetime]]:
    """Yield each position from `next_step` on with its planned instant, repeats included.

    Each is planned from the one before it, as `advance` does while nothing is late. Units: aware UTC.
    """
    for position in range(next_step, version.length):
        if position > next_step:
            at += version.delay_before(position)
        yield position, at
