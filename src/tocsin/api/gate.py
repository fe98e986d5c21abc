"""What every request to `/api/v1` passes before its route: who asks, how much they send, and bugs.

In front of the framework, because it would read and parse a body before asking whose it is.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tocsin.actions.tokens import authenticate
from tocsin.api.access_log import shown_path
from tocsin.api.failures import error_response
from tocsin.domain.principal import Principal, unauthenticated
from tocsin.errors import TocsinError
from tocsin.service.body import SenderGone, read_body
from tocsin.service.bugs import log_bug
from tocsin.service.transactions import Transactions

API: Final = "/api/v1/"
OPENAPI: Final = f"{API}openapi.json"
LARGEST_BODY: Final = 1024 * 1024  # bytes; a configuration file is the largest thing that comes
_SCHEME: Final = "bearer "


@dataclass(frozen=True, slots=True)
class Gate:
    """ASGI middleware. The route finds the Principal in `request.state.principal`."""

    app: ASGIApp
    transactions: Transactions
    new_id: Callable[[], str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        has_begun = False

        async def watched(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._let_in(scope, receive, watched)
        except SenderGone:
            return
        except TocsinError as error:
            await error_response(error, self._mask)(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - a bug is answered and logged, and the server goes on
            bug = log_bug(
                error, self.new_id, method=scope["method"], path=shown_path(scope["path"])
            )
            if not has_begun:
                await error_response(bug, self._mask)(scope, receive, send)

    def _mask(self, text: str) -> str:
        return self.transactions.services.cache.mask(text)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        is_asked = path.startswith(API) and path != OPENAPI
        principal = await self._authenticate(scope) if is_asked else None
        body = await read_body(receive, at_most=LARGEST_BODY)
        if body and is_asked:  # it may take its time to come, and the token be revoked by then
            principal = await self._authenticate(scope)
        if principal is not None:
            scope.setdefault("state", {})["principal"] = principal
        if body:
            scope = {**scope, "headers": _as_json(scope["headers"])}
        await self.app(scope, _replay(body, receive), send)

    async def _authenticate(self, scope: Scope) -> Principal:
        # One look by hash for each request, not a cache: a revoked token ends at once, on every node.
        token = _bearer_token(scope)
        return await self.transactions.read(lambda tx: authenticate(tx, token))


def _bearer_token(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization":
            text: str = value.decode("latin-1")
            if text[: len(_SCHEME)].lower() == _SCHEME:
                return text[len(_SCHEME) :].strip()
    raise unauthenticated()


def _as_json(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Every body is JSON, whatever the sender says of it: curl -d says that it is a form."""
    others = [(name, value) for name, value in headers if name != b"content-type"]
    return [*others, (b"content-type", b"application/json")]


def _replay(body: bytes, receive: Receive) -> Receive:
    is_read = False

    async def replay() -> Message:
        nonlocal is_read
        if is_read:
            return await receive()
        is_read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
