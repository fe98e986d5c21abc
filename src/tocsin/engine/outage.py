"""Whether a server of this installation was there all the time; if none was, jobs that could not call are excused."""

import logging
from datetime import datetime, timedelta

from tocsin.actions.heartbeats import excuse_unheard
from tocsin.store.database import Tx
from tocsin.store.heartbeats import any_heartbeat
from tocsin.store.signs_of_life import newest_renewal, newest_sign

logger = logging.getLogger(__name__)


def excuse_after_start(
    tx: Tx, now: datetime, *, is_shared: bool, silent_for: timedelta
) -> list[str]:
    """Excuse jobs for the time before this start, unless another node was there; before this run begins."""
    renewed_at = newest_renewal(tx) if is_shared else None
    if renewed_at is not None and now - renewed_at <= silent_for:
        return []
    return _excuse(tx, now)


def excuse_after_silence(tx: Tx, now: datetime, *, silent_for: timedelta) -> list[str]:
    """Excuse jobs if no node could renew its run for a while; before this one is renewed."""
    renewed_at = newest_renewal(tx)
    if renewed_at is not None and now - renewed_at <= silent_for:
        return []
    return _excuse(tx, now)


def _excuse(tx: Tx, now: datetime) -> list[str]:
    if not any_heartbeat(tx):
        return []
    since = newest_sign(tx)
    excused = excuse_unheard(tx, since, now)
    if excused:
        facts = {"heartbeats": len(excused), "since": str(since)}
        logger.warning("heartbeats.excused", extra=facts)
    return excused
