"""Signing in and out, and the page behind an invitation."""

import re
from typing import ClassVar, Final
from urllib.parse import quote, urlsplit

from starlette.responses import Response

from tocsin.actions.invitations import find_invitation
from tocsin.actions.sessions import NewSession, SignInRefused, sign_out
from tocsin.actions.users import InvalidTimeZone, check_time_zone, has_administrator
from tocsin.domain.invitation import INVITATION_PATH
from tocsin.domain.known_device import KNOWN_FOR
from tocsin.domain.session import LASTS
from tocsin.domain.sign_in_limit import TooManySignIns
from tocsin.domain.slug import is_slug
from tocsin.domain.user import UTC_ZONE
from tocsin.errors import TocsinError
from tocsin.secret import Secret
from tocsin.service.sign_ins import accept_invitation, device_of, sign_in
from tocsin.web.kept_form import KeptForm, sent_back, show_kept
from tocsin.web.refusals import NotAllowed, SignInFirst
from tocsin.web.route import Access, Route
from tocsin.web.visit import DEVICE_COOKIE, SESSION_COOKIE, Visit

SIGN_IN: Final = "/sign-in"
HOME: Final = "/"
_OURS: Final = re.compile(r"/(?![/\\])[!-\[\]-~]{0,2000}")
_HERE: Final = ("localhost", "127.0.0.1", "::1")


class PasswordsDiffer(TocsinError):
    """A password was typed in two ways."""

    code: ClassVar[str] = "passwords_differ"
    status_hint: ClassVar[int] = 422

    def __init__(self) -> None:
        super().__init__("The two passwords are not the same; type them again")


async def show_sign_in(visit: Visit) -> Response:
    """Ask who it is; whoever is signed in goes on."""
    wanted = path_of_ours(visit.query.get("next", ""))
    if visit.who is not None:
        return visit.redirect(wanted)
    return await _sign_in_page(visit, wanted=wanted)


async def take_sign_in(visit: Visit) -> Response:
    """Begin a session, and go where whoever it is wanted to."""
    name, wanted = visit.form.get("name", "").strip(), path_of_ours(visit.form.get("next", ""))
    kept = sent_back(visit)
    if kept is not None and "already" in visit.form:  # by another way, in another tab
        return show_kept(visit, kept) if visit.who else await ask_who_sent(visit, kept)
    try:
        session = await sign_in(
            visit.work,
            name.lower(),
            Secret(visit.form.get("password", "")),
            client=visit.client,
            device=visit.request.cookies.get(DEVICE_COOKIE, ""),
            replaces=visit.token,
        )
    except (SignInRefused, TooManySignIns) as refusal:
        return await _sign_in_page(visit, wanted=wanted, name=name, refusal=refusal, kept=kept)
    if kept is not None:
        visit.come_as(session)
        return with_session(visit, _kept_or_told(visit, kept), session)
    return with_session(visit, visit.redirect(wanted), session)


def _kept_or_told(visit: Visit, kept: KeptForm) -> Response:
    try:
        return show_kept(visit, kept)
    except NotAllowed as refusal:  # somebody else has signed in than who had typed it
        return visit.redirect(HOME, notice=f"You are signed in. {refusal.message}.")


async def ask_who_sent(visit: Visit, kept: KeptForm) -> Response:
    """Ask who it is whose form came too late, and keep what they typed while they sign in."""
    return await _sign_in_page(visit, wanted=HOME, kept=kept)


async def _sign_in_page(
    visit: Visit,
    *,
    wanted: str,
    name: str = "",
    refusal: TocsinError | None = None,
    kept: KeptForm | None = None,
) -> Response:
    has_begun = await visit.work.read(has_administrator)
    headers = {}
    if isinstance(refusal, TooManySignIns):
        headers["retry-after"] = str(refusal.retry_after)
    return visit.render(
        "sign_in.html",
        status=refusal.status_hint if refusal else SignInFirst.status_hint if kept else 200,
        headers=headers,
        is_whole=kept is not None,
        kept=kept,
        wanted=wanted,
        # What can be no name may be a password, and is not repeated.
        name=name if is_slug(name.lower()) else "",
        refusal=refusal,
        has_begun=has_begun,
        provider=provider_name(visit),
        is_in_the_clear=is_in_the_clear(visit),
    )


