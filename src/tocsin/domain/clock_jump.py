"""What it means that the clock which all nodes go by is not where it should be."""

from datetime import timedelta
from enum import StrEnum
from typing import Final

NOTED: Final = timedelta(seconds=1)
TOO_FAR: Final = timedelta(seconds=30)


class ClockJump(StrEnum):
    """How far it jumped from one measurement to the next. The values are public."""

    NONE = "none"  # a drift, or the network's uneven way
    NOTED = "noted"  # followed, and said
    TOO_FAR = (
        "too_far"  # nothing is claimed by a clock that may be wrong, until a measurement agrees
    )

    @staticmethod
    def of(jump: timedelta) -> "ClockJump":
        """Judge a jump, ahead or back."""
        if abs(jump) > TOO_FAR:
            return ClockJump.TOO_FAR
        return ClockJump.NOTED if abs(jump) > NOTED else ClockJump.NONE
