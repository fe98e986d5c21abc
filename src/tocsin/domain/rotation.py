"""When a pending auth code may take over."""

from datetime import datetime, timedelta
from typing import ClassVar

from tocsin.domain.duration import A_YEAR
from tocsin.errors import TocsinError


class RotationUnderWay(TocsinError):
    """The webhook has a pending auth code already."""

    code: ClassVar[str] = "rotation_under_way"
    status_hint: ClassVar[int] = 409


class PromotionOutOfBounds(TocsinError):
    """A pending auth code would take over in the past, or so late that nobody would remember it."""

    code: ClassVar[str] = "promotion_out_of_bounds"
    status_hint: ClassVar[int] = 422


def promotion_instant(now: datetime, at: datetime | timedelta | None) -> datetime | None:
    """Return when a pending auth code takes over; `at` is the instant, or how long from now.

    None: when somebody says so. Units: aware UTC. Raises: PromotionOutOfBounds.
    """
    if at is None:
        return None
    planned = now + at if isinstance(at, timedelta) else at
    if not now < planned <= now + A_YEAR:
        raise PromotionOutOfBounds(
            "a pending auth code takes over within a year from now, and not in the past; leave the "
            "time out, and it does when you say so"
        )
    return planned
