"""Where there is something to see: an example of every page, in every world that has one."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from tests.behaviour.harness import Tocsin
from tests.worlds.few import CHANGED, DISK
from tests.worlds.people import ADMINISTRATOR, do

from tocsin.actions.invitations import invite, invite_first_administrator
from tocsin.actions.users import list_users
from tocsin.web import pages
from tocsin.web.route import Access

NO_PAGES: Final = {
    "/timeline/live": "a stream, which does not end",
    "/incidents/{number:int}/text": "text to copy",
    "/sign-in/oidc": "leads to the provider",
    "/sign-in/oidc/callback": "leads to a page",
}
"""What answers a GET and is no page, and why."""

EXAMPLES: Final[Mapping[str, Mapping[str, str]]] = {
    "/": {
        "timeline": "/",
        "timeline-people": "/?group=people",
        "timeline-nothing": "/?entity=nothing-like-it",
    },
    "/incidents/{number:int}": {
        "incident": "/incidents/{escalating}",
        "incident-held": "/incidents/{held}",
        "incident-acknowledged": "/incidents/{acknowledged}",
        "incident-resolved": "/incidents/{resolved}",
        "incident-nobody-left": "/incidents/{nobody_left}",
    },
    "/deliveries/{id}": {
        "delivery": "/deliveries/{delivered}",
        "delivery-failed": "/deliveries/{failed}",
        "delivery-pending": "/deliveries/{pending}",
        "delivery-cancelled": "/deliveries/{cancelled}",
    },
    "/webhooks/{slug}": {
        "webhook": "/webhooks/{webhook}",
        "webhook-failing": "/webhooks/{failing}",
        "webhook-gone": "/webhooks/{gone}",
        "webhook-never-called": "/webhooks/{never_called}",
        "webhook-rotating": "/webhooks/{rotating}",
        "webhook-tls": "/webhooks/{with_tls}",
    },
    "/webhooks/{slug}/edit": {"webhook-edit": "/webhooks/{webhook}/edit"},
    "/webhooks/{slug}/auth-code": {"webhook-auth-code": "/webhooks/{webhook}/auth-code"},
    "/webhooks/{slug}/receiver": {"webhook-receiver": "/webhooks/{webhook}/receiver"},
    "/webhooks/{slug}/signature": {"webhook-signature": "/webhooks/{webhook}/signature"},
    "/teams/{team}": {"team": "/teams/{team}"},
    "/teams/{team}/policies/new": {"policy-new": "/teams/{team}/policies/new"},
    "/teams/{team}/policies/{policy}": {
        "policy": "/teams/{policy_team}/policies/{policy}",
        "policy-changed": "/teams/{changed_team}/policies/{changed}",
    },
    "/teams/{team}/policies/{policy}/edit": {
        "policy-edit": "/teams/{policy_team}/policies/{policy}/edit"
    },
    "/teams/{team}/policies/{policy}/versions/{number:int}": {
        "policy-version": "/teams/{policy_team}/policies/{policy}/versions/1"
    },
    "/routing/keys/{key}": {"routing-key": "/routing/keys/{key}"},
    "/heartbeats/{slug}": {
        "heartbeat": "/heartbeats/{heartbeat}",
        "heartbeat-silent": "/heartbeats/{silent}",
    },
    "/users/{name}": {"user": "/users/{user}", "user-disabled": "/users/{disabled}"},
    "/welcome/{token}": {
        "welcome": "/welcome/{invitation}",
        "welcome-first": "/welcome/{first_invitation}",
    },
}
"""For each path that has something to fill in: what its pictures are called, and where they are taken.

