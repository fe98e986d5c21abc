"""Alerts that wait to be stored; whoever sent one waits with it."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import ClassVar

from tocsin.actions.incident_set import ContextSource
from tocsin.actions.ingest import Receipt, ingest
from tocsin.domain.alert import Alert
from tocsin.engine.batches import Batches
from tocsin.errors import TocsinError
from tocsin.store.database import Tx
from tocsin.store.writer import StoreUnavailable, Writer

MOST_WAITING = 20_000
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


_Waiting = tuple[Alert, "asyncio.Future[Receipt]"]


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
        self._loop = asyncio.get_running_loop()
        self._context_source = context_source
        self._on_batch = on_batch
        self._on_poison = on_poison
        self._batches: Batches[_Waiting, list[Receipt]] = Batches(
            writer,
            self._loop,
            self._ingest,
            done=self._done,
            refused=self._refused,
            poisoned=self._poisoned,
            most=MOST_IN_A_BATCH,
        )

    def __len__(self) -> int:
        return len(self._batches)

    def take_in(self, alert: Alert) -> "asyncio.Future[Receipt]":
        """Return what becomes of an alert, once it is on disk.

        Raises: InboxFull; the future raises StoreUnavailable or AlertNotStored.
        """
        if len(self._batches) >= MOST_WAITING:
            raise InboxFull(
                f"{MOST_WAITING} alerts wait to be stored: send this one again in a moment",
                waiting=MOST_WAITING,
            )
        receipt: asyncio.Future[Receipt] = self._loop.create_future()
        self._batches.add((alert, receipt))
        return receipt

    def _ingest(self, tx: Tx, batch: Sequence[_Waiting]) -> list[Receipt]:
        return ingest(tx, [alert for alert, _ in batch], self._context_source(tx))

    def _done(self, batch: Sequence[_Waiting], receipts: list[Receipt]) -> None:
        for (_, waiting), receipt in zip(batch, receipts, strict=True):
            if not waiting.done():  # the sender may have gone
                waiting.set_result(receipt)
        self._on_batch([alert for alert, _ in batch], receipts)

    def _refused(self, batch: Sequence[_Waiting], error: StoreUnavailable) -> None:
        logger.error("ingest.refused", extra={"alerts": len(batch), "cause": error.message})
        for _, waiting in batch:
            if not waiting.done():
                waiting.set_exception(error)

    def _poisoned(self, item: _Waiting, error: Exception) -> None:
        alert, waiting = item
        self._on_poison()
        logger.error("alert.not_stored", extra={"entity_id": alert.entity_id}, exc_info=error)
        if not waiting.done():
            waiting.set_exception(
                AlertNotStored("this alert could not be stored; the server's log says why")
            )