async def take_sign_out(visit: Visit) -> Response:
    """End the session of this browser."""
    token = visit.token
    assert token is not None
    await visit.work.change(lambda tx, context: sign_out(tx, token, now=context.now))
    return without_session(visit.redirect(SIGN_IN, notice="You are signed out."))


async def show_welcome(visit: Visit) -> Response:
    """Ask for a password, and of the first administrator for a name; nothing is used up."""
    return await _welcome_page(visit)


async def take_welcome(visit: Visit) -> Response:
    """Use the invitation."""
    form = visit.form
    password = form.get("password", "")
    try:
        if password != form.get("again", ""):
            raise PasswordsDiffer
        session = await accept_invitation(
            visit.work,
            Secret(visit.params["token"]),
            name=form.get("name", "").strip().lower(),
            password=Secret(password),
            time_zone=_time_zone(form.get("time_zone", "")),
            client=visit.client,
            replaces=visit.token,
        )
    except TocsinError as refusal:
        return await _welcome_page(visit, refusal=refusal)
    welcome = f"Welcome, {session.user.name}. You are signed in."
    return with_session(visit, visit.redirect(HOME, notice=welcome), session)


async def _welcome_page(visit: Visit, *, refusal: TocsinError | None = None) -> Response:
    """Raises: InvitationOver."""
    token = Secret(visit.params["token"])
    invitation = await visit.work.read(lambda tx: find_invitation(tx, token, now=visit.now))
    return visit.render(
        "welcome.html",
        status=refusal.status_hint if refusal else 200,
        action=f"{INVITATION_PATH}{quote(token.reveal(), safe='')}",
        invitation=invitation,
        name=visit.form.get("name", ""),
        refusal=refusal,
        is_in_the_clear=is_in_the_clear(visit),
    )


def provider_name(visit: Visit) -> str:
    """Return what the provider is called that people may sign in by; empty: there is none."""
    provider = visit.services.single_sign_on
    return "" if provider is None else provider.provider.name


def with_session(visit: Visit, answer: Response, session: NewSession) -> Response:
    """Let the browser keep a session that has just begun, and know its user again afterwards."""
    answer.set_cookie(
        DEVICE_COOKIE,
        device_of(visit.work, session.user).reveal(),
        max_age=int(KNOWN_FOR.total_seconds()),
        path="/",
        secure=True,
        httponly=True,
        samesite="strict",
    )
    answer.set_cookie(
        SESSION_COOKIE,
        session.token.reveal(),
        max_age=int(LASTS.total_seconds()),
        path="/",
        secure=True,
        httponly=True,
        samesite="lax",  # so that a link in a chat opens signed in
    )
    return answer


def without_session(answer: Response) -> Response:
    """Let the browser forget its session."""
    answer.delete_cookie(SESSION_COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    return answer


def path_of_ours(text: str) -> str:
    """Return where to go on, if it is a path of this server; the home page for whatever else a link says."""
    return text if _OURS.fullmatch(text) else HOME


def is_in_the_clear(visit: Visit) -> bool:
    """Return whether the browser came by http, and from another machine: then it keeps no session.

    What a proxy says of it is believed, whoever that is: only a hint depends on it.
    """
    request = visit.request
    if "https" in (request.url.scheme, request.headers.get("x-forwarded-proto", "")):
        return False
    try:
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return False
    return host not in _HERE and not host.endswith(".localhost")


def _time_zone(given: str) -> str:
    """Return what the browser says, if this machine knows it: that is no reason to refuse anybody."""
    try:
        return check_time_zone(given)
    except InvalidTimeZone:
        return UTC_ZONE


ROUTES: Final = (
    Route(SIGN_IN, "GET", Access.PUBLIC, show_sign_in),
    Route(SIGN_IN, "POST", Access.PUBLIC, take_sign_in),
    Route("/sign-out", "POST", Access.READ, take_sign_out),
    Route(INVITATION_PATH + "{token}", "GET", Access.PUBLIC, show_welcome),
    Route(INVITATION_PATH + "{token}", "POST", Access.PUBLIC, take_welcome),
)