A page without anything to fill in is its own example. One that has something and is not here fails a test.
"""
_PARAMETER: Final = re.compile(r"\{(\w+)")


class Place(NamedTuple):
    """A page that can be visited."""

    name: str
    route: str
    path: str
    is_for_strangers: bool
    """Whoever is signed in may see something else there."""


def get_routes() -> list[str]:
    """Return the paths of all that answers a GET, as the route table has them."""
    return [route.path for route in pages.ROUTES if route.method == "GET"]


def example_paths(route: str) -> Mapping[str, str]:
    """Return the places of a page, by name; none for one that nobody has given an example of."""
    if route in EXAMPLES:
        return EXAMPLES[route]
    if "{" in route:
        return {}
    return {route.strip("/").replace("/", "-") or "timeline": route}


NAMES: Final = ("no-such-page", *(name for route in get_routes() for name in example_paths(route)))
"""Of all places that there are in one world or another."""


async def places_in(tocsin: Tocsin) -> list[Place]:
    """Return the places of a world that is served, those for strangers last."""
    facts = await _facts(tocsin)
    found = [Place("no-such-page", "", "/no/such/page", is_for_strangers=False)]
    for route in pages.ROUTES:
        if route.method != "GET" or route.path in NO_PAGES:
            continue
        for name, path in example_paths(route.path).items():
            if set(_PARAMETER.findall(path)) <= facts.keys():
                is_public = route.needs is Access.PUBLIC
                found.append(Place(name, route.path, path.format_map(facts), is_public))
    return sorted(found, key=lambda place: place.is_for_strangers)


async def _facts(tocsin: Tocsin) -> dict[str, Any]:
    """Return what is to be filled in: of each kind the newest one there is."""
    facts: dict[str, Any] = {}

    def learn(name: str, items: Sequence[Mapping[str, Any]], key: str) -> None:
        if items:
            facts[name] = items[0][key]

    for status in ("acknowledged", "resolved"):
        learn(status, await _items(tocsin, "incidents", status=status, limit=1), "number")
    triggered = await _items(tocsin, "incidents", status="triggered", limit=50)
    escalating = [each for each in triggered if not each["nobody_left_since"]]
    learn("escalating", sorted(escalating, key=lambda each: each["entity_id"] != DISK), "number")
    learn("nobody_left", [each for each in triggered if each["nobody_left_since"]], "number")
    acknowledged = await _items(tocsin, "incidents", status="acknowledged", limit=50)
    learn("held", [each for each in acknowledged if each["held_until"]], "number")
    for state in ("delivered", "failed", "pending", "cancelled"):
        learn(state, await _items(tocsin, "deliveries", state=state, limit=1), "id")
    webhooks = await _items(tocsin, "webhooks")
    learn("webhook", sorted(webhooks, key=lambda each: each["slug"] != "pager"), "slug")
    learn("failing", [each for each in webhooks if each["breaker"]], "slug")
    slugs = {each["slug"] for each in webhooks}
    special = {"never_called": "never-called", "rotating": "chat", "with_tls": "vault-door"}
    facts |= {name: slug for name, slug in special.items() if slug in slugs}
    learn("gone", [each for each in webhooks if each["disabled_reason"] == "gone"], "slug")
    learn("team", await _items(tocsin, "teams"), "slug")
    policies = await _items(tocsin, "policies")
    learn("policy", policies, "slug")
    learn("policy_team", policies, "team")
    changed = [each for each in policies if each["version"] > 1]
    changed.sort(key=lambda each: f"{each['team']}/{each['slug']}" != CHANGED)
    learn("changed", changed, "slug")
    learn("changed_team", changed, "team")
    keys = await _items(tocsin, "routing-keys")
    learn("key", keys, "key")
    heartbeats = await _items(tocsin, "heartbeats")
    learn("heartbeat", heartbeats, "slug")
    learn("silent", [each for each in heartbeats if each["silent_since"]], "slug")
    facts |= await _people(tocsin)
    return facts


async def _people(tocsin: Tocsin) -> dict[str, str]:
    """Return who there is, and links for who comes."""
    with tocsin.server.store.database.read() as tx:
        users = list_users(tx)
    invitation = await do(tocsin, invite, ADMINISTRATOR)
    first = await do(tocsin, invite_first_administrator)
    facts = {
        "user": users[0].name,
        "invitation": invitation.token.reveal(),
        "first_invitation": first.token.reveal(),
    }
    if users[-1].disabled_at is not None:
        facts["disabled"] = users[-1].name
    return facts


async def _items(tocsin: Tocsin, path: str, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await tocsin.get(path, **query))["items"]
    return found
