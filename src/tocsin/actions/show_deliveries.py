"""Deliveries as people see them: a list, or one with every attempt and its last request."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from tocsin.actions.named_steps import NamedStep, Names
from tocsin.actions.show_request import ShownRequest, show_request
from tocsin.domain.configuration import Configuration
from tocsin.domain.delivery import DeliveryState
from tocsin.domain.retention import removed_hint
from tocsin.errors import TocsinError
from tocsin.ids import DELIVERY, id_text
from tocsin.store.database import Tx
from tocsin.store.delivery_reads import (
    Attempt,
    Delivery,
    find_deliveries,
    find_delivery,
    list_attempts,
    list_deliveries,
    list_resends,
)
from tocsin.store.retention.progress import find_removed_before
from tocsin.vault import Vault


class DeliveryNotFound(TocsinError):
    """No delivery has this id."""

    code: ClassVar[str] = "delivery_not_found"
    status_hint: ClassVar[int] = 404

    def __init__(self, *, delivery: str, removed_before: datetime | None = None) -> None:
        super().__init__(
            f"there is no delivery {delivery}: list deliveries to see their ids"
            f"{removed_hint(removed_before)}",
            delivery=delivery,
        )


class AttemptNotFound(TocsinError):
    """The delivery has no attempt of this number."""

    code: ClassVar[str] = "attempt_not_found"
    status_hint: ClassVar[int] = 404

    def __init__(self, *, delivery: str, attempt: int, attempts: int) -> None:
        made = {0: "none was made yet", 1: "only the first was made"}
        super().__init__(
            f"{delivery} has no attempt {attempt}: "
            f"{made.get(attempts, f'{attempts} were made, from 1 on')}",
            delivery=delivery,
            attempt=attempt,
            attempts=attempts,
        )


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    """A delivery with the names of what it belongs to, and its attempts, the open one included."""

    delivery: Delivery
    webhook: str
    step: NamedStep | None
    """The step that made it, or the one that it sends once more; None for a test."""
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True)
class ShownDelivery:
    """One delivery, with all that is known of it; `request` is that of its last attempt, or the next."""

    line: DeliveryLine
    request: ShownRequest
    resends: tuple[int, ...]
    """The deliveries that sent it once more."""


def show_deliveries(
    tx: Tx,
    *,
    webhook: str | None = None,
    state: DeliveryState | None = None,
    incident: int | None = None,
    is_test: bool | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: int | None = None,
    limit: int,
) -> list[DeliveryLine]:
    """Return deliveries, the latest first, below the id `before`. `webhook` is a slug."""
    deliveries = list_deliveries(
        tx,
        webhook_ids=None if webhook is None else Names(tx).webhook_ids(webhook),
        state=state,
        incident=incident,
        is_test=is_test,
        since=since,
        until=until,
        before=before,
        limit=limit,
    )
    return describe_deliveries(tx, deliveries)


def show_delivery(
    tx: Tx, configuration: Configuration, delivery_id: int, *, vault: Vault, with_url: bool
) -> ShownDelivery:
    """Return one delivery. `with_url` is for administrators. Raises: DeliveryNotFound."""
    delivery = get_delivery(tx, delivery_id)
    (line,) = describe_deliveries(tx, [delivery])
    last = line.attempts[-1] if line.attempts else None
    request = show_request(tx, configuration, delivery, last, vault=vault, with_url=with_url)
    return ShownDelivery(line, request, tuple(list_resends(tx, delivery_id)))


def show_request_of(
    tx: Tx, configuration: Configuration, delivery_id: int, number: int, *, vault: Vault
) -> ShownRequest:
    """Return the request of one attempt, with its URL. Raises: DeliveryNotFound, AttemptNotFound."""
    delivery = get_delivery(tx, delivery_id)
    attempts = {attempt.number: attempt for attempt in list_attempts(tx, [delivery])[delivery.id]}
    if number not in attempts:
        text = id_text(DELIVERY, delivery.id)
        raise AttemptNotFound(delivery=text, attempt=number, attempts=len(attempts))
    return show_request(tx, configuration, delivery, attempts[number], vault=vault, with_url=True)


def get_delivery(tx: Tx, delivery_id: int) -> Delivery:
    """Return a delivery. Raises: DeliveryNotFound."""
    delivery = find_delivery(tx, delivery_id)
    if delivery is None:
        removed_before = find_removed_before(tx, of=delivery_id)
        raise DeliveryNotFound(
            delivery=id_text(DELIVERY, delivery_id), removed_before=removed_before
        )
    return delivery


def describe_deliveries(
    tx: Tx, deliveries: Sequence[Delivery], names: Names | None = None
) -> list[DeliveryLine]:
    """Return deliveries with their names and attempts."""
    attempts = list_attempts(tx, deliveries)
    origins = find_deliveries(tx, {each.resend_of for each in deliveries if each.resend_of})
    known = names or Names(tx, incidents=[delivery.incident for delivery in deliveries])
    return [
        DeliveryLine(
            delivery=delivery,
            webhook=known.webhook(delivery.webhook_id),
            step=known.step_of_delivery(origins.get(delivery.resend_of or 0, delivery)),
            attempts=tuple(attempts[delivery.id]),
        )
        for delivery in deliveries
    ]
