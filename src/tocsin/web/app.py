"""The pages: every route behind one gate, which knows who comes, and lets in whom the route admits."""

from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from tocsin.actions.pause import is_paused
from tocsin.actions.sessions import find_session, touch
from tocsin.domain.session import SignedIn, is_csrf_token
from tocsin.errors import TocsinError
from tocsin.secret import Secret
from tocsin.service.body import SenderGone, read_body
from tocsin.service.bugs import log_bug
from tocsin.service.transactions import Transactions
from tocsin.store.database import Tx
from tocsin.web import pages
from tocsin.web.entries import render_entry
from tocsin.web.headers import NOT_KEPT, is_from_here, security_headers
from tocsin.web.kept_form import keep, most_of_form, show_kept
from tocsin.web.live import Live
from tocsin.web.pages.signing_in import SIGN_IN, ask_who_sent
from tocsin.web.refusals import (
    CameFromElsewhere,
    FormTooLarge,
    NoSuchPage,
    SignInFirst,
    WrongMethod,
)
from tocsin.web.route import Access, Found, Route
from tocsin.web.static_files import STATIC, answer_static
from tocsin.web.visit import CSRF_FIELD, SESSION_COOKIE, Visit, read_form

GREATEST_NUMBER: Final = 2**63 - 1
"""In a path: no store has a greater one."""


def make_pages(transactions: Transactions) -> ASGIApp:
    """Return the ASGI application of all paths that nothing else answers."""
    return Pages(transactions, pages.ROUTES)


