"""Alerts that wait to be stored; whoever sent one waits with it."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import ClassVar

from tocsin.actions.incident_set import ContextSource
from tocsin.actions.ingest import Receipt, ingest
from tocsin.domain.alert import Alert
from tocsin.engine.awaited import MOST_WAITING, Awaited
from tocsin.errors import TocsinError
from tocsin.store.database import Tx
from tocsin.store.writer import StoreUnavailable, Writer

MOST_IN_A_BATCH = 512
logger = logging.getLogger(__name__)


class InboxFull(TocsinError):
    """More alerts come in than the database takes; the sender should come back."""

    code: ClassVar[str] = "inbox_full"
    status_hint: ClassVar[int] = 503


class AlertNotStored(TocsinError):
    """This one alert could not be stored, while others were."""

    code: ClassVar[str] = "alert_not_stored"
    status_hint: ClassVar[int] = 500


class Inbox:
    """Takes alerts in, a group at a time. For use on the loop only."""

    def __init__(
        self,
        writer: Writer,
        context_source: ContextSource,
        *,
        on_batch: Callable[[Sequence[Alert], Sequence[Receipt]], None],
        on_poison: Callable[[], None],
    ) -> None:
        self._context_source = context_source
        self._on_poison = on_poison
        self._alerts: Awaited[Alert, Receipt] = Awaited(
            writer,
            self._ingest,
            done=on_batch,
            refused=self._refused,
            poisoned=self._poisoned,
            most=MOST_IN_A_BATCH,
        )

    def __len__(self) -> int:
        return len(self._alerts)

    def take_in(self, alert: Alert) -> "asyncio.Future[Receipt]":
        """Return what becomes of an alert, once it is on disk.

        Raises: InboxFull; the future raises StoreUnavailable or AlertNotStored.
        """
        if self._alerts.is_full:
            raise InboxFull(
                f"{MOST_WAITING} alerts wait to be stored: send this one again in a moment",
                waiting=MOST_WAITING,
            )
        return self._alerts.add(alert)

    def _ingest(self, tx: Tx, alerts: Sequence[Alert]) -> Sequence[Receipt]:
        return ingest(tx, alerts, self._context_source(tx))

    def _refused(self, count: int, error: StoreUnavailable) -> None:
        logger.error("ingest.refused", extra={"alerts": count, "cause": error.message})

    def _poisoned(self, alert: Alert, error: Exception) -> AlertNotStored:
        self._on_poison()
        logger.error("alert.not_stored", extra={"entity_id": alert.entity_id}, exc_info=error)
        return AlertNotStored("this alert could not be stored; the server's log says why")
