"""A webhook's auth code: shown to administrators, which is written down, and replaced in two steps.

A page shows it once, after a form that asked for it: no address leads to a secret.
"""

from collections.abc import Callable
from typing import Final

from starlette.responses import Response

from tocsin.actions import rotation
from tocsin.actions.editor import Editor
from tocsin.actions.webhook_health import uses_of_webhooks
from tocsin.actions.webhooks import get_webhook, reveal_auth_codes
from tocsin.domain.auth_code import standard_secret
from tocsin.domain.duration import parse_duration
from tocsin.domain.webhook import Webhook
from tocsin.secret import Secret
from tocsin.service.editing import edit
from tocsin.store.database import Tx
from tocsin.web.route import Access, Route
from tocsin.web.visit import Visit

Codes = tuple[Secret, Secret | None]


def to_codes(visit: Visit, webhook: Webhook, codes: Codes, *, is_new: bool = False) -> Response:
    """Go to the page of a webhook's auth codes, which shows them this once."""
    code, pending = codes
    shows = {
        "code": code.reveal(),
        "pending": pending.reveal() if pending else "",
        "is_new": "yes" if is_new else "",
    }
    return visit.redirect(f"/webhooks/{webhook.slug}/auth-code", shows=shows)


async def show_codes(visit: Visit) -> Response:
    """Show a webhook's auth codes, if a form has just asked for them; else that they can be revealed."""
    slug, vault = visit.params["slug"], visit.services.vault

    def look(tx: Tx) -> tuple[Webhook, bool]:
        webhook = get_webhook(tx, slug, vault)
        return webhook, webhook.slug in uses_of_webhooks(tx)

    webhook, is_used = await visit.work.read(look)
    shown = visit.take_shown()
    code, pending = shown.get("code", ""), shown.get("pending", "")
    return visit.render(
        "webhook_codes.html",
        webhook=webhook,
        is_new=bool(shown.get("is_new")),
        is_used=is_used,
        code=code,
        standard=standard_secret(Secret(code)) if code else "",
        pending=pending,
        pending_standard=standard_secret(Secret(pending)) if pending else "",
    )


async def reveal(visit: Visit) -> Response:
    """Show the auth code, and write down who looked."""
    return await _change(visit, None)


async def rotate(visit: Visit) -> Response:
    """Make a pending auth code, and show both."""
    given = visit.form.get("promote_after", "").strip()
    after = parse_duration(given) if given else None
    slug = visit.params["slug"]
    return await _change(
        visit,
        lambda tx, editor: rotation.rotate_auth_code(tx, slug, promote_at=after, editor=editor),
    )


async def promote(visit: Visit) -> Response:
    """Let the pending auth code take over."""
    slug = visit.params["slug"]
    await edit(
        visit.work,
        visit.principal,
        lambda tx, editor: rotation.promote_auth_code(tx, slug, editor=editor),
    )
    notice = "The pending auth code has taken over: it alone signs everything now."
    return visit.redirect(f"/webhooks/{slug}", notice=notice)


async def cancel_rotation(visit: Visit) -> Response:
    """Take the pending auth code away."""
    slug = visit.params["slug"]
    await edit(
        visit.work,
        visit.principal,
        lambda tx, editor: rotation.cancel_rotation(tx, slug, editor=editor),
    )
    return visit.redirect(f"/webhooks/{slug}", notice="The pending auth code is taken away.")


async def _change(visit: Visit, work: Callable[[Tx, Editor], Webhook] | None) -> Response:
    slug = visit.params["slug"]

    def change(tx: Tx, editor: Editor) -> tuple[Webhook, Codes]:
        webhook = work(tx, editor) if work else get_webhook(tx, slug, editor.vault)
        return webhook, reveal_auth_codes(tx, slug, editor=editor)

    (webhook, codes), _ = await edit(visit.work, visit.principal, change)
    return to_codes(visit, webhook, codes)


ROUTES: Final = (
    Route("/webhooks/{slug}/auth-code", "GET", Access.ADMINISTER, show_codes),
    Route("/webhooks/{slug}/reveal", "POST", Access.ADMINISTER, reveal),
    Route("/webhooks/{slug}/rotate", "POST", Access.ADMINISTER, rotate),
    Route("/webhooks/{slug}/promote", "POST", Access.ADMINISTER, promote),
    Route("/webhooks/{slug}/cancel-rotation", "POST", Access.ADMINISTER, cancel_rotation),
)
