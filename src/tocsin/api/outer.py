"""The outermost ASGI callable: alerts take the short way, programs go to the management API, people to the pages."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tocsin.api.access_log import logger, shown_path
from tocsin.clock import Clock
from tocsin.domain.intake import INTEGRATIONS
from tocsin.domain.one_time_link import LINK_PATH
from tocsin.service.client_address import Network, client_address

# Asked every few seconds by machines, and every alert that went well is a row of the database.
_PROBES: Final = ("/healthz", "/readyz", "/metrics")
_QUIET: Final = (INTEGRATIONS, "/static/", *_PROBES)
_FOR_PROGRAMS: Final = ("/api/", *_PROBES)
GUARDED: Final = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))
"""Headers of every answer to a program: it is what it says it is, and no proxy keeps it. Pages have their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    """Sends `/integrations/` to the ingestion, `/l/` to one-time links, what programs ask for, with start
    and stop, to the API, and the rest to the pages.

    Each answer is one line of log, `request.answered`: at DEBUG where all went well and nobody
    would miss it, else at INFO. `trusted_proxies` only decide whose address that line shows.
    """

    ingestion: ASGIApp
    api: ASGIApp
    links: ASGIApp
    pages: ASGIApp
    clock: Clock
    trusted_proxies: Sequence[Network] = field(default=())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.api(scope, receive, send)
            return
        status = 0
        path: str = scope["path"]
        app = self._app_for(path)
        guarded = () if app is self.pages or app is self.links else GUARDED

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if guarded:
                    message["headers"] = (*message["headers"], *guarded)
            await send(message)

        began = self.clock.monotonic()
        try:
            await app(scope, receive, watched)
        finally:
            is_quiet = 200 <= status < 300 and path.startswith(_QUIET)
            level = logging.DEBUG if is_quiet else logging.INFO
            if logger.isEnabledFor(level):
                self._log(level, scope, status=status, took=self.clock.monotonic() - began)

    def _app_for(self, path: str) -> ASGIApp:
        if path.startswith(INTEGRATIONS):
            return self.ingestion
        if path.startswith(LINK_PATH):
            return self.links
        return self.api if path.startswith(_FOR_PROGRAMS) else self.pages

    def _log(self, level: int, scope: Scope, *, status: int, took: float) -> None:
        logger.log(
            level,
            "request.answered",
            extra={
                "method": scope["method"],
                "path": shown_path(scope["path"]),
                "status": status,
                "milliseconds": round(took * 1000, 3),
                "client": client_address(scope, self.trusted_proxies),
            },
        )
