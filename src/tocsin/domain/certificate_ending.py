"""When somebody should hear that a certificate ends."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

WARNING_DAYS: Final = (30, 14, 3)
"""How many days before its end a certificate is warned of."""
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ReceiverCertificate:
    """What a webhook's receiver was last verified by. Units: instants are aware UTC."""

    webhook_id: int
    host: str
    port: int
    """Where it was shown: the webhook's URL may lead elsewhere by now."""
    fingerprint: str
    issuer: str
    starts_at: datetime
    expires_at: datetime
    seen_at: datetime
    """When it was new, which is not when it was seen last."""


def decide_warning(starts_at: datetime, expires_at: datetime, now: datetime) -> int | None:
    """Return the warning, in days, that is due at `now`: the most urgent one; None when none is."""
    passed = [days for days, at in _warnings(starts_at, expires_at) if at <= now]
    return min(passed, default=None)


def next_warning_at(starts_at: datetime, expires_at: datetime, now: datetime) -> datetime | None:
    """Return when the next warning is due after `now`; None when there is no further one."""
    return min((at for _, at in _warnings(starts_at, expires_at) if at > now), default=None)


def _warnings(starts_at: datetime, expires_at: datetime) -> Iterator[tuple[int, datetime]]:
    """Yield each warning and its instant, but for those that would come before the certificate did.

    One that is made anew every day by a machine is always near its end.
    """
    for days in WARNING_DAYS:
        at = expires_at - days * _DAY
        if at > starts_at:
            yield days, at
