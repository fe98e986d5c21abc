"""What is kept of an answer: enough to see what went wrong, and no secret.

Most answers of a receiver are alike, so what is kept of one is remembered. A plain success then costs a
look into that memory.
"""

from functools import lru_cache
from typing import Any, Final, NamedTuple

from tocsin.domain.escalation import Stale
from tocsin.domain.masking import KnownSecrets
from tocsin.domain.one_time_link import TOKEN_CHARACTERS, masked_links, tokens_in
from tocsin.domain.outcome import Outcome
from tocsin.domain.redaction import (
    MASK,
    Sought,
    is_sensitive,
    may_hold_signature,
    redact,
    secrets_of,
    signatures_in,
    sought,
)
from tocsin.domain.webhook import Webhook
from tocsin.secret import Secret
from tocsin.stored_json import json_part
from tocsin.transport.exchange import Answer, Exchange
from tocsin.transport.reading import KEPT_VALUE

KEPT_BODY: Final = 4096
"""Bytes of an answer's body."""
_SHORT: Final = 512
_REMEMBERED: Final = 256
_QUOTING: Final = frozenset({Outcome.MALFORMED_ANSWER, Outcome.PROXY_REFUSED})
"""Their reasons tell the first bytes of what came, where a secret may be cut short."""
_Headers = tuple[tuple[bytes, bytes], ...]


class _Kept(NamedTuple):
    """Headers and body without the webhook's secrets, ready for JSON."""

    headers: Any
    body: str
    may_hold_signature: bool


def detail_of(
    answer: Answer, exchange: Exchange, webhook: Webhook, *, reason: str | None = None
) -> dict[str, Any]:
    """Return what a person may ask of an attempt. `reason` is a better one than the answer's own.

    Units: `us` are microseconds: resolve, connect, TLS, first byte, total.
    """
    detail: dict[str, Any] = {
        "address": answer.address,
        "us": (
            answer.resolve_us,
            answer.connect_us,
            answer.tls_us,
            answer.first_byte_us,
            answer.total_us,
        ),
    }
    codes = webhook.auth_codes
    if answer.headers or answer.body:
        keep = _keep_again if len(answer.body) <= _SHORT else _keep
        kept = keep(answer.headers, answer.body, webhook.url, codes)
        if kept.may_hold_signature:
            kept = _without(answer.headers, answer.body, all_secrets(exchange, webhook))
        detail["headers"] = kept.headers
        if kept.body:
            detail["body"] = kept.body
    if not answer.outcome.is_delivered or answer.detail:
        is_stale = answer.outcome is Outcome.CANCELLED
        told = Stale.ESCALATION.value if is_stale else reason or answer.reason
        secrets = all_secrets(exchange, webhook)
        shown = redact(told.encode(), secrets).decode()
        if answer.outcome in _QUOTING:
            shown = KnownSecrets(secret.text for secret in secrets).mask(shown)
        detail["reason"] = shown
    if answer.is_reused:
        detail["reused"] = True
    return detail


def all_secrets(exchange: Exchange, webhook: Webhook) -> tuple[Sought, ...]:
    """Return what must not be kept of an answer: also what this request alone has."""
    return (
        *secrets_of(webhook.url, webhook.auth_codes),
        *signatures_in(exchange.head),
        *map(sought, tokens_in(exchange.body)),
    )


def _keep(headers: _Headers, body: bytes, url: str, codes: tuple[Secret, ...]) -> _Kept:
    return _without(headers, body, secrets_of(url, codes))


_keep_again = lru_cache(maxsize=_REMEMBERED)(_keep)


def _without(headers: _Headers, body: bytes, secrets: tuple[Sought, ...]) -> _Kept:
    told = [(name, MASK if is_sensitive(name) else value) for name, value in headers]
    lines = [
        (
            redact(name, secrets).decode("latin-1"),
            masked_links(redact(value, secrets, limit=KEPT_VALUE).decode("latin-1")),
        )
        for name, value in told
    ]
    kept_body = redact(body, secrets, limit=KEPT_BODY)
    return _Kept(
        json_part(lines),
        masked_links(kept_body.decode("utf-8", "replace")).replace("\0", "\ufffd"),
        any(len(name) >= TOKEN_CHARACTERS for name, _ in told)
        or any(map(may_hold_signature, (body, *(value for _, value in told)))),
    )
