"""What an address does not answer: where a node has not every role, or several processes share it.

A server whose one process does it all has no doorway.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

from starlette.types import ASGIApp, Receive, Scope, Send

from tocsin.api.access_log import logger, shown_path
from tocsin.api.failures import error_response
from tocsin.api.outer import GUARDED
from tocsin.domain.masking import Masking
from tocsin.errors import TocsinError

PROBES: Final = ("/healthz", "/readyz", "/metrics")


class NotAnsweredHere(TocsinError):
    """This address has only the probes and the metrics of a node."""

    code: ClassVar[str] = "not_answered_here"
    status_hint: ClassVar[int] = 404


class MetricsElsewhere(TocsinError):
    """Several processes answer here, and each of them counts by itself."""

    code: ClassVar[str] = "metrics_elsewhere"
    status_hint: ClassVar[int] = 404


def only_probes(path: str) -> TocsinError | None:
    """Refuse everything but the probes and the metrics."""
    if path in PROBES:
        return None
    return NotAnsweredHere(
        "Only /healthz, /readyz and /metrics are answered here: ask a node that has the role api, at "
        "its TOCSIN_LISTEN"
    )


def no_metrics(path: str) -> TocsinError | None:
    """Refuse the metrics: those of whichever process answers would be taken for those of all."""
    if path != "/metrics":
        return None
    return MetricsElsewhere(
        "Several processes answer here, and each counts by itself: set TOCSIN_PROBES_LISTEN, such as "
        "127.0.0.1:7900, and ask each of them, at that port and those that follow"
    )


@dataclass(frozen=True, slots=True)
class Doorway:
    """Refuses some paths, and passes on the others."""

    app: ASGIApp
    refuse: Callable[[str], TocsinError | None]
    mask: Masking

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self.refuse(scope["path"]) if scope["type"] == "http" else None
        if refusal is None:
            await self.app(scope, receive, send)
            return
        facts = {"path": shown_path(scope["path"]), "code": refusal.code}
        logger.warning("request.refused", extra=facts)
        headers = {name.decode(): value.decode() for name, value in GUARDED}
        await error_response(refusal, self.mask, headers=headers)(scope, receive, send)
