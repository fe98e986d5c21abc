"""Routing: which key leads to which policies, and the tester, which says where an alert would go."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from tocsin.actions.editor import Editor
from tocsin.actions.one_object import not_configured
from tocsin.actions.routing_keys import delete_routing, put_routing
from tocsin.actions.show_routing import ShownRoute, ShownRouting, find_route, show_routing
from tocsin.actions.try_route import simple_alert, try_route
from tocsin.domain.alert_forecast import AlertForecast
from tocsin.domain.alert_json import LARGEST_BODY
from tocsin.domain.configuration import Configuration
from tocsin.domain.configuration_file.description import DEFAULT_ROUTING, ObjectKind
from tocsin.domain.message_type import MessageType
from tocsin.domain.routing import (
    LONGEST_ROUTING_KEY,
    OPENING_TYPES_BY_DEFAULT,
    RoutingKey,
    parse_opening_types,
)
from tocsin.errors import TocsinError
from tocsin.service.editing import edit
from tocsin.store.changes import lock_configuration
from tocsin.store.database import Tx
from tocsin.web.addresses import address_with
from tocsin.web.axis import lay_out
from tocsin.web.route import Access, Route
from tocsin.web.seen import check_seen, seen_first
from tocsin.web.visit import Visit

_MAY_OPEN: Final = (MessageType.CRITICAL, MessageType.WARNING, MessageType.INFO)
_TYPES: Final = tuple((each.value, each.value) for each in MessageType)
_NEW: Final = "/routing/keys/new"
_DEFAULT: Final = "/routing/default"
MOST_BOXES: Final = 60
"""Up to so many policies are boxes to tick; of more, those that are chosen are, and others are typed."""


async def _look(visit: Visit) -> ShownRouting:
    configuration = await visit.work.read(visit.services.cache.current)
    query = visit.query
    return show_routing(
        configuration, begins=query.get("begins", "").strip(), after=query.get("after", "")
    )


async def _find(visit: Visit, key: str) -> ShownRoute | None:
    return find_route(await visit.work.read(visit.services.cache.current), key)


async def show_all(visit: Visit) -> Response:
    """Every key, the default routing, and the form of the tester."""
    shown = await _look(visit)
    after, begins = shown.next_after, visit.query.get("begins", "").strip()
    more = "" if after is None else address_with("/routing", {"begins": begins, "after": after})
    return visit.render(
        "routing.html", shown=shown, more=more, begins=begins, tester=_tester(visit)
    )


def _tester(visit: Visit) -> dict[str, str]:
    """Return what the tester's form holds: what was sent, or what the address says."""
    given = visit.form if visit.request.method == "POST" else dict(visit.query)
    return {
        "key": given.get("key", ""),
        "type": given.get("type", MessageType.CRITICAL.value),
        "entity": given.get("entity", ""),
        "alert": given.get("alert", ""),
    }


async def test_route(visit: Visit) -> Response:
    """Say where an alert would go. Changes nothing."""
    tester = _tester(visit)
    pasted = tester["alert"].strip()
    body = pasted.encode() or simple_alert(message_type=tester["type"], entity_id=tester["entity"])
    services = visit.services
    forecast: AlertForecast | None = None
    refusal: TocsinError | None = None
    try:
        if len(body) > LARGEST_BODY:
            raise TooLongToTry
        forecast = await visit.work.read(
            lambda tx: try_route(
                tx,
                services.cache,
                body,
                routing_key=tester["key"],
                organisation=services.organisation,
                now=visit.now,
            )
        )
    except TocsinError as error:
        refusal = error
    return visit.render(
        "routing_test.html",
        tester=tester,
        types=_TYPES,
        shown=await _look(visit),
        forecast=forecast,
        axes=[lay_out(each.foresight) for each in forecast.policies] if forecast else [],
        refusal=refusal,
        status=refusal.status_hint if refusal else 200,
    )


async def ask_to_test(visit: Visit) -> Response:
    return visit.render(
        "routing_test.html",
        tester=_tester(visit),
        types=_TYPES,
        shown=await _look(visit),
        forecast=None,
        axes=[],
        refusal=None,
    )


class TooLongToTry(TocsinError):
    """An alert of this size would be refused."""

    code = "alert_too_large"
    status_hint = 413

    def __init__(self) -> None:
        super().__init__(
            f"An alert has at most {LARGEST_BODY // 1024} KiB: a sender of more is refused"
        )


async def begin_key(visit: Visit) -> Response:
    return await _form(visit, "", policies=[visit.query.get("policy", "")])


async def begin_change(visit: Visit) -> Response:
    """Raises: NotConfigured."""
    found = await _find(visit, visit.params["key"])
    if found is None:
        raise not_configured(ObjectKind.ROUTING_KEY, visit.params["key"])
    return await _form(visit, *_chosen(found))


async def begin_default(visit: Visit) -> Response:
    key, policies, opens_on = _chosen((await _look(visit)).default)
    asked = visit.query.get("policy", "")
    return await _form(visit, key, policies or [asked], opens_on)


def _chosen(route: ShownRoute) -> tuple[str, list[str], list[str]]:
    paths = [policy.path for policy in route.policies]
    return route.key, paths, [each.value for each in route.opening_types]


