"""One webhook: how it is, what it was sent, and what a look at its receiver finds."""

from typing import Final

from starlette.responses import Response

from tocsin.actions.checked_webhook import CheckedWebhook, explain_inspection
from tocsin.actions.incident_set import Context
from tocsin.actions.send_test import send_test
from tocsin.actions.show_deliveries import DeliveryLine, describe_deliveries
from tocsin.actions.webhook_health import WebhookHealth, look_at_health
from tocsin.actions.webhooks import get_webhook
from tocsin.domain.certificate_ending import decide_warning
from tocsin.errors import TocsinError
from tocsin.ids import DELIVERY, id_text
from tocsin.store.database import Tx
from tocsin.store.delivery_walk import in_order, walk_deliveries
from tocsin.web.pages.webhooks import address_of, find_webhook
from tocsin.web.route import Access, Route
from tocsin.web.visit import Visit

_LATEST: Final = 10


async def show_webhook(visit: Visit) -> Response:
    """Show how a webhook is."""
    return await _page(visit)


async def check_webhook(visit: Visit) -> Response:
    """Look how far an attempt would come, and show it. Nothing is sent or changed."""
    webhook = await find_webhook(visit)
    found = await visit.services.check_webhook(webhook)
    return await _page(visit, checked=explain_inspection(webhook, found, visit.now))


async def test_webhook(visit: Visit) -> Response:
    """Send a test, and go where its outcome will be."""
    services, slug, actor = visit.services, visit.params["slug"], visit.principal.actor

    def send(tx: Tx, context: Context) -> int:
        webhook = get_webhook(tx, slug, services.vault)
        return send_test(tx, context, webhook, actor=actor, organisation=services.organisation)

    try:
        delivery = await visit.work.change(send, urgent=True)
    except TocsinError as refusal:
        return await _page(visit, refusal=refusal)
    notice = "A test is on its way. It is sent once; what came of it appears here."
    return visit.redirect(f"/deliveries/{id_text(DELIVERY, delivery)}", notice=notice)


async def _page(
    visit: Visit, *, checked: CheckedWebhook | None = None, refusal: TocsinError | None = None
) -> Response:
    vault, slug = visit.services.vault, visit.params["slug"]

    def read(tx: Tx) -> tuple[WebhookHealth, list[DeliveryLine]]:
        health = look_at_health(tx, get_webhook(tx, slug, vault))
        latest = walk_deliveries(tx, webhook_ids=[health.webhook.id], limit=_LATEST)
        return health, describe_deliveries(tx, in_order(tx, latest.ids))

    health, lines = await visit.work.read(read)
    certificate = health.state.certificate
    return visit.render(
        "webhook.html",
        status=refusal.status_hint if refusal else 200,
        webhook=health.webhook,
        address=address_of(health.webhook),
        health=health,
        lines=lines,
        checked=checked,
        refusal=refusal,
        is_https=health.webhook.url.lower().startswith("https:"),
        certificate_ends=certificate is not None
        and decide_warning(certificate.starts_at, certificate.expires_at, visit.now) is not None,
    )


ROUTES: Final = (
    Route("/webhooks/{slug}", "GET", Access.READ, show_webhook),
    Route("/webhooks/{slug}/check", "POST", Access.ADMINISTER, check_webhook),
    Route("/webhooks/{slug}/test", "POST", Access.ADMINISTER, test_webhook),
)
