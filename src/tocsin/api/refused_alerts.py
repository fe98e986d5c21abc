"""Alerts that were refused although their key was good: kept, redacted, for whoever looks for them."""

import logging
import re
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tocsin.domain.alert import AlertRefused
from tocsin.domain.alert_fields import LONGEST_FIELD, cut, storable
from tocsin.domain.alert_key import LONGEST_KEY, masked
from tocsin.ids import IdSource
from tocsin.secret import Secret
from tocsin.store.alerts import RefusedAlert, insert_refused_alerts
from tocsin.store.database import Tx
from tocsin.store.writer import Writer

LONGEST_EXCERPT: Final = 500
MOST_WAITING: Final = 1000
# What is likely a secret, by the name that stands before it, whatever the quotes around them.
_NAMED_SECRET: Final = re.compile(
    r"""(?ix) ( ["']? [\w.-]* (?:api_?key|auth|password|passwd|secret|token) [\w.-]* ["']? \s* [:=] \s* )
        (?: "(?:[^"\\]|\\.)*"? | '[^']*'? | [^\s,;&}]+ )"""
)
_MASK: Final = '"***"'
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A refusal with nothing secret in it."""

    received_at: datetime
    code: str
    reason: str
    masked_key: str
    routing_key: str
    excerpt: str


def make_refusal(
    error: AlertRefused, *, body: bytes, key: Secret, routing_key: str, now: datetime
) -> Refusal:
    """Return what may be kept of a refused request."""
    return Refusal(
        received_at=now,
        code=error.code,
        reason=error.message,
        masked_key=masked(key),
        routing_key=cut(storable(routing_key), LONGEST_FIELD),
        excerpt=excerpt(body, key),
    )


def excerpt(body: bytes, key: Secret) -> str:
    """Return the beginning of a body, keys and what is named like a secret masked.

    Units: at most 500 characters.
    """
    # Masked before it is cut, with room for a whole key, so that no half of one is left.
    room = LONGEST_EXCERPT + LONGEST_KEY
    text = storable(body[: room * 4].decode("utf-8", "replace"))[:room]
    text = text.replace(key.reveal(), masked(key))
    return _NAMED_SECRET.sub(rf"\g<1>{_MASK}", text)[:LONGEST_EXCERPT]


class RefusedAlerts:
    """Keeps refusals in the background. For use on one thread; nobody waits for it."""

    def __init__(self, writer: Writer, ids: IdSource) -> None:
        self._writer = writer
        self._ids = ids
        self._waiting: deque[Refusal] = deque(maxlen=MOST_WAITING)
        self._is_submitted = False

    def add(self, refusal: Refusal) -> None:
        """Keep a refusal. While the store takes none, only the latest 1,000 are remembered."""
        self._waiting.append(refusal)
        if not self._is_submitted:
            self._is_submitted = True
            self._writer.submit(self._save).add_done_callback(self._saved)

    def _save(self, tx: Tx) -> None:
        self._is_submitted = False
        refusals = []
        while self._waiting:
            refusals.append(self._waiting.popleft())
        if not refusals:
            return
        ids = self._ids.take(len(refusals), refusals[-1].received_at)
        insert_refused_alerts(
            tx,
            [
                RefusedAlert(
                    id=id_,
                    received_at=each.received_at,
                    code=each.code,
                    reason=each.reason,
                    masked_key=each.masked_key,
                    routing_key=each.routing_key,
                    excerpt=each.excerpt,
                )
                for id_, each in zip(ids, refusals, strict=True)
            ],
        )

    def _saved(self, saved: "Future[None]") -> None:
        if error := saved.exception():
            self._is_submitted = False
            logger.error("refused_alerts.not_kept", extra={"cause": str(error)})
