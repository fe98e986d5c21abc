"""Integrations: what comes in by keys, and what goes out to webhooks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from starlette.responses import Response

from tocsin.actions import alert_keys, configured_heartbeats
from tocsin.actions.alert_keys import COUNTED_DAYS, Intake, ShownAlertKey
from tocsin.actions.show_alerts import show_refused_alerts
from tocsin.domain.fate import PAGED_NOBODY, Fate, fate_text
from tocsin.domain.heartbeat import HeartbeatState, state_of
from tocsin.domain.intake import (
    ANY_KEY,
    ANY_ROUTING_KEY,
    NO_ROUTING_KEY,
    alert_url,
    settings_for_alerts,
)
from tocsin.errors import TocsinError
from tocsin.service.editing import edit
from tocsin.store.alerts import RefusedAlert
from tocsin.store.database import Tx
from tocsin.web.addresses import address_with
from tocsin.web.parts import AFTER, SHOWN, Part, read_part
from tocsin.web.route import Access, Route
from tocsin.web.visit import Visit

REFUSED_SHOWN: Final = 10
_SURPRISING: Final = (Fate.STARTED_NO_POLICY, Fate.UNKNOWN_TYPE, Fate.DOES_NOT_OPEN)
"""Why an alert paged nobody that somebody may have meant to page."""


@dataclass(frozen=True, slots=True)
class _Overview:
    webhooks: int
    intake: Intake
    has_routing_keys: bool
    heartbeats: Mapping[HeartbeatState, int]


async def integrations(visit: Visit) -> Response:
    """What there is, and where it is set up."""

    def look(tx: Tx) -> _Overview:
        states = [state_of(each, visit.now) for each in configured_heartbeats.list_heartbeats(tx)]
        configuration = visit.services.cache.current(tx)
        return _Overview(
            webhooks=len(configuration.webhooks),
            has_routing_keys=any(configuration.routes),
            intake=alert_keys.sum_up(tx, now=visit.now),
            heartbeats={state: states.count(state) for state in dict.fromkeys(states)},
        )

    overview = await visit.work.read(look)
    any_route = ANY_ROUTING_KEY if overview.has_routing_keys else NO_ROUTING_KEY
    url = alert_url(visit.services.public_url, key=ANY_KEY, routing_key=any_route)
    return visit.render(
        "integrations.html",
        overview=overview,
        url=url,
        any_key=ANY_KEY,
        any_route=any_route,
        days=COUNTED_DAYS,
    )


# --- alert keys


@dataclass(frozen=True, slots=True)
class _KeyLine:
    shown: ShownAlertKey
    reasons: Sequence[tuple[int, str]]
    """How many alerts paged nobody, and why, those that surprise most first."""
    is_surprising: bool


@dataclass(frozen=True, slots=True)
class _Keys:
    in_force: Part[_KeyLine]
    revoked: Part[_KeyLine]
    is_first: bool
    """Whether no alert came by any of them yet."""
    routing_keys: Sequence[str]
    refused: Sequence[RefusedAlert]


async def show_alert_keys(visit: Visit) -> Response:
    """The keys, what came by each, and settings to paste."""
    return await _alert_keys(visit)


async def make_alert_key(visit: Visit) -> Response:
    """Make one, or take one that senders have already, and let the list show it this once."""
    name, key = visit.form.get("name", "").strip(), visit.form.get("key", "").strip()
    try:
        made, _ = await edit(
            visit.work,
            visit.principal,
            lambda tx, editor: alert_keys.create_alert_key(
                tx, name=name, key=key or None, editor=editor
            ),
        )
    except TocsinError as refusal:
        return await _alert_keys(visit, refusal=refusal, name=name)
    await visit.services.keyring.refresh()
    chosen = {"routing_key": visit.query.get("routing_key", "")}
    shows = {"name": made.alert_key.name, "key": made.secret.reveal()}
    return visit.redirect(address_with("/alert-keys", chosen), shows=shows)


async def revoke_alert_key(visit: Visit) -> Response:
    """Let nobody in by it any more."""
    name = visit.params["name"]
    await edit(
        visit.work,
        visit.principal,
        lambda tx, editor: alert_keys.revoke_alert_key(tx, name, editor=editor),
    )
    await visit.services.keyring.refresh()
    return visit.redirect(
        "/alert-keys",
        notice=f"The alert key {name} is revoked: its alerts are refused from now on.",
    )


async def _alert_keys(
    visit: Visit, *, refusal: TocsinError | None = None, name: str = ""
) -> Response:
    def look(tx: Tx) -> _Keys:
        now, after = visit.now, visit.query.get(AFTER, "").replace("\x00", "")
        some = partial(alert_keys.list_keys_in_force, tx, now=now, limit=SHOWN + 1)
        in_force = some(after=after) or some(after="")
        revoked = alert_keys.list_keys_revoked_last(tx, now=now, limit=SHOWN + 1)
        return _Keys(
            in_force=_part(visit, in_force),
            revoked=_part(visit, revoked),
            is_first=not alert_keys.has_taken_in(tx, now=now),
            routing_keys=sorted(filter(None, visit.services.cache.current(tx).routes)),
            refused=show_refused_alerts(tx, limit=REFUSED_SHOWN),
        )

    keys = await visit.work.read(look)
    chosen = visit.query.get("routing_key", "").lower()
    if chosen not in keys.routing_keys:
        chosen = keys.routing_keys[0] if keys.routing_keys else NO_ROUTING_KEY
    made = visit.take_shown()
    key = made.get("key", ANY_KEY)
    server = visit.services.public_url
    words: dict[str, Any] = {
        "keys": keys,
        "made": made,
        "url": alert_url(server, key=key, routing_key=chosen),
        "settings": settings_for_alerts(server, key=key, routing_key=chosen),
        "routing_key": chosen,
        "any_key": ANY_KEY,
        "days": COUNTED_DAYS,
        "refusal": refusal,
        "name": name,
    }
    status = refusal.status_hint if refusal else 200
    return visit.render("alert_keys.html", status=status, **words)


def _part(visit: Visit, found: Sequence[ShownAlertKey]) -> Part[_KeyLine]:
    return read_part(visit, list(map(_key_line, found)), lambda line: line.shown.alert_key.name)


def _key_line(shown: ShownAlertKey) -> _KeyLine:
    reasons = [
        (shown.fates[fate], fate_text(fate)) for fate in PAGED_NOBODY if shown.fates.get(fate)
    ]
    return _KeyLine(shown, reasons, any(shown.fates.get(fate) for fate in _SURPRISING))


ROUTES: Final = (
    Route("/integrations", "GET", Access.READ, integrations),
    Route("/alert-keys", "GET", Access.READ, show_alert_keys),
    Route("/alert-keys", "POST", Access.ADMINISTER, make_alert_key, frozenset({"key"})),
    Route("/alert-keys/{name}/revoke", "POST", Access.ADMINISTER, revoke_alert_key),
)
