"""One request for a page: who came, what they sent, and how to answer."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from tocsin.actions.sessions import NewSession
from tocsin.domain.principal import Principal, unauthenticated
from tocsin.domain.session import Client, SignedIn, csrf_token
from tocsin.domain.user import User
from tocsin.secret import Secret
from tocsin.service.client_address import client_address
from tocsin.service.services import Services
from tocsin.service.transactions import Transactions
from tocsin.web.echo import is_much
from tocsin.web.rendering import render
from tocsin.web.shown_once import LASTS, ONCE_COOKIE, open_once, seal_for_once

if TYPE_CHECKING:
    from tocsin.web.live import Live
    from tocsin.web.route import Found

SESSION_COOKIE: Final = "__Host-tocsin"
DEVICE_COOKIE: Final = "__Host-tocsin-device"
NOTICE_COOKIE: Final = "__Host-tocsin-notice"
CSRF_FIELD: Final = "csrf"
MOST_FIELDS: Final = 2000
_LONGEST_NOTICE: Final = 600
_NOTICE_SECONDS: Final = 60


@dataclass(slots=True, kw_only=True)
class Visit:
    """What a page's function is given."""

    request: Request
    work: Transactions
    now: datetime
    params: Mapping[str, Any]
    """Of the path."""
    fields: list[tuple[str, str]] = field(default_factory=list)
    """Of the form that was sent, in its order."""
    is_read: bool = False
    """Whether they were read: a body comes once."""
    who: SignedIn | None = None
    token: Secret | None = None
    """What the browser shows for its session, whether or not it is one."""
    is_paused: bool = False
    takes_once: bool = False
    """Whether what is shown only once has been taken by this page."""
    live: "Live" = field(init=False)
    """Lets pages follow what happens."""
    find_form: "Callable[[str], Found | None]" = field(init=False)
    """Returns what takes the form that is sent to a path, if whoever sends it has to be signed in."""

    @property
    def services(self) -> Services:
        return self.work.services

    @property
    def principal(self) -> Principal:
        """Who is signed in. Raises: NotAuthenticated, on a public page."""
        if self.who is None:
            raise unauthenticated()
        return self.who.principal

    @property
    def user(self) -> User:
        """Raises: NotAuthenticated, on a public page."""
        if self.who is None:
            raise unauthenticated()
        return self.who.user

    def come_as(self, session: NewSession) -> None:
        """Go on as whoever has just signed in."""
        user, id_ = session.user, session.session.id
        self.who = SignedIn(user.principal(id_), user, id_, needs_touch=False)
        self.token = session.token

    @property
    def client(self) -> Client:
        """Where the request came from."""
        trusted = self.services.trusted_proxies
        address = client_address(self.request.scope, trusted)
        return Client(address, self.request.headers.get("user-agent", ""))

    @property
    def query(self) -> QueryParams:
        return self.request.query_params

    @property
    def form(self) -> dict[str, str]:
        """The form's fields by name; of those that come more than once the last."""
        return dict(self.fields)

    def all(self, name: str) -> list[str]:
        """Every value of a field that may come more than once."""
        return [value for each, value in self.fields if each == name]

    @property
    def csrf(self) -> str:
        """What a form of this session has to bring back; empty when nobody is signed in."""
        return "" if self.who is None or self.token is None else csrf_token(self.token)

    @property
    def is_fragment(self) -> bool:
        """Whether a script asked, for parts of the page: htmx, or `keep_up.js` with the same header."""
        return "hx-request" in self.request.headers

    def render(
        self,
        template: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        is_whole: bool = False,
        **words: Any,
    ) -> Response:
        """Return a page. `words` are the template's, beside those that every page has.

        `is_whole`: it has its own limit of what it repeats of a form.
        """
        told = self.request.cookies.get(NOTICE_COOKIE)
        is_cut = not is_whole and is_much(self.fields)
        page = render(template, visit=self, notice=_read_notice(told), is_cut=is_cut, **words)
        answer = HTMLResponse(page, status_code=status, headers=dict(headers or {}))
        if told is not None and not self.is_fragment:
            answer.delete_cookie(NOTICE_COOKIE, path="/", secure=True, httponly=True)
        if self.takes_once:
            answer.delete_cookie(ONCE_COOKIE, path="/", secure=True, httponly=True)
        return answer

    def redirect(
        self, path: str, *, notice: str = "", shows: Mapping[str, str] | None = None
    ) -> Response:
        """Send the browser to another page, which says what was done. `path` is one of ours.

        `shows`: what that page is to show this once, secrets too.
        """
        answer = RedirectResponse(path, status_code=303)
        if notice:
            told = base64.urlsafe_b64encode(notice[:_LONGEST_NOTICE].encode()).decode()
            _hand_over(answer, NOTICE_COOKIE, told, seconds=_NOTICE_SECONDS)
        if shows:
            page, _, _ = path.partition("?")
            sealed = seal_for_once(
                self.services.vault, shows, session=self.csrf, path=page, now=self.now
            )
            _hand_over(answer, ONCE_COOKIE, sealed, seconds=int(LASTS.total_seconds()))
        return answer

    def take_shown(self) -> Mapping[str, str]:
        """Return what the form that led here lets this page show, this once; else nothing."""
        cookie = self.request.cookies.get(ONCE_COOKIE)
        if cookie is None:
            return {}
        path = self.request.url.path
        shown = open_once(self.services.vault, cookie, session=self.csrf, path=path, now=self.now)
        self.takes_once = bool(shown)
        return shown


def _hand_over(answer: Response, cookie: str, value: str, *, seconds: int) -> None:
    """Let the browser carry something to the next page."""
    answer.set_cookie(
        cookie, value, max_age=seconds, path="/", secure=True, httponly=True, samesite="lax"
    )


def read_form(body: bytes) -> list[tuple[str, str]]:
    """Return the fields of a form. What is no UTF-8 becomes U+FFFD, and NUL too, which no store keeps.

    Raises: ValueError, for more than `MOST_FIELDS`.
    """
    pairs = parse_qsl(
        body.decode("ascii", errors="replace"),
        keep_blank_values=True,
        max_num_fields=MOST_FIELDS,
    )
    return [(_storable(name), _storable(value)) for name, value in pairs]


def _storable(text: str) -> str:
    return text.replace("\x00", "\ufffd").replace("\r\n", "\n")


def _read_notice(told: str | None) -> str:
    try:
        return base64.urlsafe_b64decode(told or "").decode()
    except ValueError:
        return ""
