"""What a webhook's receiver needs: code that verifies, what is sent, and why a signature is refused."""

import re
from collections.abc import Sequence
from typing import Final

from starlette.responses import Response

from tocsin.domain.captured_request import CapturedRequest, read_captured_request
from tocsin.domain.principal import Scope
from tocsin.domain.sample_page import sample_pages
from tocsin.domain.signature_explanation import (
    HEADERS,
    Given,
    differences,
    explain_signatures,
    is_stale,
    origin_of,
)
from tocsin.domain.webhook import Webhook
from tocsin.errors import TocsinError
from tocsin.web.pages.webhooks import address_of, find_webhook
from tocsin.web.receiver_snippets import snippets_for
from tocsin.web.route import Access, Route
from tocsin.web.visit import Visit
from tocsin_receiver import Explanation

SECRET_URL: Final = "https://the-url-of.the-webhook/is-for-administrators"
_BEGINS_A_REQUEST: Final = re.compile(r"\s*[A-Z]{2,16} \S")


async def show_receiver(visit: Visit) -> Response:
    """Show snippets with this webhook's URL, and both profiles."""
    webhook = await find_webhook(visit)
    with_url = visit.principal.scope.covers(Scope.ADMINISTER)
    return visit.render(
        "receiver.html",
        webhook=webhook,
        address=address_of(webhook),
        with_url=with_url,
        snippets=snippets_for(webhook.url if with_url else SECRET_URL),
        samples=sample_pages(
            organisation=visit.services.organisation,
            with_summary=webhook.with_summary,
            now=visit.now,
        ),
    )


async def ask_for_request(visit: Visit) -> Response:
    """Show the form for a request that a receiver refused."""
    return _page(visit, await find_webhook(visit))


async def explain(visit: Visit) -> Response:
    """Say which step of verifying differs. Nothing is kept of what was pasted."""
    webhook = await find_webhook(visit)
    form = visit.form
    text, signature = form.get("request", ""), form.get("signature", "").strip()
    first, *others = (each.reveal().encode() for each in webhook.auth_codes)
    try:
        given = Given(
            url=webhook.url,
            fields=[],
            request=_request(text),
            signature=signature or None,
            auth_codes=[first, *others],
            received_at=visit.now,
        )
        found = explain_signatures(given)
    except TocsinError as refusal:
        return _page(visit, webhook, refusal=refusal)
    notes = list(given.request.notes if given.request else ())
    if any(is_stale(each) for each in found):
        notes.append("Its age is counted until now: a request that was captured earlier is stale.")
    return _page(visit, webhook, found=found, notes=notes)


def _request(text: str) -> CapturedRequest:
    """Return a whole request, or what is taken for the body of one."""
    if _BEGINS_A_REQUEST.match(text):
        return read_captured_request(text.encode())
    return CapturedRequest("/", (), text.strip().encode())


def _page(
    visit: Visit,
    webhook: Webhook,
    *,
    found: Sequence[Explanation] = (),
    notes: Sequence[str] = (),
    refusal: TocsinError | None = None,
) -> Response:
    return visit.render(
        "signature.html",
        status=refusal.status_hint if refusal else 200,
        webhook=webhook,
        address=address_of(webhook),
        found=found,
        notes=notes,
        refusal=refusal,
        request_text=visit.form.get("request", ""),
        signature=visit.form.get("signature", ""),
        header_of=HEADERS,
        origin_of=origin_of,
        differences=differences,
    )


ROUTES: Final = (
    Route("/webhooks/{slug}/receiver", "GET", Access.READ, show_receiver),
    Route("/webhooks/{slug}/signature", "GET", Access.ADMINISTER, ask_for_request),
    Route("/webhooks/{slug}/signature", "POST", Access.ADMINISTER, explain),
)
