"""Where alerts come in: VictorOps' REST endpoint, as a bare ASGI application, because it is hot.

Nothing here says whether a key exists except by letting it in: an unknown path, an unknown key and a
revoked one get the same 404. Whoever shows a good key is told what is wrong with an alert.

Source: Splunk On-Call docs, "REST endpoint integration guide"; the answers are those that its
clients read.
"""

import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Receive, Scope, Send

from tocsin.actions.ingest import Receipt
from tocsin.api.failures import RETRY_AFTER_SECONDS
from tocsin.clock import Clock
from tocsin.domain.alert import Alert, AlertRefused, read_alert
from tocsin.domain.alert_json import LARGEST_BODY, AlertTooLarge
from tocsin.domain.alert_key import SHORTEST_KEY, masked
from tocsin.domain.intake import ALERT_PATH
from tocsin.domain.masking import Masking
from tocsin.domain.refusal import Refusal, refuse_alert, refuse_key
from tocsin.errors import TocsinError
from tocsin.metrics import Metrics
from tocsin.secret import Secret
from tocsin.service.body import BodyTooLarge, SenderGone, read_body
from tocsin.service.bugs import log_bug
from tocsin.store.alert_keys import AlertKey

UNKNOWN_KEY: Final = "unknown_key"
"""What the metrics, which anybody may read, call a key that lets nobody in, whatever it was."""

_PREFIX: Final = ALERT_PATH.encode()
_Headers = tuple[tuple[bytes, bytes], ...]
_JSON: Final[_Headers] = ((b"content-type", b"application/json"),)
_ALLOW: Final[_Headers] = ((b"allow", b"POST"), *_JSON)
_LATER: Final[_Headers] = ((b"retry-after", str(RETRY_AFTER_SECONDS).encode()), *_JSON)
_CLOSE: Final[_Headers] = ((b"connection", b"close"), *_JSON)
_NOTHING: Final[_Headers] = ((b"content-length", b"0"),)
_quoted = json.JSONEncoder().encode


class _Shown(NamedTuple):
    """What the URL of an alert shows: a key in force, which one it is, and a routing key."""

    key: Secret
    routing_key: str
    key_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingestion:
    """The ASGI application below `/integrations/`."""

    heartbeats: ASGIApp
    """Takes every path that is not the alerts'."""
    take_in: Callable[[Alert], Awaitable[Receipt]]
    """Returns when the alert is on disk. Raises: InboxFull, StoreUnavailable, AlertNotStored."""
    find_key: Callable[[Secret], AlertKey | None]
    """Returns a key in force; never waits."""
    find_revoked_key: Callable[[Secret], str | None]
    """Returns the name of a key that was in force once; never waits."""
    refuse: Callable[[Refusal], None]
    """Keeps a refusal where a person finds it; never waits and never raises."""
    mask: Masking
    """Takes secrets out of what is kept of it."""
    clock: Clock
    new_uuid: Callable[[], str]
    organisation: str
    metrics: Metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        place = find_place(scope)
        if place is None:
            await self.heartbeats(scope, receive, send)
            return
        if scope["method"] != "POST":
            await _answer(send, 405, _ALLOW, _failure("Send alerts with POST"))
            return
        key, routing_key = place
        known = self.find_key(key)
        if known is None:
            self.metrics.alert_refused(UNKNOWN_KEY)
            await _answer(send, 404, _NOTHING)
            self._let_nobody_in(key, routing_key)
            return
        try:
            body = await read_body(receive, at_most=LARGEST_BODY)
        except BodyTooLarge as error:
            await self._refused(send, AlertTooLarge(error.message), b"", key, routing_key)
        except SenderGone:
            return
        else:
            shown = _Shown(key, routing_key, known.id)
            await self._take_in(send, body, scope["headers"], shown)

    async def _take_in(
        self,
        send: Send,
        body: bytes,
        headers: Iterable[tuple[bytes, bytes]],
        shown: _Shown,
    ) -> None:
        uuid = self.new_uuid()
        try:
            alert = read_alert(
                body,
                routing_key=shown.routing_key,
                organisation=self.organisation,
                now=self.clock.now(),
                alert_uuid=uuid,
                entity_uuid=uuid,  # an entity that nobody named is this alert's own
                headers=headers,
                key_id=shown.key_id,
            )
            await self.take_in(alert)
        except AlertRefused as error:
            await self._refused(send, error, body, shown.key, shown.routing_key)
        except TocsinError as error:
            self.metrics.alert_refused(error.code)
            when = _LATER if error.status_hint == 503 else _JSON
            await _answer(send, error.status_hint, when, _failure(error.message))
        except Exception as error:  # noqa: BLE001 - a bug is answered, and logged without the key
            bug = log_bug(error, self.new_uuid, method="POST", path=ALERT_PATH)
            self.metrics.alert_refused(bug.code)
            await _answer(send, bug.status_hint, _JSON, _failure(bug.message))
        else:
            await _answer(send, 200, _JSON, _success(alert.entity_id))

    def _let_nobody_in(self, key: Secret, routing_key: str) -> None:
        """Keep it for a person, who may know more than the sender, once the sender has its answer."""
        revoked, now = self.find_revoked_key(key), self.clock.now()
        refusal = refuse_key(
            key, routing_key=routing_key, revoked_key=revoked, now=now, mask=self.mask
        )
        self.refuse(refusal)

    async def _refused(
        self, send: Send, error: AlertRefused, body: bytes, key: Secret, routing_key: str
    ) -> None:
        self.metrics.alert_refused(error.code)
        now = self.clock.now()
        refusal = refuse_alert(
            error, body=body, key=key, routing_key=routing_key, now=now, mask=self.mask
        )
        self.refuse(refusal)
        # What is left of a body that was too large is not read, so nothing can follow it.
        headers = _CLOSE if error.status_hint == 413 else _JSON
        await _answer(send, error.status_hint, headers, _failure(error.message))


def find_place(scope: Scope) -> tuple[Secret, str] | None:
    """Return the key and the routing key of an alert's URL, decoded; None if it is none.

    The routing key may be missing, empty or anything at all: the alert then takes the default
    routing. Both are split before they are decoded, so that an encoded slash is part of one.
    """
    raw: bytes = scope["raw_path"]
    if not raw.startswith(_PREFIX):
        return None
    raw_key, _, raw_routing_key = raw[len(_PREFIX) :].partition(b"/")
    key, routing_key = _decoded(raw_key), _decoded(raw_routing_key)
    # A URL pasted into another: routing keys are kept, and sent to receivers.
    if len(key) >= SHORTEST_KEY and key in routing_key:
        routing_key = routing_key.replace(key, masked(Secret(key)))
    return Secret(key), routing_key


def _decoded(segment: bytes) -> str:
    return unquote_to_bytes(segment).decode("utf-8", "replace")


def _success(entity_id: str) -> bytes:
    return b'{"result":"success","entity_id":%s}' % _quoted(entity_id).encode()


def _failure(message: str) -> bytes:
    return b'{"result":"failure","message":%s}' % _quoted(message).encode()


async def _answer(send: Send, status: int, headers: _Headers, body: bytes = b"") -> None:
    if body:
        headers = (*headers, (b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
