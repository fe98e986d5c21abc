"""Webhooks, for the API and the command line."""

from dataclasses import replace

from tocsin.actions.editor import Editor
from tocsin.actions.in_force import InForce
from tocsin.actions.one_object import (
    begin_edit,
    change_one,
    create_one,
    delete_one,
    not_configured,
    require,
)
from tocsin.actions.webhook_certificates import GivenCertificates, with_certificates
from tocsin.domain.auth_code import check_auth_code
from tocsin.domain.configuration_file.description import DescribedWebhook, ObjectKind
from tocsin.domain.configuration_file.mistakes import nearest
from tocsin.domain.display_name import check_name
from tocsin.domain.one_time_link import LinksWithoutPublicUrl
from tocsin.domain.slug import parse_slug, slug_from_name
from tocsin.domain.webhook import Webhook
from tocsin.domain.webhook_address import check_url_and_address
from tocsin.domain.webhook_options import WebhookOptions
from tocsin.secret import Secret
from tocsin.store import webhooks
from tocsin.store.database import Tx
from tocsin.vault import Vault

_USUAL = WebhookOptions()
_NO_CERTIFICATES = GivenCertificates()


def list_webhooks(tx: Tx, vault: Vault) -> list[Webhook]:
    """Return the webhooks in order of slug. Their URLs and auth codes are secrets."""
    return webhooks.list_webhooks(tx, vault)


def get_webhook(tx: Tx, slug: str, vault: Vault) -> Webhook:
    """Return a webhook. Raises: NotConfigured."""
    known = {webhook.slug: webhook for webhook in list_webhooks(tx, vault)}
    if slug not in known:
        raise not_configured(ObjectKind.WEBHOOK, slug, nearest(slug, known))
    return known[slug]


def create_webhook(
    tx: Tx,
    *,
    name: str,
    url: str,
    editor: Editor,
    slug: str | None = None,
    auth_code: str | None = None,
    options: WebhookOptions = _USUAL,
    certificates: GivenCertificates = _NO_CERTIFICATES,
    enabled: bool = True,
) -> Webhook:
    """Make a webhook; its slug comes from its name, and its auth code is made, unless they are given.

    Raises: InvalidName, InvalidSlug, InvalidWebhookUrl, WebhookAddressRefused, InvalidAuthCode,
    InvalidPem, UnreadableCaBundle, UnusableClientCertificate, AlreadyConfigured.
    """
    in_force = begin_edit(tx, editor)
    check_url_and_address(url, editor.networks)
    _check_links(options, _USUAL, editor)
    made = DescribedWebhook(
        slug=parse_slug(slug) if slug is not None else slug_from_name(check_name(name)),
        name=check_name(name),
        url=url,
        auth_code=check_auth_code(auth_code) if auth_code is not None else None,
        options=with_certificates(options, certificates, now=editor.now),
        enabled=enabled,
    )
    create_one(tx, in_force, ObjectKind.WEBHOOK, made.slug, made, editor=editor)
    return get_webhook(tx, made.slug, editor.vault)


def update_webhook(
    tx: Tx,
    slug: str,
    *,
    editor: Editor,
    name: str | None = None,
    new_slug: str | None = None,
    url: str | None = None,
    auth_code: str | None = None,
    options: WebhookOptions | None = None,
    certificates: GivenCertificates = _NO_CERTIFICATES,
    enabled: bool | None = None,
) -> Webhook:
    """Change what is given of a webhook. Attempts from now on, also of waiting deliveries, use it.

    Raises: NotConfigured, and what `create_webhook` raises.
    """
    in_force = begin_edit(tx, editor)
    require(in_force, ObjectKind.WEBHOOK, slug)
    known = in_force.description.webhooks[slug]
    if url is not None:
        check_url_and_address(url, editor.networks)
    _check_links(options or known.options, known.options, editor)
    code = known.auth_code if auth_code is None else check_auth_code(auth_code)
    changed = replace(
        known,
        slug=known.slug if new_slug is None else parse_slug(new_slug),
        name=known.name if name is None else check_name(name),
        url=known.url if url is None else url,
        auth_code=code,
        pending=None if known.pending and known.pending.code == code else known.pending,
        options=with_certificates(options or known.options, certificates, now=editor.now),
        enabled=known.enabled if enabled is None else enabled,
    )
    _change(tx, in_force, slug, changed, editor=editor)
    return get_webhook(tx, changed.slug, editor.vault)


def _check_links(options: WebhookOptions, before: WebhookOptions, editor: Editor) -> None:
    """Refuse links that would lead nowhere; those that there are may stay. Raises: LinksWithoutPublicUrl."""
    if editor.public_url is None and set(options.links) - set(before.links):
        raise LinksWithoutPublicUrl


def _change(
    tx: Tx, in_force: InForce, slug: str, changed: DescribedWebhook, *, editor: Editor
) -> None:
    kind = ObjectKind.WEBHOOK
    change_one(tx, in_force, kind, slug, changed, editor=editor, new_key=changed.slug)


def delete_webhook(tx: Tx, slug: str, *, editor: Editor) -> None:
    """Delete a webhook that no policy calls, and its secrets. Raises: NotConfigured, StillNeeded."""
    delete_one(tx, ObjectKind.WEBHOOK, slug, editor=editor)


def reveal_auth_codes(tx: Tx, slug: str, *, editor: Editor) -> tuple[Secret, Secret | None]:
    """Return a webhook's auth code, and the pending one if there is one; write down who saw them.

    Raises: NotConfigured.
    """
    webhook = get_webhook(tx, slug, editor.vault)
    editor.record(tx, "webhook.auth_code_shown", slug)
    return webhook.auth_code, webhook.pending.code if webhook.pending else None
