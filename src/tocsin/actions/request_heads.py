"""Keeping what stands at the head of each webhook's requests, so that an attempt can tell what it sent."""

from dataclasses import replace

from tocsin.actions.editor import Editor
from tocsin.domain.request import empty_head
from tocsin.domain.webhook import Webhook
from tocsin.store.database import Tx
from tocsin.store.request_heads import RequestHead, find_request_head, insert_request_head
from tocsin.store.webhooks import list_webhooks, update_webhook


def with_request_head(tx: Tx, webhook: Webhook, *, editor: Editor) -> Webhook:
    """Return the webhook with the id of its head; kept anew if it is another one than until now."""
    head = RequestHead(webhook.url, empty_head(webhook))
    known = webhook.head_id and find_request_head(tx, webhook.head_id, editor.vault)
    if known == head:
        return webhook
    id_ = editor.new_id()
    insert_request_head(tx, head, editor.vault, id_=id_, webhook_id=webhook.id)
    return replace(webhook, head_id=id_)


def renew_request_heads(tx: Tx, *, editor: Editor) -> None:
    """Keep what this version of Tocsin sends, where an earlier one sent something else, or kept nothing."""
    for webhook in list_webhooks(tx, editor.vault):
        renewed = with_request_head(tx, webhook, editor=editor)
        if renewed is not webhook:
            update_webhook(tx, renewed, editor.vault)
