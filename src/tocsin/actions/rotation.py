"""Giving a webhook another auth code without a page that its receiver would refuse.

1. A pending code is made. Standard Webhooks signatures are made with both from now on, so receivers that
   verify those may change to it at any time. VictorOps' header has room for one, made with the old code.
2. It is promoted, by hand or by the engine at its instant: now it alone signs everything.
3. The old one is gone, from the database and from what lies beside it.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from tocsin.actions.editor import Editor
from tocsin.actions.incident_set import Context
from tocsin.actions.one_object import begin_edit, change_one, require
from tocsin.actions.webhooks import get_webhook
from tocsin.domain.auth_code import (
    RANDOM_BYTES,
    InvalidAuthCode,
    PendingAuthCode,
    check_auth_code,
    make_auth_code,
)
from tocsin.domain.configuration_file.description import ObjectKind
from tocsin.domain.rotation import RotationUnderWay, promotion_instant
from tocsin.domain.timeline import ENGINE, NO_INCIDENT, Kind, TimelineEntry
from tocsin.domain.webhook import Webhook
from tocsin.ids import IdSource
from tocsin.store import webhooks
from tocsin.store.changes import Change, add_change, lock_configuration
from tocsin.store.database import Tx
from tocsin.store.timeline import add_to_timeline

_PROMOTED = ("auth_code", "pending_auth_code")


def rotate_auth_code(
    tx: Tx,
    slug: str,
    *,
    editor: Editor,
    auth_code: str | None = None,
    promote_at: datetime | timedelta | None = None,
) -> Webhook:
    """Give a webhook a pending auth code: the one that is given, or a new one.

    Raises: NotConfigured, RotationUnderWay, InvalidAuthCode, PromotionOutOfBounds.
    """
    in_force = begin_edit(tx, editor)
    require(in_force, ObjectKind.WEBHOOK, slug)
    known = in_force.description.webhooks[slug]
    if known.pending is not None:
        raise RotationUnderWay(
            f"{slug} has a pending auth code already; promote that one, or cancel it, and begin anew",
            webhook=slug,
        )
    code = None if auth_code is None else check_auth_code(auth_code)
    if code is not None and code == known.auth_code:
        raise InvalidAuthCode(
            "this is the auth code that the webhook has; give another one, or leave it out and one "
            "is made",
            reason="same",
        )
    pending = PendingAuthCode(
        code or make_auth_code(editor.random_bytes(RANDOM_BYTES)),
        promotion_instant(editor.now, promote_at),
    )
    changed = replace(known, pending=pending)
    change_one(tx, in_force, ObjectKind.WEBHOOK, slug, changed, editor=editor)
    return get_webhook(tx, slug, editor.vault)


def cancel_rotation(tx: Tx, slug: str, *, editor: Editor) -> Webhook:
    """Take a webhook's pending auth code away; nothing changes if there is none. Raises: NotConfigured."""
    in_force = begin_edit(tx, editor)
    require(in_force, ObjectKind.WEBHOOK, slug)
    changed = replace(in_force.description.webhooks[slug], pending=None)
    change_one(tx, in_force, ObjectKind.WEBHOOK, slug, changed, editor=editor)
    return get_webhook(tx, slug, editor.vault)


def promote_auth_code(tx: Tx, slug: str, *, editor: Editor) -> Webhook:
    """Let the pending auth code take over now; nothing changes if there is none. Raises: NotConfigured."""
    lock_configuration(tx)
    webhook = get_webhook(tx, slug, editor.vault)
    if webhook.pending is not None:
        _promote(tx, webhook, actor=editor.actor, now=editor.now, ids=editor.ids)
    return get_webhook(tx, slug, editor.vault)


def promote_due(tx: Tx, context: Context) -> tuple[str, ...]:
    """Let every pending auth code take over whose instant has come; return the webhooks' slugs.

    What `context` says of the configuration does not hold any more when there are any.
    """
    lock_configuration(tx)
    due = [each for each in context.configuration.webhooks.values() if _is_due(each, context.now)]
    return tuple(
        each.slug
        for each in due
        if _promote(tx, each, actor=ENGINE, now=context.now, ids=context.ids)
    )


def _is_due(webhook: Webhook, now: datetime) -> bool:
    pending = webhook.pending
    return pending is not None and pending.promote_at is not None and pending.promote_at <= now


def _promote(tx: Tx, webhook: Webhook, *, actor: str, now: datetime, ids: IdSource) -> bool:
    """Promote, and write it down; False if somebody else has, or took the pending code away."""
    assert webhook.pending is not None
    planned_at = webhook.pending.promote_at
    if not webhooks.promote_auth_code(tx, webhook.id, planned_at=planned_at):
        return False
    change_id, entry_id = ids.take(2, now)
    action = "webhook.auth_code_promoted"
    add_change(tx, Change(change_id, now, actor, action, webhook.slug, secrets=_PROMOTED))
    detail = {"webhook": webhook.slug}
    kind = Kind.AUTH_CODE_PROMOTED
    entry = TimelineEntry(NO_INCIDENT, entry_id, now, kind, actor, detail, planned_at)
    add_to_timeline(tx, [entry])
    return True