async def save_key(visit: Visit) -> Response:
    key = visit.params.get("key", visit.form.get("key", "").strip())
    return await _save(visit, key, is_new="key" not in visit.params)


async def save_default(visit: Visit) -> Response:
    return await _save(visit, DEFAULT_ROUTING)


async def _save(visit: Visit, key: str, *, is_new: bool = False) -> Response:
    policies = [path.strip() for path in visit.all("policy") if path.strip()]
    opens_on = visit.all("opens")
    try:
        if is_new:
            await _refuse_known(visit, key)
        types = parse_opening_types(" ".join(opens_on))

        def put(tx: Tx, editor: Editor) -> None:
            lock_configuration(tx)  # from here on nobody else saves
            known = _known(visit.services.cache.current(tx), key)
            check_seen(visit.form, _values(*known), _values(policies, opens_on))
            put_routing(tx, key, policies=policies, opens_on=types, editor=editor)

        await edit(visit.work, visit.principal, put)
    except TocsinError as refusal:
        return await _form(visit, key, policies, opens_on, refusal=refusal)
    name = f"The routing key {key.lower()}" if key else "The default routing"
    return visit.redirect("/routing", notice=f"{name} leads to {', '.join(policies)}.")


def _known(configuration: Configuration, key: str) -> tuple[list[str], list[str]]:
    """Return where a key, or an empty one for the default routing, leads, and what opens an incident."""
    route = configuration.routes.get(key.lower()) if key else configuration.default_route
    if route is None:
        return [], []
    return [each.path for each in route.policies], [each.value for each in route.opening_types]


def _values(policies: Iterable[str], opens_on: Iterable[str]) -> dict[str, object]:
    return {"policies": sorted(policies), "what opens an incident": sorted(opens_on)}


async def _refuse_known(visit: Visit, key: str) -> None:
    """Raises: InvalidRoutingKey, KeyTaken."""
    RoutingKey(key)
    if await _find(visit, key) is not None:
        raise KeyTaken(key)


class KeyTaken(TocsinError):
    """There is such a routing key already, and making one would replace it unseen."""

    code = "already_configured"
    status_hint = 409

    def __init__(self, key: str) -> None:
        super().__init__(
            f"The routing key {key.lower()!r} exists already: change it, or choose another"
        )


async def remove_key(visit: Visit) -> Response:
    key = visit.params["key"]
    await edit(
        visit.work, visit.principal, lambda tx, editor: delete_routing(tx, key, editor=editor)
    )
    notice = f"The routing key {key} is deleted: the default routing takes its alerts."
    return visit.redirect("/routing", notice=notice)


async def remove_default(visit: Visit) -> Response:
    await edit(
        visit.work,
        visit.principal,
        lambda tx, editor: delete_routing(tx, DEFAULT_ROUTING, editor=editor),
    )
    notice = "There is no default routing any more: alerts with an unknown routing key page nobody."
    return visit.redirect("/routing", notice=notice)


async def _form(
    visit: Visit,
    key: str,
    policies: list[str] | None = None,
    opens_on: list[str] | None = None,
    *,
    refusal: TocsinError | None = None,
) -> Response:
    shown = await _look(visit)
    path = visit.request.url.path
    configuration = await visit.work.read(visit.services.cache.current)
    seen = seen_first(visit.form, _values(*_known(configuration, key)), refusal)
    is_new, is_default = path == _NEW, path == _DEFAULT
    here = _NEW if is_new else _DEFAULT if is_default else f"/routing/keys/{quote(key, safe='')}"
    ticked = [path for path in policies or [] if path]
    return visit.render(
        "routing_form.html",
        shown=shown,
        boxes=sorted(shown.policies, key=lambda policy: policy.path not in ticked),
        key=key[: LONGEST_ROUTING_KEY + 1],
        is_new=is_new,
        is_default=is_default,
        here=here,
        exists=not is_new and (not is_default or bool(shown.default.policies)),
        policies=ticked,
        is_long=len(shown.policies) > MOST_BOXES,
        opens_on=opens_on if opens_on is not None else sorted(OPENING_TYPES_BY_DEFAULT),
        may_open=_MAY_OPEN,
        refusal=refusal,
        seen="" if is_new else seen,
        status=refusal.status_hint if refusal else 200,
    )


ROUTES: Final = (
    Route("/routing", "GET", Access.READ, show_all),
    Route("/routing/test", "GET", Access.READ, ask_to_test),
    Route("/routing/test", "POST", Access.READ, test_route),
    Route(_DEFAULT, "GET", Access.ADMINISTER, begin_default),
    Route(_DEFAULT, "POST", Access.ADMINISTER, save_default),
    Route(f"{_DEFAULT}/delete", "POST", Access.ADMINISTER, remove_default),
    Route(_NEW, "GET", Access.ADMINISTER, begin_key),
    Route(_NEW, "POST", Access.ADMINISTER, save_key),
    Route("/routing/keys/{key}", "GET", Access.ADMINISTER, begin_change),
    Route("/routing/keys/{key}", "POST", Access.ADMINISTER, save_key),
    Route("/routing/keys/{key}/delete", "POST", Access.ADMINISTER, remove_key),
)
