"""Where jobs call: `/integrations/heartbeat/KEY/SLUG`, beside the alerts' path, with an alert key as the secret.

GET, HEAD and POST are all a call, so that `curl -fsS URL` in a cron line is enough. `/fail` at the end, or
`?status=fail`, or `?status=` and what a command exited with, says that the job failed; a body says more.

An unknown key, a revoked one and an unknown heartbeat get one and the same 404.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from starlette.types import Receive, Scope, Send

from tocsin.actions.heartbeats import Call
from tocsin.api.failures import RETRY_AFTER_SECONDS
from tocsin.domain.heartbeat import FAIL, LONGEST_MESSAGE, Verdict, parse_status, said
from tocsin.domain.intake import HEARTBEAT_PATH
from tocsin.domain.slug import is_slug
from tocsin.errors import TocsinError
from tocsin.secret import Secret
from tocsin.service.body import SenderGone
from tocsin.service.bugs import log_bug
from tocsin.store.alert_keys import AlertKey

LARGEST_BODY: Final = 1024 * 1024
"""More than this is not read to its end; the call counts all the same."""
_KEPT_BYTES: Final = 4 * LONGEST_MESSAGE
_PREFIX: Final = HEARTBEAT_PATH.encode()
_METHODS: Final = ("GET", "HEAD", "POST")
_Headers = tuple[tuple[bytes, bytes], ...]
_JSON: Final[_Headers] = ((b"content-type", b"application/json"),)
_CLOSE: Final[_Headers] = ((b"connection", b"close"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatCalls:
    """The ASGI application of jobs' calls."""

    take_in: Callable[[Call], Awaitable[Verdict | None]]
    """Returns when the call is on disk. Raises: BeatsFull, StoreUnavailable, CallNotNoted."""
    find_key: Callable[[Secret], AlertKey | None]
    """Returns a key in force; never waits."""
    new_uuid: Callable[[], str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        place = find_heartbeat(scope["raw_path"])
        if place is None:
            await _answer(scope, send, 404)
            return
        if scope["method"] not in _METHODS:
            allow = (b"allow", ", ".join(_METHODS).encode())
            await _answer(scope, send, 405, (allow,), _failure("Call with GET, HEAD or POST"))
            return
        key, slug, suffix = place
        if self.find_key(key) is None or suffix not in ("", FAIL) or not is_slug(slug):
            await _answer(scope, send, 404)
            return
        try:
            message, is_whole = await _read_message(receive)
        except SenderGone:
            return
        headers = () if is_whole else _CLOSE
        status = suffix or read_status(scope["query_string"])
        call = Call(slug, parse_status(status), said(status, message))
        await self._take_in(scope, send, call, headers)

    async def _take_in(self, scope: Scope, send: Send, call: Call, headers: _Headers) -> None:
        try:
            verdict = await self.take_in(call)
        except TocsinError as error:
            if error.status_hint == 503:
                headers = (*headers, (b"retry-after", str(RETRY_AFTER_SECONDS).encode()))
            await _answer(scope, send, error.status_hint, headers, _failure(error.message))
        except Exception as error:  # noqa: BLE001 - a bug is answered, and logged without the key
            bug = log_bug(error, self.new_uuid, method=scope["method"], path=HEARTBEAT_PATH)
            await _answer(scope, send, bug.status_hint, headers, _failure(bug.message))
        else:
            if verdict is None:
                await _answer(scope, send, 404, headers)
            else:
                await _answer(scope, send, 200, headers, _success(call.slug, verdict))


def find_heartbeat(raw_path: bytes) -> tuple[Secret, str, str] | None:
    """Return the key, the slug and what follows it, decoded; None for a path of something else."""
    if not raw_path.startswith(_PREFIX):
        return None
    key, _, rest = raw_path[len(_PREFIX) :].partition(b"/")
    slug, _, suffix = rest.partition(b"/")
    return Secret(_decoded(key)), _decoded(slug), _decoded(suffix)


def read_status(query: bytes) -> str:
    """Return the `status` that a query gives, "" if none. Never raises."""
    pairs = (pair.partition(b"=") for pair in query.split(b"&"))
    given = [value for name, _, value in pairs if name == b"status"]
    return _storable(unquote_to_bytes(given[-1].replace(b"+", b" "))) if given else ""


async def _read_message(receive: Receive) -> tuple[str, bool]:
    """Return the beginning of what the body says, and whether all of it came. Raises: SenderGone.

    A job may send its whole log: what is too much is dropped, because refusing the call would be a false alarm.
    """
    kept, size, more = b"", 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise SenderGone
        part = message.get("body", b"")
        kept += part[: _KEPT_BYTES - len(kept)]
        size += len(part)
        more = bool(message.get("more_body"))
        if size > LARGEST_BODY:
            break
    return _storable(kept), not more


def _storable(body: bytes) -> str:
    text = body.decode("utf-8", "replace").replace("\0", "\ufffd").strip()
    return text[:LONGEST_MESSAGE]


def _decoded(segment: bytes) -> str:
    return unquote_to_bytes(segment).decode("utf-8", "replace")


def _success(slug: str, verdict: Verdict) -> bytes:
    return json.dumps({"result": "success", "heartbeat": slug, "verdict": verdict.value}).encode()


def _failure(message: str) -> bytes:
    return json.dumps({"result": "failure", "message": message}).encode()


async def _answer(
    scope: Scope, send: Send, status: int, headers: _Headers = (), body: bytes = b""
) -> None:
    if body:
        headers = (*headers, *_JSON)
    headers = (*headers, (b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    sent = b"" if scope["method"] == "HEAD" else body
    await send({"type": "http.response.body", "body": sent})
