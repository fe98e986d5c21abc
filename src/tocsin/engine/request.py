"""From a lease to a signed request, ready to the last byte."""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from tocsin.domain.client_certificate import ClientCertificate
from tocsin.domain.request import request_head
from tocsin.domain.webhook import Webhook
from tocsin.domain.webhook_url import UrlParts, check_webhook_url
from tocsin.ids import DELIVERY, id_text
from tocsin.store.deliveries import Lease
from tocsin.transport.exchange import Destination, Exchange
from tocsin_receiver.fields import decode_form, signed_text
from tocsin_receiver.signing import sign_text
from tocsin_receiver.standard import sign_standard


def make_exchange(
    lease: Lease, webhook: Webhook, *, now: datetime, is_cancelled: Callable[[], bool]
) -> Exchange:
    """Return the request of this attempt, signed now with the webhook's auth code of now.

    A pending auth code signs beside it, where there is room: Standard Webhooks allows any number of
    signatures, VictorOps' header holds one.
    """
    url, destination = _prepare(webhook.url, webhook.ca_bundle, webhook.client_certificate)
    text = lease.signed_text
    if text is None:
        text = signed_text_of(lease.form)
    auth_code = webhook.auth_code.reveal()
    standard = None
    if webhook.with_standard_signature:
        id_, timestamp = id_text(DELIVERY, lease.delivery_id), int(now.timestamp())
        signatures = sign_standard(auth_code, id_, timestamp, lease.form)
        if webhook.pending is not None:
            pending = webhook.pending.code.reveal()
            signatures += f" {sign_standard(pending, id_, timestamp, lease.form)}"
        standard = (id_, str(timestamp), signatures)
    return Exchange(
        destination=destination,
        head=request_head(
            url,
            signature=sign_text(webhook.url, text, auth_code),
            length=len(lease.form),
            standard=standard,
        ),
        body=lease.form,
        connect_timeout=webhook.connect_timeout.total_seconds(),
        total_timeout=webhook.total_timeout.total_seconds(),
        is_cancelled=is_cancelled,
        # What failed may have failed because of an old connection; and a test, which is sent once, is
        # to show the whole way, from the name on.
        is_fresh=lease.attempt > 1 or lease.is_test,
    )


def signed_text_of(form: bytes) -> str:
    """Return what is signed of a form after the URL, as `signed_text(decode_form(form))` does.

    Names that need no decoding sort as they stand; then one decoding does for all of it, which is
    five times as fast. It matters when many deliveries wait for a slot.
    """
    pairs = [pair.partition(b"=") for pair in form.split(b"&")]
    if any(b"%" in name or b"+" in name for name, _, _ in pairs):
        return signed_text(decode_form(form))
    pairs.sort()  # names are unique, so values do not matter
    text = b"".join([name + value for name, _, value in pairs])
    return unquote_to_bytes(text.replace(b"+", b" ")).decode()


def destination_of(webhook: Webhook) -> Destination:
    """Return where a webhook leads, and with whom as its receiver."""
    return _prepare(webhook.url, webhook.ca_bundle, webhook.client_certificate)[1]


@lru_cache(maxsize=4096)
def _prepare(
    url: str, ca_bundle: str | None, client: ClientCertificate | None
) -> tuple[UrlParts, Destination]:
    parts = check_webhook_url(url)
    return parts, Destination.of_url(parts, ca_bundle=ca_bundle, client=client)
