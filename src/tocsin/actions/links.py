"""Following a one-time link: looking changes nothing, using it acts once."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tocsin.actions.incident_set import Context, IncidentSet
from tocsin.actions.show_incidents import IncidentLine, describe_incidents
from tocsin.domain.actor import OF_A_LINK
from tocsin.domain.answer_action import is_in_force
from tocsin.domain.incident import Action, Incident
from tocsin.domain.one_time_link import LinkAction, LinkClaim, LinkState
from tocsin.domain.timeline import Kind
from tocsin.ids import DELIVERY, id_text
from tocsin.store.database import Tx
from tocsin.store.delivery_reads import Delivery, find_delivery
from tocsin.store.escalations import list_escalations
from tocsin.store.incident_reads import find_incident
from tocsin.store.timeline import list_timeline
from tocsin.store.used_links import find_use, note_use
from tocsin.store.webhooks import find_webhook_names
from tocsin.vault import Vault

_PURPOSE: Final = "one-time links"
_ENDINGS: Final = frozenset(
    {Kind.ACKNOWLEDGED, Kind.HELD, Kind.RESOLVED, Kind.REROUTED, Kind.MOVED}
)


@dataclass(frozen=True, slots=True)
class LinkView:
    """What a link is about, and what may be done with it."""

    state: LinkState
    action: LinkAction | None = None
    line: IncidentLine | None = None
    used_at: datetime | None = None
    ended_by: str | None = None
    """Who or what stopped the escalation, as an actor."""
    ended_at: datetime | None = None


UNKNOWN = LinkView(LinkState.UNKNOWN)


def link_keys(vault: Vault) -> tuple[bytes, ...]:
    """Return the keys that links are signed with, the newest first."""
    return vault.keys_for(_PURPOSE)


def look_at_link(tx: Tx, claim: LinkClaim, *, now: datetime) -> LinkView:
    """Return what a link would do. Nothing is changed, however often a previewer looks."""
    delivery = find_delivery(tx, claim.delivery_id)
    if delivery is None or delivery.incident is None:
        return UNKNOWN
    incident = find_incident(tx, delivery.incident)
    return UNKNOWN if incident is None else _view(tx, claim, delivery, incident, now=now)


def use_link(tx: Tx, context: Context, claim: LinkClaim) -> LinkView:
    """Do what a link is for, once, while its escalation pages; else return why not."""
    delivery = find_delivery(tx, claim.delivery_id)
    if delivery is None or delivery.incident is None:
        return UNKNOWN
    number = delivery.incident
    incidents = IncidentSet(tx, context)
    incidents.load_numbers([number])
    incident = incidents.find(number)
    if incident is None:
        return UNKNOWN
    before = _view(tx, claim, delivery, incident, now=context.now)
    if before.state is not LinkState.OPEN:
        return before
    slug = find_webhook_names(tx)[delivery.webhook_id]
    facts = {"webhook_id": delivery.webhook_id, "link": id_text(DELIVERY, delivery.id)}
    act = incidents.resolve if claim.action.action is Action.RESOLVE else incidents.acknowledge
    act(number, actor=f"{OF_A_LINK}{slug}", **facts)
    incidents.save()
    note_use(tx, claim.delivery_id, claim.action.value, at=context.now)
    return LinkView(LinkState.DONE, claim.action, describe_incidents(tx, [incident])[0])


def _view(
    tx: Tx, claim: LinkClaim, delivery: Delivery, incident: Incident, *, now: datetime
) -> LinkView:
    line = describe_incidents(tx, [incident])[0]
    used_at = find_use(tx, claim.delivery_id, claim.action.value)
    if used_at is not None:
        return LinkView(LinkState.USED, claim.action, line, used_at=used_at)
    if now >= claim.expires_at:
        return LinkView(LinkState.EXPIRED, claim.action, line)
    escalations = list_escalations(tx, [incident.number]).get(incident.number, [])
    if delivery.escalation is None or not is_in_force(
        incident, escalations[delivery.escalation - 1]
    ):
        ended = [each for each in list_timeline(tx, incident.number) if each.kind in _ENDINGS]
        by, at = (ended[-1].actor, ended[-1].at) if ended else (None, None)
        return LinkView(LinkState.STALE, claim.action, line, ended_by=by, ended_at=at)
    return LinkView(LinkState.OPEN, claim.action, line)
