"""Webhooks: the list, making, changing and deleting one, and enabling it or not."""

from typing import ClassVar, Final

from starlette.responses import Response

from tocsin.actions import webhooks
from tocsin.actions.editor import Editor
from tocsin.actions.webhook_health import WebhookHealth, look_at_all
from tocsin.actions.webhook_state import Condition, in_condition
from tocsin.domain.webhook import Webhook
from tocsin.domain.webhook_options import WebhookOptions, options_of
from tocsin.errors import TocsinError
from tocsin.secret import Secret
from tocsin.service.editing import edit
from tocsin.store.changes import lock_configuration
from tocsin.store.database import Tx
from tocsin.web.pages.webhook_secrets import to_codes
from tocsin.web.parts import part_of
from tocsin.web.route import Access, Route
from tocsin.web.seen import SavedMeanwhile, check_seen, seen_first
from tocsin.web.visit import Visit
from tocsin.web.webhook_form import WebhookForm, empty_form, filled_form, sent_form

LIST: Final = "/webhooks"
_TAKEN: Final = frozenset({"new"})
"""Slugs that would be the address of another page."""

_CONDITIONS: Final = (
    ("", "any"),
    (Condition.TROUBLED.value, "failing or held back"),
    (Condition.DISABLED.value, "disabled"),
)


class ReservedSlug(TocsinError):
    """A page of another kind has this address."""

    code: ClassVar[str] = "reserved_slug"
    status_hint: ClassVar[int] = 422

    def __init__(self) -> None:
        super().__init__("No webhook can have the slug 'new' here: give another one under More")


async def show_webhooks(visit: Visit) -> Response:
    """Show all webhooks, and how each is."""
    vault = visit.services.vault
    begins = visit.query.get("begins", "").replace("\x00", "").strip()
    state = visit.query.get("state", "")
    condition = Condition(state) if state in set(Condition) else None

    def read(tx: Tx) -> tuple[list[WebhookHealth], str]:
        listed = [
            webhook for webhook in webhooks.list_webhooks(tx, vault) if _begins(webhook, begins)
        ]
        if condition is not None:
            listed = in_condition(tx, listed, condition)
        part = part_of(visit, listed, lambda webhook: webhook.slug)
        return look_at_all(tx, part.items), part.more

    found, more = await visit.work.read(read)
    return visit.render(
        "webhooks.html",
        found=found,
        more=more,
        begins=begins,
        condition=condition.value if condition else "",
        conditions=_CONDITIONS,
    )


def _begins(webhook: Webhook, words: str) -> bool:
    """Whether its name or its slug begins with these words."""
    folded = words.casefold()
    return any(each.casefold().startswith(folded) for each in (webhook.name, webhook.slug))


async def ask_for_webhook(visit: Visit) -> Response:
    """Show the form of a new webhook."""
    return _form(visit, empty_form())


async def take_webhook(visit: Visit) -> Response:
    """Make a webhook, and go where its auth code is shown."""
    form = sent_form(visit.form, WebhookOptions())
    if form.wrong:
        return _form(visit, form)

    def make(tx: Tx, editor: Editor) -> tuple[Webhook, tuple[Secret, Secret | None]]:
        made = webhooks.create_webhook(
            tx,
            name=form.text("name").strip(),
            url=form.text("url"),
            slug=form.text("slug").strip() or None,
            auth_code=form.text("auth_code").strip() or None,
            options=form.options,
            certificates=form.certificates,
            enabled="enabled" in form.values,
            editor=editor,
        )
        if made.slug in _TAKEN:
            raise ReservedSlug
        return made, webhooks.reveal_auth_codes(tx, made.slug, editor=editor)

    try:
        (made, codes), _ = await edit(visit.work, visit.principal, make)
    except TocsinError as refusal:
        return _form(visit, form, refusal)
    return to_codes(visit, made, codes, is_new=True)


async def edit_webhook(visit: Visit) -> Response:
    """Show the form of a webhook as it is."""
    webhook = await find_webhook(visit)
    return _form(visit, filled_form(webhook), webhook=webhook)


