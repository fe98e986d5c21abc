"""Webhooks. Their URLs, auth codes and client keys are sealed on the way in and opened on the way out.

Whatever replaces a secret marks the transaction, so that what was replaced is overwritten on disk too.
"""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from tocsin.domain.auth_code import PendingAuthCode
from tocsin.domain.client_certificate import ClientCertificate
from tocsin.domain.duration import format_duration, parse_duration
from tocsin.domain.follow_up import parse_follow_ups
from tocsin.domain.one_time_link import parse_link_actions
from tocsin.domain.payload import PayloadProfile
from tocsin.domain.webhook import DisabledReason, Webhook
from tocsin.secret import Secret
from tocsin.store import schema_configuration as schema
from tocsin.store.database import Tx
from tocsin.store.lanes import set_slots
from tocsin.store.request_heads import forget_request_heads
from tocsin.store.schema import Sealed, to_micros
from tocsin.vault import Vault

_W = schema.webhooks

_MICROSECOND = timedelta(microseconds=1)
_GONE = b""
_SEALED = tuple(column for column in _W.columns if isinstance(column.type, Sealed))


def list_webhooks(tx: Tx, vault: Vault) -> list[Webhook]:
    """Return the webhooks in order of slug."""
    select = sa.select(_W).where(_W.c.deleted_at.is_(None)).order_by(_W.c.slug)
    return [_webhook(row, vault) for row in tx.core.execute(select)]


def find_webhook_names(tx: Tx) -> dict[int, str]:
    """Return the slug of each webhook that ever was, for what still names it."""
    return {row.id: row.slug for row in tx.core.execute(sa.select(_W.c.id, _W.c.slug))}


def count_webhooks(tx: Tx) -> int:
    """Return how many there are, whether or not their secrets can be opened."""
    return tx.core.scalar(sa.select(sa.func.count()).where(_W.c.deleted_at.is_(None))) or 0


def insert_webhook(tx: Tx, webhook: Webhook, vault: Vault) -> None:
    values = _values(webhook) | _sealed(webhook, vault)
    tx.core.execute(_W.insert(), values | {"id": webhook.id})
    set_slots(tx, webhook.id, webhook.slots)
    _plan(tx, webhook)


def update_webhook(tx: Tx, webhook: Webhook, vault: Vault) -> None:
    """Save everything about a webhook but its id."""
    update = _W.update().where(_W.c.id == webhook.id)
    tx.core.execute(update.values(**_values(webhook), **_sealed(webhook, vault)))
    set_slots(tx, webhook.id, webhook.slots)
    tx.news.has_overwritten = True
    _plan(tx, webhook)


def promote_auth_code(tx: Tx, webhook_id: int, *, planned_at: datetime | None) -> bool:
    """Put the pending auth code in the place of the auth code; nothing is opened for it.

    False when there is none, or one that is planned for another instant.
    """
    planned = _W.c.promote_at.is_(None) if planned_at is None else _W.c.promote_at == planned_at
    update = _W.update().where(_W.c.id == webhook_id, _W.c.pending_auth_code.is_not(None), planned)
    moved = update.values(auth_code=_W.c.pending_auth_code, pending_auth_code=None, promote_at=None)
    tx.news.has_overwritten = True
    return tx.core.execute(moved).rowcount == 1


def disable_webhook(tx: Tx, webhook_id: int, *, at: datetime, reason: DisabledReason) -> str | None:
    """Disable a webhook that is enabled; return its slug, or None if it is not, or not there."""
    update = (
        _W.update()
        .where(_W.c.id == webhook_id, _W.c.disabled_at.is_(None), _W.c.deleted_at.is_(None))
        .values(disabled_at=at, disabled_reason=reason.value)
        .returning(_W.c.slug)
    )
    slug: str | None = tx.core.scalar(update)
    return slug


def delete_webhook(tx: Tx, webhook_id: int, *, now: datetime) -> None:
    """Take a webhook out of sight and forget its secrets; its name stays for its deliveries."""
    update = _W.update().where(_W.c.id == webhook_id)
    gone = dict.fromkeys((column.name for column in _SEALED), None) | {
        "url": _GONE,
        "auth_code": _GONE,
    }
    tx.core.execute(update.values(**gone, promote_at=None, deleted_at=now))
    forget_request_heads(tx, webhook_id)
    tx.news.has_overwritten = True


