"""Alerts as people see them: accepted, refused, of an entity, of an incident."""

from heapq import nlargest
from typing import ClassVar

from tocsin.actions.show_incidents import get_incident
from tocsin.domain.retention import removed_hint
from tocsin.errors import TocsinError
from tocsin.ids import ALERT, id_text
from tocsin.store.alert_reads import (
    AcceptedAlert,
    find_alerts,
    list_alert_ids_of_incident,
    list_alerts,
    list_alerts_without_incident,
    list_refused_alerts,
)
from tocsin.store.alerts import RefusedAlert
from tocsin.store.database import Tx
from tocsin.store.incident_reads import list_incidents_of_entity
from tocsin.store.retention.progress import find_removed_before


class AlertNotFound(TocsinError):
    """No accepted alert has this id."""

    code: ClassVar[str] = "alert_not_found"
    status_hint: ClassVar[int] = 404


def show_alert(tx: Tx, alert_id: int) -> AcceptedAlert:
    """Return one accepted alert with its fields. Raises: AlertNotFound."""
    alert = find_alerts(tx, [alert_id]).get(alert_id)
    if alert is None:
        text = id_text(ALERT, alert_id)
        hint = removed_hint(find_removed_before(tx, of=alert_id))
        message = f"there is no alert {text}: list alerts to see their ids{hint}"
        raise AlertNotFound(message, alert=text)
    return alert


def show_alerts(
    tx: Tx, *, entity_id: str | None = None, before: int | None = None, limit: int
) -> list[AcceptedAlert]:
    """Return accepted alerts, all or an entity's, the latest first, below the id `before`."""
    if entity_id is None:
        return list_alerts(tx, before=before, limit=limit)
    alone = list_alerts_without_incident(tx, entity_id, before=before, limit=limit)
    ids = [alert.id for alert in alone]
    for number in list_incidents_of_entity(tx, entity_id):
        of_incident = list_alert_ids_of_incident(tx, number)
        ids += [id_ for id_ in of_incident if before is None or id_ < before][:limit]
    return _latest(tx, ids, limit)


def show_alerts_of_incident(
    tx: Tx, number: int, *, before: int | None = None, limit: int
) -> list[AcceptedAlert]:
    """Return an incident's alerts, the latest first, below `before`. Raises: IncidentNotFound."""
    get_incident(tx, number)
    ids = list_alert_ids_of_incident(tx, number)
    return _latest(tx, [id_ for id_ in ids if before is None or id_ < before], limit)


def show_refused_alerts(
    tx: Tx, *, mentioning: str | None = None, before: int | None = None, limit: int
) -> list[RefusedAlert]:
    """Return requests that were refused, the latest first, below the id `before`."""
    texts = () if mentioning is None else (mentioning,)
    return list_refused_alerts(tx, mentioning=texts, before=before, limit=limit)


def _latest(tx: Tx, ids: list[int], limit: int) -> list[AcceptedAlert]:
    wanted = nlargest(limit, ids)
    alerts = find_alerts(tx, wanted)
    return [alerts[id_] for id_ in wanted]
