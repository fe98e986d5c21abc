"""A webhook's auth code: shown to administrators, which is written down, and replaced in two steps."""

from collections.abc import Callable
from typing import Final

from starlette.responses import Response

from tocsin.actions import rotation
from tocsin.actions.editor import Editor
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


def show_codes(visit: Visit, webhook: Webhook, codes: Codes, *, is_new: bool = False) -> Response:
    """Show a webhook's auth codes. It is the answer to a POST: no address leads to a secret."""
    code, pending = codes
    return visit.render(
        "webhook_codes.html",
        webhook=webhook,
        is_new=is_new,
        code=code.reveal(),
        standard=standard_secret(code),
        pending=pending.reveal() if pending else "",
        pending_standard=standard_secret(pending) if pending else "",
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
    return show_codes(visit, webhook, codes)


ROUTES: Final = (
    Route("/webhooks/{slug}/reveal", "POST", Access.ADMINISTER, reveal),
    Route("/webhooks/{slug}/rotate", "POST", Access.ADMINISTER, rotate),
    Route("/webhooks/{slug}/promote", "POST", Access.ADMINISTER, promote),
    Route("/webhooks/{slug}/cancel-rotation", "POST", Access.ADMINISTER, cancel_rotation),
)