def find_shut_webhooks(tx: Tx, vault: Vault) -> dict[int, str]:
    """Return the slugs of those that have a secret which this vault does not open, by id."""
    select = sa.select(_W.c.id, _W.c.slug, *_SEALED).where(_W.c.deleted_at.is_(None))
    return {
        id_: slug
        for id_, slug, *sealed in tx.core.execute(select.order_by(_W.c.slug))
        if not all(vault.opens(each) for each in sealed if each is not None)
    }


def replace_forgotten(
    tx: Tx, webhook_id: int, *, url: str, auth_code: Secret, vault: Vault
) -> None:
    """Put others in the place of the secrets that a webhook must have, when one of its secrets is lost.

    A client certificate is nothing without its key, and a plan without a pending auth code.
    """
    needed = {"url": vault.seal(Secret(url)), "auth_code": vault.seal(auth_code)}
    lost = {"pending_auth_code": None, "promote_at": None, "client_certificate": None}
    update = _W.update().where(_W.c.id == webhook_id)
    tx.core.execute(update.values(**needed, **lost, client_key=None))
    tx.news.has_overwritten = True


def _plan(tx: Tx, webhook: Webhook) -> None:
    if webhook.pending and webhook.pending.promote_at:
        tx.news.has_work_at(to_micros(webhook.pending.promote_at))


def _sealed(webhook: Webhook, vault: Vault) -> dict[str, bytes | None]:
    client = webhook.client_certificate
    return {
        "url": vault.seal(Secret(webhook.url)),
        "auth_code": vault.seal(webhook.auth_code),
        "pending_auth_code": vault.seal(webhook.pending.code) if webhook.pending else None,
        "client_key": vault.seal(client.key) if client and client.key else None,
    }


def _values(webhook: Webhook) -> dict[str, Any]:
    return {
        "slug": webhook.slug,
        "name": webhook.name,
        "profile": webhook.profile.value,
        "with_summary": webhook.with_summary,
        "with_sender_headers": webhook.with_sender_headers,
        "with_standard_signature": webhook.with_standard_signature,
        "answer_may_act": webhook.answer_may_act,
        "links": " ".join(webhook.links),
        "follow_up": " ".join(webhook.follow_up),
        "connect_timeout": webhook.connect_timeout // _MICROSECOND,
        "total_timeout": webhook.total_timeout // _MICROSECOND,
        "deadline": webhook.deadline // _MICROSECOND,
        "retry_waits": " ".join(map(format_duration, webhook.retry_waits)),
        "slots": webhook.slots,
        "skip_if_late": None
        if webhook.skip_if_late is None
        else webhook.skip_if_late // _MICROSECOND,
        "when_failing": webhook.when_failing,
        "ca_bundle": webhook.ca_bundle,
        "client_certificate": webhook.client_certificate and webhook.client_certificate.chain,
        "disabled_at": webhook.disabled_at,
        "disabled_reason": webhook.disabled_reason.value if webhook.disabled_reason else None,
        "head_id": webhook.head_id,
        "promote_at": webhook.pending.promote_at if webhook.pending else None,
    }


def _webhook(row: Any, vault: Vault) -> Webhook:
    return Webhook(
        id=row.id,
        slug=row.slug,
        name=row.name,
        url=vault.open(row.url).reveal(),
        auth_code=vault.open(row.auth_code),
        profile=PayloadProfile(row.profile),
        with_summary=row.with_summary,
        with_sender_headers=row.with_sender_headers,
        with_standard_signature=row.with_standard_signature,
        answer_may_act=row.answer_may_act,
        links=parse_link_actions(row.links.split()),
        follow_up=parse_follow_ups(row.follow_up.split()),
        connect_timeout=row.connect_timeout * _MICROSECOND,
        total_timeout=row.total_timeout * _MICROSECOND,
        deadline=row.deadline * _MICROSECOND,
        retry_waits=tuple(map(parse_duration, row.retry_waits.split())),
        slots=row.slots,
        skip_if_late=None if row.skip_if_late is None else row.skip_if_late * _MICROSECOND,
        when_failing=row.when_failing,
        ca_bundle=row.ca_bundle,
        client_certificate=_client_certificate(row, vault),
        disabled_at=row.disabled_at,
        disabled_reason=DisabledReason(row.disabled_reason) if row.disabled_reason else None,
        head_id=row.head_id,
        pending=_pending(row, vault),
    )


def _pending(row: Any, vault: Vault) -> PendingAuthCode | None:
    if row.pending_auth_code is None:
        return None
    return PendingAuthCode(vault.open(row.pending_auth_code), row.promote_at)


def _client_certificate(row: Any, vault: Vault) -> ClientCertificate | None:
    if row.client_certificate is None:
        return None
    return ClientCertificate(row.client_certificate, vault.open(row.client_key))
