"""Deliveries: a list with filters, and one with every attempt, its request and the answers."""

from dataclasses import asdict, dataclass
from typing import Final

from starlette.responses import Response

from tocsin.actions.attempt_facts import AttemptFacts, facts_of
from tocsin.actions.named_steps import Names
from tocsin.actions.send_again import foresee, send_one_again
from tocsin.actions.show_deliveries import (
    DeliveryLine,
    ShownDelivery,
    describe_deliveries,
    show_delivery,
    show_request_of,
)
from tocsin.actions.show_request import ShownRequest
from tocsin.actions.why import DeliveryStory, tell_delivery
from tocsin.domain.curl_command import curl_command
from tocsin.domain.delivery import DeliveryState
from tocsin.domain.outcome import explain
from tocsin.domain.principal import Scope
from tocsin.domain.send_again import Resending
from tocsin.errors import TocsinError
from tocsin.ids import DELIVERY, id_text, parse_id
from tocsin.service.cursors import read_cursor, write_cursor
from tocsin.store.database import Tx
from tocsin.store.delivery_reads import Attempt
from tocsin.store.delivery_walk import in_order, walk_deliveries
from tocsin.store.webhooks import find_webhook_names
from tocsin.web.addresses import address_with
from tocsin.web.route import Access, Route
from tocsin.web.visit import Visit

LIST: Final = "/deliveries"
SHOWN: Final = 40
_LONGEST_CURL: Final = 10_000
"""Characters of a command that somebody would paste."""
_GREATEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is listed; empty: all of it."""

    webhook: str
    state: str
    incident: str
    test: str

    @property
    def is_narrowed(self) -> bool:
        return bool(self.webhook or self.state or self.incident or self.test)

    def link(self, after: int) -> str:
        """Return the address of the same below a delivery."""
        return address_with(LIST, asdict(self), after=write_cursor(after))


@dataclass(frozen=True, slots=True)
class _Listed:
    lines: list[DeliveryLine]
    unseen_below: int | None
    slugs: list[str]


async def show_deliveries(visit: Visit) -> Response:
    """List deliveries, the latest first: as many as a page has, of as many as a look may pass."""
    asked = _Asked(*(visit.query.get(name, "").strip() for name in _Asked.__slots__))
    before = read_cursor(visit.query.get("after"))
    refusal: TocsinError | None = None
    try:
        found = await visit.work.read(lambda tx: _list(tx, asked, before))
    except TocsinError as error:
        refusal = error
        found = _Listed([], None, await visit.work.read(_slugs))
    return visit.render(
        "deliveries.html",
        status=refusal.status_hint if refusal else 200,
        asked=asked,
        lines=found.lines,
        slugs=[("", "any"), *((slug, slug) for slug in found.slugs)],
        states=[("", "any"), *((each.value, each.value) for each in DeliveryState)],
        older=asked.link(found.unseen_below) if found.unseen_below is not None else "",
        is_full=len(found.lines) == SHOWN,
        is_first=before is None,
        refusal=refusal,
    )


def _list(tx: Tx, asked: _Asked, before: int | None) -> _Listed:
    state = (asked.state in set(DeliveryState) and DeliveryState(asked.state)) or None
    number = asked.incident.removeprefix("#")
    has_number = number.isdecimal() and number.isascii() and len(number) < 19
    incident = min(int(number), _GREATEST) if has_number else None
    if asked.incident and incident is None:
        return _Listed([], None, _slugs(tx))
    walked = walk_deliveries(
        tx,
        webhook_ids=Names(tx).webhook_ids(asked.webhook) if asked.webhook else None,
        state=state,
        incident=incident,
        is_test=True if asked.test == "yes" else None,
        before=before,
        limit=SHOWN + 1,
    )
    ids, unseen_below = walked.ids[:SHOWN], walked.unseen_below
    if len(walked.ids) > SHOWN:
        unseen_below = ids[-1]
    return _Listed(describe_deliveries(tx, in_order(tx, ids)), unseen_below, _slugs(tx))


def _slugs(tx: Tx) -> list[str]:
    return sorted(set(find_webhook_names(tx).values()))


@dataclass(frozen=True, slots=True)
class ShownAttempt:
    """An attempt with its request; `request` is of this very one. `detail` says what `explanation` does not."""

    attempt: Attempt
    facts: AttemptFacts
    explanation: str
    detail: str
    request: ShownRequest | None


@dataclass(frozen=True, slots=True)
class _One:
    shown: ShownDelivery
    attempts: list[ShownAttempt]
    foreseen: Resending
    story: DeliveryStory


async def show_one(visit: Visit) -> Response:
    """Show one delivery with all that is known of it."""
    return await _page(visit)


async def send_again(visit: Visit) -> Response:
    """Send a delivery again, and go to the one that is sent."""
    id_, actor = parse_id(DELIVERY, visit.params["id"]), visit.principal.actor
    try:
        sent = await visit.work.change(
            lambda tx, context: send_one_again(tx, context, id_, actor=actor)
        )
    except TocsinError as refusal:
        return await _page(visit, refusal)
    notice = "It is sent again." if sent.resending.changes else sent.resending.foresight
    return visit.redirect(f"{LIST}/{id_text(DELIVERY, sent.delivery)}", notice=notice)


async def _page(visit: Visit, refusal: TocsinError | None = None) -> Response:
    id_ = parse_id(DELIVERY, visit.params["id"])
    with_url = visit.principal.scope.covers(Scope.ADMINISTER)
    one = await visit.work.read(lambda tx: _read(tx, visit, id_, with_url=with_url))
    request = one.shown.request
    curl = curl_command(request.url, request.headers, request.body) if request.url else ""
    return visit.render(
        "delivery.html",
        status=refusal.status_hint if refusal else 200,
        line=one.shown.line,
        shown=one.shown,
        id=id_text(DELIVERY, id_),
        attempts=one.attempts,
        foreseen=one.foreseen,
        story=one.story,
        refusal=refusal,
        curl=curl if len(curl) <= _LONGEST_CURL else "",
        may_send=visit.principal.scope.covers(Scope.RESPOND),
        with_url=with_url,
        is_live=not one.shown.line.delivery.state.is_ended,
    )


def _read(tx: Tx, visit: Visit, id_: int, *, with_url: bool) -> _One:
    services = visit.services
    configuration, vault = services.cache.current(tx), services.vault
    shown = show_delivery(tx, configuration, id_, vault=vault, with_url=with_url)

    def of(attempt: Attempt) -> ShownAttempt:
        request = None
        if with_url:
            request = show_request_of(tx, configuration, id_, attempt.number, vault=vault)
        facts = facts_of(attempt, with_url=with_url)
        explanation = explain(attempt.outcome, attempt.status_code or 0) if attempt.outcome else ""
        detail = (facts.reason or "").removeprefix(explanation).strip(" ()")
        return ShownAttempt(attempt, facts, explanation, detail, request)

    return _One(
        shown,
        [of(attempt) for attempt in reversed(shown.line.attempts[-_MOST_SHOWN:])],
        foresee(tx, configuration, id_, now=visit.now),
        tell_delivery(tx, configuration, shown.line, now=visit.now),
    )


_MOST_SHOWN: Final = 20

ROUTES: Final = (
    Route(LIST, "GET", Access.READ, show_deliveries),
    Route("/deliveries/{id}", "GET", Access.READ, show_one),
    Route("/deliveries/{id}/send-again", "POST", Access.RESPOND, send_again),
)