class Pages:
    """ASGI application. Every answer has the security headers, whatever became of it."""

    def __init__(self, work: Transactions, routes: Sequence[Route]) -> None:
        self._work = work
        self._live = Live(work, render_entry)
        self._routes = [(*compile_path(route.path), route) for route in sorted(routes, key=_rank)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            answer = await self._answer(request)
        except SenderGone:
            return
        for name, value in security_headers(request.url.scheme).items():
            answer.headers.setdefault(name, value)
        answer.headers.setdefault("cache-control", NOT_KEPT)
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path = request.url.path
        if path.startswith(STATIC) and request.method in ("GET", "HEAD"):
            file = answer_static(
                path.removeprefix(STATIC),
                accept_encoding=request.headers.get("accept-encoding", ""),
            )
            if file is not None:
                return file
        visit = Visit(
            request=request, work=self._work, now=self._work.services.clock.now(), params={}
        )
        visit.live, visit.find_form = self._live, self._find_form
        try:
            return await self._enter_or_hand_back(visit)
        except TocsinError as refusal:
            return _refused(visit, refusal)
        except Exception as error:  # noqa: BLE001 - a bug is told and logged, and the server goes on
            new_id: Callable[[], str] = lambda: self._work.services.random_bytes(8).hex()  # noqa: E731
            bug = log_bug(error, new_id, method=request.method, path=self._template_of(path))
            return _refused(visit, bug)

    async def _enter_or_hand_back(self, visit: Visit) -> Response:
        """Answer; and whoever sent a form that can do nothing any more gets back what they typed into it."""
        try:
            return await self._enter(visit)
        except (SignInFirst, CameFromElsewhere) as refusal:
            if visit.request.method != "POST":
                if isinstance(refusal, SignInFirst):
                    return _to_sign_in(visit.request)
                raise
            kept = await keep(visit)
            if kept is None or kept.is_too_long:
                return _refused(visit, refusal, is_too_long=kept is not None)
            if visit.who is None:
                return await ask_who_sent(visit, kept)
            return show_kept(visit, kept, refusal)

    async def _enter(self, visit: Visit) -> Response:
        """Let in whom the route admits, and answer. Raises: every refusal of a page."""
        await self._recognise(visit)  # first: a page that is not there has the way to the others
        method = "GET" if visit.request.method == "HEAD" else visit.request.method
        found = self._find(method, visit.request.url.path)
        visit.params = found.params
        needs = found.route.needs
        found.admit(visit.who)
        if visit.request.method == "POST":
            await _take_form(visit, needs)
            if needs is not Access.PUBLIC:
                # A form may take its time to come, and whoever sends it may be let in no more by then.
                await self._recognise(visit)
                found.admit(visit.who)
        return await found.route.run(visit)

    def _find_form(self, path: str) -> Found | None:
        try:
            found = self._find("POST", path)
        except (NoSuchPage, WrongMethod):
            return None
        return None if found.route.needs is Access.PUBLIC else found

    def _find(self, method: str, path: str) -> Found:
        """Raises: NoSuchPage, WrongMethod."""
        allowed = []
        for regex, _, converters, route in self._routes:
            matched = regex.match(path)
            if matched is None:
                continue
            if route.method == method:
                given = matched.groupdict().items()
                try:
                    params = {name: converters[name].convert(text) for name, text in given}
                except ValueError:  # more digits than Python reads
                    raise NoSuchPage from None
                if any(
                    isinstance(each, int) and each > GREATEST_NUMBER for each in params.values()
                ):
                    raise NoSuchPage
                return Found(route, params)
            allowed.append(route.method)
        if allowed:
            raise WrongMethod(allowed)
        raise NoSuchPage

    def _template_of(self, path: str) -> str:
        """Return a path as a log may show it: with nothing of what stands in it."""
        return next((route.path for regex, _, _, route in self._routes if regex.match(path)), "?")

    async def _recognise(self, visit: Visit) -> None:
        """Find out who comes, by their session, and whether Tocsin is paused: both are in every page."""
        text = visit.request.cookies.get(SESSION_COOKIE)
        if not text:
            visit.who = visit.token = None
            return
        token = visit.token = Secret(text)

        def look(tx: Tx) -> tuple[SignedIn | None, bool]:
            return find_session(tx, token, now=visit.now), is_paused(tx)

        visit.who, visit.is_paused = await self._work.read(look)
        if visit.who is not None and visit.who.needs_touch:
            id_ = visit.who.session_id
            await self._work.change(lambda tx, context: touch(tx, id_, now=context.now))


def _rank(route: Route) -> list[bool]:
    """Return where a route stands: a word before what could be taken for it, `new` before `{slug}`."""
    return ["{" in part for part in route.path.split("/")]


async def _take_form(visit: Visit, needs: Access) -> None:
    """Read what was sent, if it came from a page of ours. Raises: CameFromElsewhere, FormTooLarge."""
    if not is_from_here(visit.request.headers):
        raise CameFromElsewhere
    try:
        visit.fields = read_form(
            await read_body(visit.request.receive, at_most=most_of_form(visit))
        )
        visit.is_read = True
    except ValueError:
        raise FormTooLarge from None
    if needs is Access.PUBLIC or visit.token is None:
        return  # it does nothing in the name of a session
    if not is_csrf_token(visit.token, visit.form.get(CSRF_FIELD, "")):
        raise CameFromElsewhere


def _to_sign_in(request: Request) -> Response:
    """Ask who it is, and come back to this page afterwards."""
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    suffix = "" if wanted == "/" else f"?next={quote(wanted, safe='')}"
    return RedirectResponse(SIGN_IN + suffix, status_code=303)


def _refused(visit: Visit, refusal: TocsinError, *, is_too_long: bool = False) -> Response:
    """`is_too_long`: what was typed is not handed back for that."""
    mask = visit.services.cache.mask
    answer = visit.render(
        "refused.html",
        status=refusal.status_hint,
        code=refusal.code,
        message=mask(refusal.message),
        is_too_long=is_too_long,
        is_missing=refusal.status_hint == 404,
    )
    if isinstance(refusal, WrongMethod):
        answer.headers["allow"] = refusal.allowed
    if refusal.status_hint == 503:
        answer.headers["retry-after"] = "2"
    return answer