async def change_webhook(visit: Visit) -> Response:
    """Change a webhook; attempts from now on use it."""
    webhook = await find_webhook(visit)
    form = sent_form(visit.form, options_of(webhook))
    if form.wrong:
        return _form(visit, form, webhook=webhook)

    def change(tx: Tx, editor: Editor) -> Webhook:
        new_slug = form.text("slug").strip()
        if new_slug in _TAKEN:
            raise ReservedSlug
        lock_configuration(tx)  # from here on nobody else saves
        now = webhooks.get_webhook(tx, webhook.slug, editor.vault)
        check_seen(visit.form, filled_form(now).values, form.shown_values)
        return webhooks.update_webhook(
            tx,
            webhook.slug,
            name=form.text("name").strip(),
            new_slug=new_slug or None,
            url=form.text("url"),
            options=form.options,
            certificates=form.certificates,
            editor=editor,
        )

    try:
        changed, is_new = await edit(visit.work, visit.principal, change)
    except SavedMeanwhile as refusal:
        return _form(visit, form, refusal, webhook=await find_webhook(visit))
    except TocsinError as refusal:
        return _form(visit, form, refusal, webhook=webhook)
    notice = "Changed: attempts from now on use it." if is_new else "Nothing was changed."
    return visit.redirect(address_of(changed), notice=notice)


async def enable_webhook(visit: Visit) -> Response:
    """Let steps call a webhook again."""
    return await _set_enabled(visit, is_enabled=True)


async def disable_webhook(visit: Visit) -> Response:
    """Let no step call a webhook."""
    return await _set_enabled(visit, is_enabled=False)


async def _set_enabled(visit: Visit, *, is_enabled: bool) -> Response:
    slug = visit.params["slug"]
    webhook, _ = await edit(
        visit.work,
        visit.principal,
        lambda tx, editor: webhooks.update_webhook(tx, slug, enabled=is_enabled, editor=editor),
    )
    notice = "Enabled: steps call it from now on." if is_enabled else "Disabled: no step calls it."
    return visit.redirect(address_of(webhook), notice=notice)


async def delete_webhook(visit: Visit) -> Response:
    """Delete a webhook that no policy calls, and forget its secrets."""
    slug = visit.params["slug"]
    await edit(
        visit.work,
        visit.principal,
        lambda tx, editor: webhooks.delete_webhook(tx, slug, editor=editor),
    )
    return visit.redirect(LIST, notice=f"{slug} is deleted, and its secrets are forgotten.")


async def find_webhook(visit: Visit) -> Webhook:
    """Return the webhook of the path. Raises: NotConfigured."""
    slug, vault = visit.params["slug"], visit.services.vault
    return await visit.work.read(lambda tx: webhooks.get_webhook(tx, slug, vault))


def address_of(webhook: Webhook) -> str:
    return f"{LIST}/{webhook.slug}"


def _form(
    visit: Visit,
    form: WebhookForm,
    refusal: TocsinError | None = None,
    *,
    webhook: Webhook | None = None,
) -> Response:
    seen = seen_first(visit.form, filled_form(webhook).values, refusal) if webhook else ""
    status = refusal.status_hint if refusal else 422 if form.wrong else 200
    return visit.render(
        "webhook_form.html",
        status=status,
        form=form,
        refusal=refusal,
        webhook=webhook,
        seen=seen,
        has_public_url=visit.services.set_public_url is not None,
    )


_SECRETS: Final = frozenset({"auth_code", "client_key"})
ROUTES: Final = (
    Route(LIST, "GET", Access.READ, show_webhooks),
    Route("/webhooks/new", "GET", Access.ADMINISTER, ask_for_webhook),
    Route("/webhooks/new", "POST", Access.ADMINISTER, take_webhook, _SECRETS),
    Route("/webhooks/{slug}/edit", "GET", Access.ADMINISTER, edit_webhook),
    Route("/webhooks/{slug}/edit", "POST", Access.ADMINISTER, change_webhook, _SECRETS),
    Route("/webhooks/{slug}/enable", "POST", Access.ADMINISTER, enable_webhook),
    Route("/webhooks/{slug}/disable", "POST", Access.ADMINISTER, disable_webhook),
    Route("/webhooks/{slug}/delete", "POST", Access.ADMINISTER, delete_webhook),
)
