"""The pages behind one-time links: GET shows what a link would do, POST does it."""

import base64
import hashlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from starlette.types import Receive, Scope, Send

from tocsin.actions.incident_set import Context
from tocsin.actions.links import UNKNOWN, LinkView, look_at_link, use_link
from tocsin.clock import Clock
from tocsin.domain.actor import name_of_actor
from tocsin.domain.one_time_link import LINK_PATH, LinkState, read_token
from tocsin.domain.wording import instant_text
from tocsin.store.database import Tx
from tocsin.store.writer import StoreUnavailable

if TYPE_CHECKING:
    from jinja2 import Environment

T = TypeVar("T")
logger = logging.getLogger(__name__)
_FOLDER: Final = Path(__file__).parent / "templates"
_STYLE: Final = (_FOLDER / "link.css").read_text(encoding="utf-8")
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS: Final = (
    (b"content-type", b"text/html; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex, nofollow"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (
        b"content-security-policy",
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'".encode(),
    ),
)
_STATUS: Final = {
    LinkState.OPEN: HTTPStatus.OK,
    LinkState.DONE: HTTPStatus.OK,
    LinkState.UNKNOWN: HTTPStatus.NOT_FOUND,
    LinkState.EXPIRED: HTTPStatus.GONE,
    LinkState.USED: HTTPStatus.GONE,
    LinkState.STALE: HTTPStatus.CONFLICT,
}
_SHOWS: Final = ("GET", "HEAD")
_ALLOWED: Final = "GET, HEAD, POST"


class Reading(Protocol):
    """Reads in a transaction that changes nothing."""

    def __call__(self, work: Callable[[Tx], T]) -> Awaitable[T]: ...


class Changing(Protocol):
    """Does one thing in a transaction of its own; what stops a page is urgent."""

    def __call__(
        self, work: Callable[[Tx, Context], T], *, urgent: bool = False
    ) -> Awaitable[T]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPages:
    """ASGI application of all paths below `/l/`."""

    read: Reading
    change: Changing
    clock: Clock
    keys: Callable[[], tuple[bytes, ...]]
    """Those that links are signed with, the newest first: they follow the master key."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method: str = scope["method"]
        if method not in (*_SHOWS, "POST"):
            await _answer(send, HTTPStatus.METHOD_NOT_ALLOWED, "", (b"allow", _ALLOWED.encode()))
            return
        try:
            view = await self._view(scope["path"].removeprefix(LINK_PATH), acts=method == "POST")
        except StoreUnavailable:
            page = _page("unavailable.html")
            await _answer(send, HTTPStatus.SERVICE_UNAVAILABLE, page, (b"retry-after", b"5"))
            return
        except Exception:
            logger.exception("link.failed")  # without its path: that is the token
            page = _page("unavailable.html")
            await _answer(send, HTTPStatus.INTERNAL_SERVER_ERROR, page)
            return
        page = _page("link.html", **_words(view))
        await _answer(send, _STATUS[view.state], page, is_head=method == "HEAD")

    async def _view(self, token: str, *, acts: bool) -> LinkView:
        claim = read_token(token, self.keys())
        if claim is None:
            return UNKNOWN
        if acts:
            return await self.change(lambda tx, context: use_link(tx, context, claim), urgent=True)
        now = self.clock.now()
        return await self.read(lambda tx: look_at_link(tx, claim, now=now))


def _words(view: LinkView) -> dict[str, Any]:
    """Return what the page says, besides the words that are in the template."""
    return {
        "state": view.state.value,
        "action": view.action.value if view.action else "",
        "line": view.line,
        "opened_at": instant_text(view.line.incident.opened_at) if view.line else "",
        "used_at": instant_text(view.used_at) if view.used_at else "",
        "ended_by": name_of_actor(view.ended_by) if view.ended_by is not None else "",
        "ended_at": instant_text(view.ended_at) if view.ended_at else "",
    }


@cache
def _pages() -> "Environment":
    # Imported here: most starts never show a page, and would be slower by it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )


def _page(name: str, **words: Any) -> str:
    return _pages().get_template(name).render(style=_STYLE, **words)


async def _answer(
    send: Send,
    status: HTTPStatus,
    page: str,
    *more: tuple[bytes, bytes],
    is_head: bool = False,
) -> None:
    body = page.encode()
    headers = [*_HEADERS, *more, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": b"" if is_head else body})
